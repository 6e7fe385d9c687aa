import { inspectorContract } from '../contract.js';
import { Charts } from './charts.js';
import { ConnectionPanel } from './connection-panel.js';
import { ConnectionTable } from './connection-table.js';
import { byId } from './dom.js';
import { Happenings } from './happenings.js';
import { ServerTable } from './server-table.js';
import { Summary } from './summary.js';
import { Talk } from './talk.js';

/** How often the instances are asked about themselves, in milliseconds. */
const EVERY = 5000;

const talk = new Talk();
const summary = new Summary();
const charts = new Charts();
const servers = new ServerTable(talk);
const open = (id: number): void => {
  panel.open(id);
  table.current = id;
};
const table = new ConnectionTable(talk, open);
const panel = new ConnectionPanel(talk, (id) => {
  table.current = undefined;
  table.focusRow(id);
});
const happenings = new Happenings(open);

async function askInstances(): Promise<void> {
  if (!talk.isLive) return;
  try {
    const instances = await talk.call(inspectorContract.instances({}));
    servers.isReadOnly = panel.isReadOnly = instances.isReadOnly;
    panel.instance = instances.own.name;
    summary.showInstances(instances);
  } catch {
    // The line was cut: it is asked again when that is back.
  }
}

talk.onBegin(() => {
  servers.clear();
  void (async () => {
    await askInstances();
    await talk.take(talk.stream(inspectorContract.seconds({})), (second) => {
      summary.show(second);
      charts.add(second);
      servers.show(second);
      table.servers(second.servers);
      happenings.add(second);
    });
  })();
});
setInterval(() => void askInstances(), EVERY);

document.addEventListener('keydown', (event) => {
  if (byId<HTMLDialogElement>('dialog').open) return;
  const { target, key } = event;
  const isTyping = target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  if (key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    table.focusSearch();
  } else if (key === 'Escape') {
    panel.close();
  }
});
