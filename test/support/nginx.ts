/** Where Debian's package has it. */
export const NGINX = '/usr/sbin/nginx';
