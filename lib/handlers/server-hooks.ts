import { HttpException, Injectable, InternalServerErrorException, type Type } from '@nestjs/common';
import { ContextIdFactory, type ContextId } from '@nestjs/core';
import { isObservable } from 'rxjs';
import type { ConnectionHandlerOptions } from '../decorators/connection-handler.decorator.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type {
  DataType,
  WSConnectionEvent,
  WSErrorEvent,
  WSServerOpenEvent,
  WSServerErrorEvent,
  WSServerTerminateEvent,
} from '../interfaces/index.js';
import type { HandshakeExchange } from '../server/handshake/handshake-exchange.js';
import type { HandlerSource, ServerHooks } from '../server/hooks.js';
import { isPromise } from '../foundation/promise.js';
import { InterceptedReply } from '../server/replies/intercepted-reply.js';
import { observableOf } from '../server/replies/reply-stream.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { DecisionResolver, type Decider } from './decision-resolver.js';
import { callHook, findHookMethods, optionalHook, type MethodName } from './hook-methods.js';
import type { HandlerMethod } from './pipeline/handler-method.js';
import { lastOf } from './pipeline/interceptors.js';
import type { HandshakeCall } from './pipeline/handshake-call.js';
import { EnhancerResolver } from './pipeline/enhancer-resolver.js';
import { MethodPipeline, type PipelineTarget } from './pipeline/method-pipeline.js';
import { HANDSHAKE_VALUES } from './pipeline/parameter-values.js';
import { moduleRefOf, type DecoratedProvider, type ProviderWrapper } from './provider-explorer.js';

/** Asks a handler about a client; what it returns is a decision of reference 4.1, or a promise of one. */
type Decide = (handler: object, server: WebSocketServer, exchange: HandshakeExchange) => unknown;

/** Makes the hooks of servers from their handlers. */
@Injectable()
export class ServerHooksFactory {
  constructor(
    private readonly decisions: DecisionResolver,
    private readonly enhancers: EnhancerResolver,
  ) {}

  /**
   * The hooks of a server handler.
   *
   * @param wrapper how Nest keeps it; undefined for an object that Nest does not know
   * @throws {InvalidHandlerError} if it has no `onConnection`
   */
  ofHandler(handler: object, name: string, wrapper?: ProviderWrapper): ServerHooks {
    const { onConnection, onOpen, onError, onTerminate } = findHookMethods(handler, name);
    if (onConnection === undefined) {
      throw new InvalidHandlerError(
        name,
        'a WSSHandler needs a method onConnection(), or one marked @OnConnection()',
      );
    }
    const handlerMethod = methodOf(handler, onConnection, wrapper);
    const decide = this.#decide(handlerMethod);
    const readmit = this.#readmit(handlerMethod);
    const decider: Decider = { name, module: wrapper?.host, sources: new Map() };
    const source = (decision: unknown, { dataType }: WebSocketServer): HandlerSource | null =>
      this.decisions.source(decision, decider, dataType);
    return {
      name,
      handler,
      connection: (server, exchange) => {
        const decision = decide(handler, server, exchange);
        return isPromise(decision)
          ? Promise.resolve(decision).then((decided) => source(decided, server))
          : source(decision, server);
      },
      readmit: (server, exchange) => readmit(handler, server, exchange),
      open: optionalHook(onOpen, handlerOf, (): WSServerOpenEvent => ({ type: 'open' })),
      error: optionalHook(onError, handlerOf, (errors: WSErrorEvent['errors']): WSServerErrorEvent => ({
        type: 'error',
        statusText: errors[0].message,
        errors,
      })),
      terminate: optionalHook(onTerminate, handlerOf, (): WSServerTerminateEvent => ({ type: 'terminate' })),
    };
  }

  /**
   * The hooks of a connection handler that is a server of its own: it accepts every client (reference 1.4).
   *
   * @throws {InvalidHandlerError} if it can't serve messages of this type
   */
  ofShorthand(provider: DecoratedProvider<ConnectionHandlerOptions>, dataType: DataType): ServerHooks {
    const { type } = provider;
    const source = this.decisions.sourceOf(provider, dataType);
    return { name: type.name, handler: { onConnection: () => type }, connection: () => source };
  }

