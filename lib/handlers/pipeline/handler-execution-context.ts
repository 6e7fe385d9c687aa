import type { ContextType, ExecutionContext, Type } from '@nestjs/common';

type HttpArgumentsHost = ReturnType<ExecutionContext['switchToHttp']>;
type WsArgumentsHost = ReturnType<ExecutionContext['switchToWs']>;
type RpcArgumentsHost = ReturnType<ExecutionContext['switchToRpc']>;

/** What exception filters and the factories of custom parameters see of a call. */
export class HandlerExecutionContext implements ExecutionContext {
  constructor(
    private readonly type: ContextType,
    private readonly handlerClass: Type<object>,
    private readonly method: (...args: unknown[]) => unknown,
    private readonly args: readonly unknown[],
  ) {}

  getType<T extends string = ContextType>(): T {
    return this.type as string as T;
  }

  getClass<T>(): Type<T> {
    return this.handlerClass as Type<T>;
  }

  getHandler(): (...args: unknown[]) => unknown {
    return this.method;
  }

  getArgs<T extends unknown[]>(): T {
    return this.args as unknown as T;
  }

  getArgByIndex<T>(index: number): T {
    return this.args[index] as T;
  }

  switchToHttp(): HttpArgumentsHost {
    return {
      getRequest: <T>() => this.args[0] as T,
      getResponse: <T>() => this.args[1] as T,
      getNext: <T>() => this.args[2] as T,
    };
  }

  switchToWs(): WsArgumentsHost {
    return {
      getClient: <T>() => this.args[0] as T,
      getData: <T>() => this.args[1] as T,
      getPattern: () => this.args[2] as string,
    };
  }

  switchToRpc(): RpcArgumentsHost {
    return {
      getData: <T>() => this.args[1] as T,
      getContext: <T>() => this.args[0] as T,
    };
  }
}
