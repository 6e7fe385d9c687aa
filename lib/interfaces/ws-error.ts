/**
 * The part of the package an error comes from (reference 12.1):
 * `wsck` protocol and socket, `json` a message that is not JSON, `user` a hook,
 * `http` the handshake, `bkpl` the backplane.
 */
export type ComponentSignature = 'wsck' | 'json' | 'user' | 'http' | 'bkpl';

/** One entry of the `errors` that an `onError` hook receives (reference 12.1). */
export interface WSError {
  /**
   * An `HttpException`'s status; 1002, 1007 or 1009 for what the client sent wrong; 1006 for a broken
   * socket or a missed heartbeat; 1013 for a client that does not read; 1011 for anything else.
   */
  errCode: number;
  /** What went wrong, for people. */
  message: string;
  /** Where it went wrong. */
  componentSignature: ComponentSignature;
  /** What was thrown, as it was thrown. */
  error: unknown;
  /**
   * The response of an `HttpException`: of a failed `ValidationPipe` its `message` lists what is wrong, where `message` here
   * is "Bad Request Exception".
   */
  readonly response?: string | object | undefined;
}
