import { Test, TestingModule } from '@nestjs/testing';
import { WebSocketConnection, WSMessageEvent } from 'nestjs-4d-websocket';
import { AppService } from './app.service.js';
import { UpperHandler } from './upper.handler.js';

describe('UpperHandler', () => {
  let handler: UpperHandler;

  beforeEach(async () => {
    const module: TestingModule = await Test.createTestingModule({
      providers: [UpperHandler, AppService],
    }).compile();

    handler = await module.resolve(UpperHandler);
  });

  it('should shout', () => {
    const sent: unknown[] = [];
    const ws = { send: (message: unknown) => sent.push(message) } as unknown as WebSocketConnection;
    handler.onOpen(ws);
    handler.onMessage(ws, { data: 'hello' } as WSMessageEvent<string>);
    expect(sent).toEqual(['Hello World!', 'HELLO']);
  });
});
