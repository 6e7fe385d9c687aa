/** The testing guide's way of testing, done. */
import type { INestApplication } from '@nestjs/common';
import request from 'superwstest';
import { ConnectionHandler, type WSMessageEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';

@ConnectionHandler({ path: '/upper' })
class UppercaseHandler implements ConnectionHandler<string> {
  onMessage(_ws: object, { data }: WSMessageEvent<string>) {
    return data.toUpperCase();
  }
}

let app: INestApplication;
beforeEach(async () => {
  ({ app } = await startApp({ providers: [UppercaseHandler] }));
});
afterEach(closeApps);

it('shouts', () =>
  request(app.getHttpServer()).ws('/upper').sendText('hello').expectText('HELLO').close().expectClosed());

it('is alone', () => request(app.getHttpServer()).ws('/other').expectConnectionError(404));
