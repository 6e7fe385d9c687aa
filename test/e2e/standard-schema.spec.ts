import * as common from '@nestjs/common';
import { MessageBody } from '@nestjs/websockets';
import { z } from 'zod';
import { ConnectionHandler, type WebSocketConnection, type WSErrorEvent } from 'nestjs-4d-websocket';
import { connect } from 'nestjs-4d-websocket/testing';
import { closeApps, initApp } from '../support/app.js';

afterEach(closeApps);

const { StandardSchemaValidationPipe } = common;
// Nest has it since its version 12.
const onNest12 = StandardSchemaValidationPipe === undefined ? it.skip : it;

onNest12(
  'a schema of zod validates a message (skipped where Nest has no StandardSchemaValidationPipe)',
  async () => {
    const Move = z.object({ x: z.number().min(0) });
    @ConnectionHandler({ path: '/', dataType: 'object' })
    @common.UsePipes(new StandardSchemaValidationPipe())
    class Handler {
      onMessage(@MessageBody({ schema: Move }) move: z.infer<typeof Move>) {
        return { moved: move.x };
      }
      onError(ws: WebSocketConnection, { errors }: WSErrorEvent) {
        ws.send({ errCode: errors[0].errCode });
      }
    }
    const app = await initApp({ providers: [Handler] });
    const ws = await connect(app, '/', { dataType: 'object' });
    ws.send({ x: 3 });
    expect(await ws.next()).toEqual({ moved: 3 });
    ws.send({ x: -3 });
    expect(await ws.next()).toEqual({ errCode: 400 });
  },
);
