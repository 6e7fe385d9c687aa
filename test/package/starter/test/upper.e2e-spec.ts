import { INestApplication } from '@nestjs/common';
import { Test, TestingModule } from '@nestjs/testing';
import request from 'superwstest';
import { AppModule } from '../src/app.module.js';

describe('UpperHandler (e2e)', () => {
  let app: INestApplication;

  beforeEach(async () => {
    const moduleFixture: TestingModule = await Test.createTestingModule({
      imports: [AppModule],
    }).compile();

    app = moduleFixture.createNestApplication();
    await app.listen(0, 'localhost');
  });

  it('/upper', async () => {
    await request(app.getHttpServer())
      .ws('/upper')
      .expectText('Hello World!')
      .sendText('hello')
      .expectText('HELLO')
      .close()
      .expectClosed();
  });

  afterEach(async () => {
    await app.close();
  });
});
