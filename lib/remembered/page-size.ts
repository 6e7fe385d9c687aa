/** A page that holds so many bytes is cut, but for its first message (reference 16.8). */
export const PAGE_BYTES = 256 * 1024;
