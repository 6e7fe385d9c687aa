/**
 * The sub-protocol that changes nothing: a browser fails a handshake in which nothing that it offered is chosen, so
 * what carries a token is never offered alone (reference 15.6).
 */
export const PLAIN_PROTOCOL = 'nestjs-4d-websocket.plain';

/** The sub-protocol of topics that remember (reference 16.4, 16.7): each frame has a header line before its payload. */
export const V1_PROTOCOL = 'nestjs-4d-websocket.v1';

/** A browser's token is offered as a sub-protocol of this prefix and the token's base64url (reference 15.6). */
export const BEARER_PREFIX = 'bearer.';

const V1_PREFIX = `${V1_PROTOCOL}.`;

/** The name by which {@link V1_PROTOCOL} is offered and chosen together with a sub-protocol of the application's. */
export const withV1 = (protocol: string): string => V1_PREFIX + protocol;

/** What a client that resumes offers. First comes what servers choose that know none of it. */
export const offersOf = (protocols: readonly string[]): string[] => [
  ...new Set([...protocols, PLAIN_PROTOCOL, ...protocols.map(withV1), V1_PROTOCOL]),
];

/** Whether frames have header lines on a connection for which this sub-protocol was chosen. */
export const isV1 = (chosen: string): boolean => chosen === V1_PROTOCOL || chosen.startsWith(V1_PREFIX);

/** The application's part of what was chosen: what `ws.protocol` is on both ends; empty if there is none. */
export function applicationProtocol(chosen: string): string {
  if (isV1(chosen)) return chosen.slice(V1_PREFIX.length);
  return chosen === PLAIN_PROTOCOL ? '' : chosen;
}
