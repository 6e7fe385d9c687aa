import {
  createParamDecorator,
  Inject,
  Injectable,
  Query,
  Req,
  Scope,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import {
  WebSocketConnection,
  WebSocketServer,
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { behaviourOf } from './behaviour.js';

/** How the class of a handler is written. The classes carry no decorator of ours yet. */
export interface Form {
  /** Makes a class of connection handlers that do what their clients asked for. */
  handler(): Type<object>;
  /** Makes a class of server handlers that let every client in. */
  server(decision: () => unknown): Type<object>;
  /** Whether pipes see the message: they do where it is bound to a parameter. */
  bound: boolean;
}

class Hooks {
  onOpen(ws: WebSocketConnection) {
    return behaviourOf(ws).onOpen?.(ws);
  }
  onError(ws: WebSocketConnection, event: WSErrorEvent) {
    return behaviourOf(ws).onError?.(ws, event);
  }
  onTerminate(ws: WebSocketConnection, event: WSTerminateEvent) {
    return behaviourOf(ws).onTerminate?.(ws, event);
  }
}

function decide({ request }: WSConnectionEvent, decision: () => unknown) {
  const asked = behaviourOf(request.query.behaviour as string).onConnection?.(request);
  return asked instanceof Promise ? asked.then(decision) : decision();
}

/** Hooks with 4D's two arguments. */
export const PLAIN: Form = {
  bound: false,
  handler() {
    class Handler extends Hooks {
      onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return behaviourOf(ws).onMessage?.(ws, data);
      }
    }
    return Handler;
  },
  server(decision) {
    class Server {
      onConnection(_wss: WebSocketServer, event: WSConnectionEvent) {
        return decide(event, decision);
      }
    }
    return Server;
  },
};

/** Parameters bound by Nest's own decorators. */
export const BOUND: Form = {
  bound: true,
  handler() {
    class Handler extends Hooks {
      onMessage(@MessageBody() data: string, @ConnectedSocket() ws: WebSocketConnection) {
        return behaviourOf(ws).onMessage?.(ws, data);
      }
    }
    return Handler;
  },
  server(decision) {
    class Server {
      onConnection(
        _wss: WebSocketServer,
        event: WSConnectionEvent,
        @Req() request: { url: string },
        @Query('behaviour') id: string,
      ) {
        if (!request.url.includes(`behaviour=${id}`)) throw new Error(`@Query() gave ${id}`);
        return decide(event, decision);
      }
    }
    return Server;
  },
};

const Client = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  context.switchToWs().getClient<WebSocketConnection>(),
);
const Data = createParamDecorator(async (_data: unknown, context: ExecutionContext) =>
  context.switchToWs().getData<string>(),
);
const Url = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<{ url: string }>().url,
);

/** Parameters bound by decorators of the application, one of them asynchronous. */
export const CUSTOM_BOUND: Form = {
  bound: true,
  handler() {
    class Handler extends Hooks {
      onMessage(@Client() ws: WebSocketConnection, @Data() data: string) {
        return behaviourOf(ws).onMessage?.(ws, data);
      }
    }
    return Handler;
  },
  server(decision) {
    class Server {
      onConnection(_wss: WebSocketServer, event: WSConnectionEvent, @Url() url: string) {
        if (url !== event.request.url) throw new Error(`@Url() gave ${url}`);
        return decide(event, decision);
      }
    }
    return Server;
  },
};

/** A dependency that lives as long as its connection. */
@Injectable({ scope: Scope.REQUEST })
export class RequestScoped {
  readonly owner: object[] = [];
}

/** Classes with a request-scoped dependency: Nest makes them in a context of their own. */
export const REQUEST_SCOPED: Form = {
  bound: false,
  handler() {
    class Handler extends Hooks {
      constructor(@Inject(RequestScoped) private readonly scoped: RequestScoped) {
        super();
        scoped.owner.push(this);
      }
      onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        if (ws.handler !== this || this.scoped.owner.at(-1) !== this)
          throw new Error('of another connection');
        return behaviourOf(ws).onMessage?.(ws, data);
      }
    }
    return Handler;
  },
  server(decision) {
    class Server {
      constructor(@Inject(RequestScoped) readonly scoped: RequestScoped) {}
      onConnection(_wss: WebSocketServer, event: WSConnectionEvent) {
        return decide(event, decision);
      }
    }
    return Server;
  },
};
