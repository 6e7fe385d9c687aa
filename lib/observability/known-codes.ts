/**
 * The close codes and error codes that the package itself uses, and those of RFC 6455, section 7.4.1: what is counted by code has
 * these in any case.
 */
export const KNOWN_CODES: readonly string[] = [
  1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 4400, 4401, 4403,
  4404, 4408, 4429, 4500, 4503,
].map(String);
