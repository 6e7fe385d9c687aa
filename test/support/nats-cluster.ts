import { setTimeout as delay } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Broker } from './brokers.js';

/** Three servers of NATS that keep streams together. */
export async function startNatsCluster(): Promise<Broker[]> {
  const servers = await Broker.natsCluster();
  // Nothing tells when they have agreed on who leads.
  while (!(await Promise.all(servers.map(hasLeader))).every(Boolean)) await delay(50);
  return servers;
}

async function hasLeader({ monitor }: Broker): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${monitor}/jsz`).catch(() => undefined);
  // It does not listen there yet.
  if (answer === undefined) return false;
  const { meta_cluster: cluster } = (await answer.json()) as {
    meta_cluster?: { leader?: string; cluster_size: number };
  };
  return cluster?.leader !== undefined && cluster.leader !== '' && cluster.cluster_size === 3;
}

/** The server that leads the stream of a server's histories. */
export async function leaderOf(servers: readonly Broker[]): Promise<Broker> {
  const connection = await connect({ servers: servers.map(({ port }) => `127.0.0.1:${port}`) });
  const { streams } = await jetstreamManager(connection);
  for await (const { config, cluster } of streams.list()) {
    if (config.mirror !== undefined) continue;
    expect(config.num_replicas).toBe(3);
    await connection.close();
    return servers[Number(cluster!.leader!.split('-')[1])]!;
  }
  throw new Error('there is no stream');
}
