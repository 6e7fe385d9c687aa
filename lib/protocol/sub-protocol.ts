/**
 * The sub-protocol that changes nothing: a browser fails a handshake in which nothing that it offered is chosen, so
 * what carries a token is never offered alone (reference 15.6).
 */
export const PLAIN_PROTOCOL = 'nestjs-4d-websocket.plain';

/** A browser's token is offered as a sub-protocol of this prefix and the token's base64url (reference 15.6). */
export const BEARER_PREFIX = 'bearer.';
