import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';

export interface User {
  name: string;
}
/** A request that the guard let pass. */
export type Authenticated = { user: User; headers: Record<string, string> };

/** A guard as people write it for controllers. */
@Injectable()
export class TokenGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Authenticated>();
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (token === undefined) throw new UnauthorizedException('No token');
    request.user = { name: token };
    context
      .switchToHttp()
      .getResponse<{ header(name: string, value: string): void }>()
      .header('X-User', token);
    const role = this.reflector.getAllAndOverride<string>('role', [context.getHandler(), context.getClass()]);
    return role === undefined || role === token;
  }
}

/** Sends back what it gets. */
@ConnectionHandler()
export class Echo {
  onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    return data;
  }
}

/** The options of a client with this token. */
export const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
