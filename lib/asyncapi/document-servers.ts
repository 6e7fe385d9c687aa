import type { Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { INestApplication } from '@nestjs/common';
import type { AsyncApiReference, AsyncApiServer } from './async-api-document.js';
import { reference } from './reference.js';

type Servers = Record<string, AsyncApiServer>;

/**
 * Where the application can be reached, as far as that is known: on this machine, on the port that it listens on by now, and on
 * those that are servers' own.
 */
export function knownServers(app: INestApplication, ownPorts: ReadonlySet<number>): Servers {
  const http = app.getHttpServer() as Server | undefined;
  const protocol = http instanceof TlsServer ? 'wss' : 'ws';
  const address = http?.address();
  const listening = typeof address === 'object' && address !== null ? [address.port] : [];
  const ports = [...listening, ...ownPorts].filter((port) => port !== 0);
  return Object.fromEntries(
    ports.map((port, index) => [
      index < listening.length ? 'application' : `port-${port}`,
      { host: `localhost:${port}`, protocol },
    ]),
  );
}

/**
 * The servers that a channel is on; undefined for all of them.
 *
 * @param port the channel's own; undefined for the application's
 */
export function serversOn(
  port: number | undefined,
  servers: Servers,
  ownPorts: ReadonlySet<number>,
): AsyncApiReference[] | undefined {
  if (ownPorts.size === 0) return undefined;
  const found = Object.entries(servers).filter(([, { host }]) => {
    const own = [...ownPorts].find((each) => host.endsWith(`:${each}`));
    return own === port;
  });
  return found.length === 0 ? undefined : found.map(([name]) => reference('servers', name));
}
