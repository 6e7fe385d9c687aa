import * as common from '@nestjs/common';
import { MessageBody } from '@nestjs/websockets';
import { z } from 'zod';
import { ConnectionHandler, type WebSocketConnection, type WSErrorEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';

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
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('{"x":3}');
    expect(await client.next()).toBe('{"moved":3}');
    client.send('{"x":-3}');
    expect(await client.next()).toBe('{"errCode":400}');
  },
);
