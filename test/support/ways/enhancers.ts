import {
  Catch,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { concatMap, finalize, map } from 'rxjs';

@Injectable()
class Guard implements CanActivate {
  canActivate() {
    return true;
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle();
  }
}

@Injectable()
class Pipe implements PipeTransform {
  transform(value: unknown) {
    return value;
  }
}

/** Catches everything and leaves everything. */
@Catch()
class Filter implements ExceptionFilter {
  catch(exception: unknown) {
    throw exception;
  }
}

/** One kind of enhancer: one that changes nothing, and all the places where it can stand. */
export interface EnhancerKind {
  name: string;
  Type: Type<object>;
  /** What decorates a class or a method. */
  use(enhancer: object): ClassDecorator & MethodDecorator;
  token: string;
  useGlobal(app: INestApplication): unknown;
}

export const ENHANCERS: EnhancerKind[] = [
  {
    name: 'guard',
    Type: Guard,
    use: (guard) => UseGuards(guard as Guard),
    token: APP_GUARD,
    useGlobal: (app) => app.useGlobalGuards(new Guard()),
  },
  {
    name: 'interceptor',
    Type: Interceptor,
    use: (interceptor) => UseInterceptors(interceptor as Interceptor),
    token: APP_INTERCEPTOR,
    useGlobal: (app) => app.useGlobalInterceptors(new Interceptor()),
  },
  {
    name: 'pipe',
    Type: Pipe,
    use: (pipe) => UsePipes(pipe as Pipe),
    token: APP_PIPE,
    useGlobal: (app) => app.useGlobalPipes(new Pipe()),
  },
  {
    name: 'filter',
    Type: Filter,
    use: (filter) => UseFilters(filter as Filter),
    token: APP_FILTER,
    useGlobal: (app) => app.useGlobalFilters(new Filter()),
  },
];

const nextTurn = () => new Promise(setImmediate);

@Injectable()
export class AsyncGuard implements CanActivate {
  async canActivate() {
    await nextTurn();
    return true;
  }
}

@Injectable()
export class AsyncInterceptor implements NestInterceptor {
  async intercept(_context: ExecutionContext, next: CallHandler) {
    await nextTurn();
    return next.handle();
  }
}

/** Lets each value go a turn later. */
@Injectable()
export class DelayingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(concatMap((value: unknown) => nextTurn().then(() => value)));
  }
}

/** What interceptors for logging and for envelopes are made of. */
@Injectable()
export class MappingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(
      map((value: unknown) => value),
      finalize(() => undefined),
    );
  }
}

@Injectable()
export class AsyncPipe implements PipeTransform {
  async transform(value: unknown) {
    await nextTurn();
    return value;
  }
}

@Injectable({ scope: Scope.REQUEST })
export class ScopedGuard extends Guard {}

@Injectable({ scope: Scope.REQUEST })
export class ScopedInterceptor extends Interceptor {}
