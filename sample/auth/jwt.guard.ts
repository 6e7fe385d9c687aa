import type { IncomingMessage } from 'node:http';
import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';

/** Who a token was made for. */
export interface User {
  name: string;
  /** When the token expires, in seconds since 1970. */
  exp: number;
}

export type AuthenticatedRequest = IncomingMessage & { user: User };

/**
 * Lets in who brings a token. The same guard protects controllers and handshakes: the token that a browser's client sends as
 * a sub-protocol is a header here, too.
 */
@Injectable()
export class JwtGuard implements CanActivate {
  constructor(private readonly jwt: JwtService) {}

  async canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    try {
      request.user = await this.jwt.verifyAsync<User>(token ?? '', { audience: 'access' });
    } catch {
      throw new UnauthorizedException('Please log in');
    }
    return true;
  }
}
