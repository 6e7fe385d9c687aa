import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';

@Injectable()
class NoOpInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle();
  }
}

/** An interceptor around every method of an application, that does nothing. */
export const NO_OP_INTERCEPTOR = { provide: APP_INTERCEPTOR, useClass: NoOpInterceptor };
