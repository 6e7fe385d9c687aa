/** The package as npm would publish it, and the environment of a user's shell. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/process.js';

/** What jest sets for itself is not for the programs and tests of an application. */
const { JEST_WORKER_ID: _worker, NODE_ENV: _environment, ...environment } = process.env;

export const env = {
  ...environment,
  NODE_OPTIONS: '',
  npm_config_loglevel: 'error',
  npm_config_fund: 'false',
  npm_config_audit: 'false',
  // A registry that stalls is asked again, not waited for.
  npm_config_prefer_offline: 'true',
  npm_config_fetch_timeout: '30000',
  npm_config_fetch_retries: '5',
};

const folders: string[] = [];

/** A folder that lasts until {@link removeFolders}. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-4d-websocket-'));
  folders.push(folder);
  return folder;
}

export async function removeFolders(): Promise<void> {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
}

interface Packed {
  filename: string;
  files: { path: string }[];
}

/** Packs what is built already: `npm test` did it. */
export async function pack(): Promise<{ tarball: string; files: string[] }> {
  const folder = await newFolder();
  const output = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    env,
  });
  const packed = JSON.parse(output) as Packed[] | Record<string, Packed>;
  const [{ filename, files }] = Object.values(packed) as [Packed];
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}
