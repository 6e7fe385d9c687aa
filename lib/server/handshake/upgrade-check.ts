import type { IncomingMessage } from 'node:http';
import type { HttpException } from '@nestjs/common';
import { httpError } from './refusal.js';

/** A request that is no valid opening handshake: the error, and the headers that say what would be. */
export interface InvalidUpgrade {
  error: HttpException;
  headers: readonly string[];
}

const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Checks the opening handshake (RFC 6455, section 4.2.1); undefined if it is valid. */
export function checkUpgrade(request: IncomingMessage): InvalidUpgrade | undefined {
  const { headers } = request;
  const { httpVersionMajor: major, httpVersionMinor: minor } = request;
  if (major < 1 || (major === 1 && minor < 1)) {
    return { error: httpError(400, 'A WebSocket handshake needs HTTP/1.1 or higher'), headers: [] };
  }
  if (request.method !== 'GET') {
    return { error: httpError(405, 'A WebSocket handshake must be a GET request'), headers: ['Allow: GET'] };
  }
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    return {
      error: httpError(400, 'The Upgrade header must be "websocket"'),
      headers: ['Upgrade: websocket'],
    };
  }
  const key = headers['sec-websocket-key'];
  if (key === undefined || !KEY.test(key)) {
    return { error: httpError(400, 'The Sec-WebSocket-Key header is missing or invalid'), headers: [] };
  }
  const version = headers['sec-websocket-version'];
  if (version !== '13' && version !== '8') {
    return {
      error: httpError(426, 'The Sec-WebSocket-Version header must be 13'),
      headers: ['Upgrade: websocket', 'Sec-WebSocket-Version: 13, 8'],
    };
  }
  return undefined;
}
