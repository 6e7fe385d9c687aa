// Builds the samples, as `nest build chat` builds one of them: as many at a time as there are processors.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const { projects } = JSON.parse(readFileSync('nest-cli.json', 'utf8'));
const names = Object.keys(projects);

async function buildNext() {
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const [code] = await once(spawn('nest', ['build', name], { stdio: 'inherit', shell: true }), 'exit');
    if (code !== 0) process.exit(code ?? 1);
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, buildNext));
