/** The document of the chat sample (reference 17.5), as docs/ shows it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as parsers from '@asyncapi/parser';
import { NestFactory } from '@nestjs/core';
import { AsyncApiModule } from 'nestjs-4d-websocket';
import { stringify } from 'yaml';
import { AppModule } from '../../sample/chat/app.module.js';
import { describeChat } from '../../sample/chat/chat.document.js';

// Its ES modules import files without their extensions.
const { Parser } = createRequire(join(process.cwd(), 'package.json'))('@asyncapi/parser') as typeof parsers;

const FILE = join(process.cwd(), 'docs/asyncapi-chat.yaml');

it('is that of the sample, which serves it, and the official parser finds nothing wrong with it', async () => {
  const app = await NestFactory.create(AppModule, { logger: false });
  AsyncApiModule.setup('/asyncapi', app, () => describeChat(app));
  try {
    await app.listen(0, '127.0.0.1');
    const text = stringify(describeChat(app));
    // What a reader of docs/ sees is made here: UPDATE_DOCS=1 writes it.
    if (process.env.UPDATE_DOCS) writeFileSync(FILE, text);
    expect(text).toContain('said');
    expect(readFileSync(FILE, 'utf8')).toBe(text);
    const served = await fetch(`${(await app.getUrl()).replace('[::1]', '127.0.0.1')}/asyncapi-json`);
    expect(stringify(await served.json())).toBe(text);
    const problems = await new Parser().validate(text);
    expect(problems.filter(({ severity }) => severity <= 1)).toEqual([]);
  } finally {
    await app.close();
  }
});
