import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Body, Controller, Get, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { selfSigned } from '../support/certificate.js';
import { connect } from '../support/client.js';
import { within } from '../support/patience.js';
import { openSocket, RawClient } from '../support/raw-client.js';

@ConnectionHandler({ path: '/echo' })
class Echo {
  onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    return data;
  }
}

@Controller()
class Rest {
  @Get('hello')
  hello() {
    return { hello: 'world' };
  }

  @Post('echo')
  @HttpCode(200)
  echo(@Body() body: object) {
    return body;
  }
}

@Module({ imports: [FourDWebSocketModule.forRoot()], controllers: [Rest], providers: [Echo] })
class AppModule {}

const UPGRADE = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];

function requestHead(method: string, path: string, headers: readonly string[] = []): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, '\r\n'].join('\r\n');
}

async function answer(client: RawClient): Promise<{ status: number; body: unknown }> {
  const head = await client.head();
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
  return {
    status: Number(head.split(' ')[1]),
    body: JSON.parse((await client.bytes(length)).toString()) as unknown,
  };
}

describe.each([
  ['express', 'http'],
  ['express', 'https'],
  ['fastify', 'http'],
  ['fastify', 'https'],
])(
  '1.7 a request that offers another upgrade is answered as it would be without us, on %s with %s',
  (platform, protocol) => {
    let app: Awaited<ReturnType<typeof NestFactory.create>>;
    let port: number;
    let client: RawClient;
    const secure = protocol === 'https';

    beforeEach(async () => {
      const options = secure ? await selfSigned() : undefined;
      app =
        platform === 'express'
          ? await NestFactory.create(AppModule, { httpsOptions: options, logger: false })
          : await NestFactory.create(
              AppModule,
              options ? new FastifyAdapter({ https: options }) : new FastifyAdapter(),
              { logger: false },
            );
      await app.listen(0, '127.0.0.1');
      ({ port } = app.getHttpServer().address() as AddressInfo);
      if (secure) {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        client = new RawClient(socket);
      } else {
        client = await openSocket(port);
      }
    });

    afterEach(async () => {
      client.socket.destroy();
      await app.close();
    });

    it('GET: the controller answers, and the connection serves a second request', async () => {
      client.write(requestHead('GET', '/hello', UPGRADE));
      expect(await within(answer(client))).toEqual({ status: 200, body: { hello: 'world' } });
      client.write(requestHead('GET', '/hello'));
      expect(await within(answer(client))).toEqual({ status: 200, body: { hello: 'world' } });
      client.write(requestHead('GET', '/hello', UPGRADE));
      expect(await within(answer(client))).toEqual({ status: 200, body: { hello: 'world' } });
    });

    it.each(['one packet', 'several packets'])('POST: the body arrives whole, in %s', async (how) => {
      const sent = { text: 'é'.repeat(20_000) };
      const body = Buffer.from(JSON.stringify(sent));
      const head = requestHead('POST', '/echo', [
        ...UPGRADE,
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
      ]);
      if (how === 'one packet') {
        client.write(head, body);
      } else {
        client.write(head, body.subarray(0, 10));
        await new Promise(setImmediate);
        client.write(body.subarray(10, 15_000));
        await new Promise(setImmediate);
        client.write(body.subarray(15_000));
      }
      expect(await within(answer(client))).toEqual({ status: 200, body: sent });
      client.write(requestHead('GET', '/hello'));
      expect(await within(answer(client))).toEqual({ status: 200, body: { hello: 'world' } });
    });

    it('a path of ours is no exception; nobody’s path is Nest’s own 404', async () => {
      client.write(requestHead('GET', '/echo', UPGRADE));
      expect(await within(answer(client))).toMatchObject({
        status: 404,
        body: { message: 'Cannot GET /echo' },
      });
      client.write(requestHead('GET', '/hello'));
      expect((await within(answer(client))).status).toBe(200);
    });

    it('Upgrade: websocket is still ours', async () => {
      const ours = await connect(`${secure ? 'wss' : 'ws'}://127.0.0.1:${port}/echo`, {
        rejectUnauthorized: false,
      });
      ours.send('x');
      expect(await ours.next()).toBe('x');
      await ours.close();
    });
  },
);
