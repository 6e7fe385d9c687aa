import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';

const PASSWORD = process.env.INSPECTOR_PASSWORD ?? 'look';

/** Asks for a name and a password, which browsers do by themselves. An application would ask whoever knows its staff. */
@Injectable()
export class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { authorization = '' } = http.getRequest<IncomingMessage>().headers;
    const [scheme, credentials = ''] = authorization.split(' ');
    const [, password = ''] = Buffer.from(credentials, 'base64').toString().split(/:(.*)/s, 2);
    if (scheme === 'Basic' && isSame(password, PASSWORD)) return true;
    // Fastify's response has another name for it, and the one of a handshake both.
    const response = http.getResponse<{ raw?: ServerResponse } & ServerResponse>();
    (response.raw ?? response).setHeader('WWW-Authenticate', 'Basic realm="inspector"');
    throw new UnauthorizedException();
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Takes as long for a password that is nearly right. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}
