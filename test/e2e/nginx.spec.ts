import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectionHandler, type WebSocketConnection } from 'nestjs-4d-websocket';
import { listens } from '../support/brokers.js';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { NGINX } from '../support/nginx.js';
import { describeWith } from '../support/requirement.js';

afterEach(closeApps);

describeWith('nginx', NGINX, 'behind nginx, with the configuration of the guide', () => {
  it('connections, addresses, refusals and shutdown come through', async () => {
    @ConnectionHandler({ path: '/ws', trustProxy: 'loopback', allowedOrigins: ['https://app.example.com'] })
    class Handler {
      onMessage(ws: WebSocketConnection) {
        return ws.request.remoteAddress;
      }
    }
    const { port: appPort, close } = await startApp({ providers: [Handler] });
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'nginx-'));
    const configuration = (await readFile('docs/nginx.conf', 'utf8'))
      .replace('127.0.0.1:3000', `127.0.0.1:${appPort}`)
      .replace('listen 8080', `listen 127.0.0.1:${port}`)
      .replace('worker_processes auto', 'worker_processes 1')
      .replace(
        'http {',
        `http {\n  access_log off;\n  client_body_temp_path ${folder};\n  proxy_temp_path ${folder};\n`,
      );
    await writeFile(
      join(folder, 'nginx.conf'),
      `daemon off;\npid ${folder}/pid;\nerror_log ${folder}/error.log;\n${configuration}`,
    );
    const nginx = spawn(NGINX, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
    const exited = once(nginx, 'exit');
    try {
      await listens(port);
      const url = `ws://127.0.0.1:${port}/ws`;
      const client = await connect(url, { headers: { 'X-Forwarded-For': '203.0.113.7' } });
      client.send('who am I?');
      expect(await client.next()).toBe('203.0.113.7');
      const direct = await connect(`ws://127.0.0.1:${appPort}/ws`);
      direct.send('who am I?');
      expect(await direct.next()).toBe('127.0.0.1');
      expect(await connectRefused(url, { origin: 'https://evil.example' })).toMatchObject({ status: 403 });
      expect(await connectRefused(`${url}/none`)).toMatchObject({ status: 404 });
      await close();
      expect((await client.closed).code).toBe(1001);
    } finally {
      nginx.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true });
    }
  });
});
