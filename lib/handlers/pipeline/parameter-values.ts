import type { ArgumentMetadata } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { HandshakeCall } from './handshake-call.js';
import type { ParameterValues } from './parameter-binding.js';

/** Nest's numbers of its parameter decorators, which it does not export. */
const Parameter = {
  REQUEST: 0,
  RESPONSE: 1,
  NEXT: 2,
  BODY: 3,
  QUERY: 4,
  PARAM: 5,
  HEADERS: 6,
  SESSION: 7,
  IP: 11,
} as const;

const KINDS: Readonly<Record<number, ArgumentMetadata['type']>> = {
  [Parameter.BODY]: 'body',
  [Parameter.QUERY]: 'query',
  [Parameter.PARAM]: 'param',
};

function kind(type: number): ArgumentMetadata['type'] {
  return KINDS[type] ?? 'custom';
}

function property(object: unknown, name: unknown): unknown {
  if (name === undefined || name === null) return object;
  return (object as Record<string, unknown> | null | undefined)?.[String(name)];
}

/** The parameters of `onMessage`: `@ConnectedSocket()` and `@MessageBody()` (reference 11.2). */
export const MESSAGE_VALUES: ParameterValues = {
  piped: new Set([Parameter.BODY]),
  kind,
  value(type, data, [connection, message]) {
    if (type === Parameter.REQUEST) return connection;
    return type === Parameter.BODY ? property(message, data) : undefined;
  },
};

/** The parameters of `onConnection`: `@Req`, `@Res`, `@Headers`, `@Query`, `@Param`, `@Ip`, `@Session` (reference 11.1). */
export const HANDSHAKE_VALUES: ParameterValues = {
  piped: new Set([Parameter.QUERY, Parameter.PARAM]),
  kind,
  value(type, data, args) {
    const [raw, response, next, call] = args as [IncomingMessage, unknown, unknown, HandshakeCall];
    const { request } = call.exchange;
    switch (type) {
      case Parameter.REQUEST:
        return raw;
      case Parameter.RESPONSE:
        return response;
      case Parameter.NEXT:
        return next;
      case Parameter.QUERY:
        return property(request.query, data);
      case Parameter.PARAM:
        return property(request.params, data);
      case Parameter.HEADERS:
        return property(request.headers, typeof data === 'string' ? data.toLowerCase() : data);
      case Parameter.SESSION:
        return property(raw, 'session');
      case Parameter.IP:
        return request.remoteAddress;
      default:
        return undefined;
    }
  },
};
