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

/** Lets in who brings a token, in a header or a cookie. The same guard protects controllers and handshakes. */
@Injectable()
export class JwtGuard implements CanActivate {
  constructor(private readonly jwt: JwtService) {}

  async canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token =
      request.headers.authorization?.replace(/^Bearer /, '') ?? cookie(request.headers.cookie, 'access');
    try {
      request.user = await this.jwt.verifyAsync<User>(token ?? '', { audience: 'access' });
    } catch {
      throw new UnauthorizedException('Please log in');
    }
    return true;
  }
}

/** The value of a cookie. */
export function cookie(header: string | undefined, name: string): string | undefined {
  return new RegExp(`(?:^|; )${name}=([^;]*)`).exec(header ?? '')?.[1];
}
