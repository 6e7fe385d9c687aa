import type { IncomingMessage } from 'node:http';
import type { HttpException } from '@nestjs/common';
import { BEARER_PREFIX } from '../../protocol/sub-protocol.js';
import { httpError } from './refusal.js';

const OFFERS = 'sec-websocket-protocol';

/** What a header can hold (RFC 9110, section 5.5), as Node reads it. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

/**
 * Takes the token that a browser offered as a sub-protocol off a request, and puts it where every other client has its
 * own: into the header `Authorization`, unless the request has one (reference 15.6).
 *
 * @returns the error of an offer that holds no token, which never quotes it
 */
export function takeOffBearer(request: IncomingMessage): HttpException | undefined {
  const { headers } = request;
  if (headers[OFFERS]?.includes(BEARER_PREFIX) !== true) return undefined;
  // Node makes both views of the lines when they are first asked for, and counts the lines that came: now is the time.
  const { rawHeaders, headersDistinct } = request;
  const tokens: string[] = [];
  const lines: string[] = [];
  const left: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    const value = rawHeaders[index + 1]!;
    if (name.toLowerCase() !== OFFERS) {
      lines.push(name, value);
      continue;
    }
    const offers = value.split(',').map((offer) => offer.trim());
    const others = offers.filter((offer) => !offer.startsWith(BEARER_PREFIX));
    tokens.push(...offers.filter((offer) => offer.startsWith(BEARER_PREFIX)));
    if (others.length === 0) continue;
    // What else is wrong with the list stays in it, for who checks that.
    left.push(others.length === offers.length ? value : others.join(', '));
    lines.push(name, left.at(-1)!);
  }
  if (tokens.length === 0) return undefined;
  const token = tokens.length === 1 ? decode(tokens[0]!.slice(BEARER_PREFIX.length)) : undefined;
  if (left.length > 0) {
    headers[OFFERS] = left.join(', ');
    headersDistinct[OFFERS] = left;
  } else {
    delete headers[OFFERS];
    delete headersDistinct[OFFERS];
  }
  if (token !== undefined && headers.authorization === undefined) {
    const authorization = `Bearer ${token}`;
    headers.authorization = authorization;
    headersDistinct.authorization = [authorization];
    lines.push('Authorization', authorization);
  }
  rawHeaders.splice(0, rawHeaders.length, ...lines);
  return token === undefined
    ? httpError(400, `A "${BEARER_PREFIX}" sub-protocol must be one token in base64url, without padding`)
    : undefined;
}

/** The text of a base64url; undefined for what is none, is not UTF-8, or is no text for a header. */
function decode(base64url: string): string | undefined {
  const bytes = Buffer.from(base64url, 'base64url');
  // Node's decoder leaves out what it does not understand.
  if (bytes.toString('base64url') !== base64url) return undefined;
  const text = bytes.toString();
  return isFieldValue(text) ? text : undefined;
}

/** Whether a token fits into the header `Authorization`. */
export function isFieldValue(token: string): boolean {
  return FIELD_VALUE.test(token);
}
