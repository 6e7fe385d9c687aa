/** What every URL may hold as it is, so that nothing has to be decoded to compare it (RFC 3986, section 2.3). */
const PLAIN = /^[\w\-./~]*$/;

/**
 * A path in the one form in which paths are compared (reference 1.7): percent-encoded in one way, whichever way it was given,
 * without one trailing slash. An encoded slash stays apart from a slash. Takes time in proportion to the length.
 *
 * @throws {URIError} for what is not well-formed percent-encoding
 */
export function canonicalPath(path: string): string {
  const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length;
  return encode(path.slice(0, end));
}

/** The text of a declared path, or a piece of one, in the same form; a lone percent sign is one. */
export function encodePath(text: string): string {
  try {
    return encode(text);
  } catch {
    return text.split('/').map(encodeURIComponent).join('/');
  }
}

function encode(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .split('/')
    .map((segment) => encodeURIComponent(decodeURIComponent(segment)))
    .join('/');
}

/** A server's path as it is declared: with the leading slash that it may come without, and without a trailing one. */
export function declaredPath(path: string): string {
  const absolute = path.startsWith('/') ? path : `/${path}`;
  return absolute.length > 1 && absolute.endsWith('/') ? absolute.slice(0, -1) : absolute;
}