  #decide(handlerMethod: HandlerMethod): Decide {
    const { method } = handlerMethod;
    if (!isMadeForEach(handlerMethod)) return this.#decideBy(this.#pipeline(handlerMethod), method);
    return async (_handler, server, exchange) => {
      const { handler, pipeline } = await this.#inContext(handlerMethod, exchange);
      return this.#decideBy(pipeline, method)(handler, server, exchange);
    };
  }

  /** Asks the guards alone, with a request that was not asked with before. */
  #readmit(handlerMethod: HandlerMethod): Decide {
    if (!isMadeForEach(handlerMethod)) {
      const pipeline = this.#pipeline(handlerMethod);
      return (handler, server, exchange) =>
        pipeline.activate(handshakeArgs(exchange, { handler, server, exchange }));
    }
    return async (_handler, server, exchange) => {
      const { handler, pipeline } = await this.#inContext(handlerMethod, exchange);
      await pipeline.activate(handshakeArgs(exchange, { handler, server, exchange }));
    };
  }

  #pipeline(handlerMethod: HandlerMethod): MethodPipeline {
    return new MethodPipeline(handlerMethod, HANDSHAKE_TARGET, this.enhancers);
  }

  /** A handler, or an enhancer of it, that lives as long as the request: all are made anew for each. */
  async #inContext(
    handlerMethod: HandlerMethod,
    { request: { raw } }: HandshakeExchange,
  ): Promise<{ handler: object; pipeline: MethodPipeline }> {
    const wrapper = handlerMethod.wrapper!;
    const moduleRef = moduleRefOf(wrapper);
    const contextId: ContextId = ContextIdFactory.getByRequest(raw);
    moduleRef.registerRequestByContextId(raw, contextId);
    const handler = await moduleRef.resolve<object>(wrapper.token as Type<object>, contextId);
    return { handler, pipeline: this.#pipeline({ ...handlerMethod, contextId }) };
  }

  #decideBy(pipeline: MethodPipeline, method: MethodName): Decide {
    const decide = pipeline.isPlain ? plainDecision(method) : this.#decideThrough(pipeline);
    return pipeline.hasFilters ? filtered(pipeline, decide) : decide;
  }

  #decideThrough(pipeline: MethodPipeline): Decide {
    return async (handler, server, exchange) => {
      const call: HandshakeCall = { handler, server, exchange };
      const returned = await pipeline.call(handshakeArgs(exchange, call));
      if (!(returned instanceof InterceptedReply))
        return isObservable(returned) ? lastOf(returned) : returned;
      const values = returned.values(observableOf);
      const result = await lastOf(values);
      // An interceptor may decide otherwise. One that wraps every result of the application, as { data }, does not
      // mean to: what is no decision leaves the handler's own.
      return this.decisions.isDecision(result) ? result : returned.handlerResult;
    };
  }
}

function methodOf(handler: object, method: MethodName, wrapper: ProviderWrapper | undefined): HandlerMethod {
  // An object may be without a class.
  const type = (handler.constructor ?? Object) as Type<object>;
  return { type, method, handler, wrapper, contextType: 'http' };
}

function isMadeForEach({ wrapper }: HandlerMethod): boolean {
  return wrapper !== undefined && !wrapper.isDependencyTreeStatic();
}

const HANDSHAKE_TARGET: PipelineTarget = {
  values: HANDSHAKE_VALUES,
  parameters: ([, , , call]) => {
    const { server, exchange } = call as HandshakeCall;
    return [server, { type: 'connection', request: exchange.request } satisfies WSConnectionEvent];
  },
  handler: ([, , , call]) => (call as HandshakeCall).handler,
};

/** What guards and their like see of a handshake: request, response, next; and the call, for parameters. */
function handshakeArgs({ request, response }: HandshakeExchange, call: HandshakeCall): unknown[] {
  return [request.raw, response, () => undefined, call];
}

/** Has the filters of `onConnection` hear of its failures. */
function filtered(pipeline: MethodPipeline, decide: Decide): Decide {
  const failed = async (
    error: unknown,
    handler: object,
    server: WebSocketServer,
    exchange: HandshakeExchange,
  ): Promise<null> => {
    await pipeline.filter(error, handshakeArgs(exchange, { handler, server, exchange }));
    if (exchange.response.answered) return null;
    // The filter took the error and said nothing: the client is still to be told.
    throw error instanceof HttpException ? error : new InternalServerErrorException();
  };
  return (handler, server, exchange) => {
    try {
      const decision = decide(handler, server, exchange);
      return isPromise(decision)
        ? decision.then(undefined, (error: unknown) => failed(error, handler, server, exchange))
        : decision;
    } catch (error) {
      return failed(error, handler, server, exchange);
    }
  };
}

function handlerOf(server: WebSocketServer): object {
  return server.handler;
}

function plainDecision(method: MethodName): Decide {
  return (handler, server, { request }) =>
    callHook(handler, method, server, { type: 'connection', request } satisfies WSConnectionEvent);
}
