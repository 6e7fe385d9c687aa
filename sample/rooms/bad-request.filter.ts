import { BadRequestException, Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { WebSocketConnection } from 'nestjs-4d-websocket';

/** Tells the client what was wrong with its message. */
@Catch(BadRequestException)
export class BadRequestFilter implements ExceptionFilter {
  catch(exception: BadRequestException, host: ArgumentsHost) {
    const { message } = exception.getResponse() as { message: string | string[] };
    host
      .switchToWs()
      .getClient<WebSocketConnection>()
      .send({ type: 'invalid', problems: [message].flat() });
  }
}
