import { FourDWebSocket, type ContractClientHandler } from 'nestjs-4d-websocket/client';
import { clock, type Clock } from '../clock.contract.js';

let client: FourDWebSocket<unknown, Clock>;
/** Of a login. All others are asked for. */
let token: string | undefined;

element('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [name, password] = [element<HTMLInputElement>('name'), element<HTMLInputElement>('password')];
  const response = await fetch('login', {
    method: 'POST',
    body: JSON.stringify({ name: name.value, password: password.value }),
    headers: { 'Content-Type': 'application/json' },
  });
  const answer = await response.json();
  if (!response.ok) return log(`Login: HTTP ${response.status}, ${answer.message}`);
  log('Login: HTTP 200');
  ({ token } = answer);
  connect();
});

element('logout').addEventListener('click', async () => {
  client.terminate();
  await fetch('logout', { method: 'POST' });
  log('Logged out');
  show(false);
});

connect();

function connect() {
  let expires: number | undefined;
  const handler: ContractClientHandler<Clock> = {
    async onOpen(ws) {
      const me = await ws.call(clock.whoAmI());
      log('Connected');
      show(true);
      element('who').textContent = me.name;
      expires = me.expires;
    },
    tick(_ws, { now }) {
      element('now').textContent = new Date(now).toLocaleTimeString();
      const left = element<HTMLProgressElement>('left');
      left.value = Math.max(0, (expires ?? 0) - Date.parse(now) / 1000);
    },
    onDisconnect(_ws, { code, reason }) {
      if (expires !== undefined) log(`Closed with ${code}: ${reason || 'connection lost'}`);
      expires = undefined;
    },
    onTerminate(_ws, { code, reason }) {
      if (code === 1000) return;
      log(`Refused with ${code}: ${reason}`);
      show(false);
    },
  };
  client = new FourDWebSocket(new URL('clock', location.href), handler, {
    contract: clock,
    token: nextToken,
  });
}

/** Asked for before each attempt; who has none is refused. */
async function nextToken(): Promise<string | undefined> {
  const given = token;
  token = undefined;
  if (given) return given;
  const response = await fetch('refresh', { method: 'POST' });
  if (!response.ok) return undefined;
  log('Token refreshed');
  return (await response.json()).token;
}

function show(known: boolean) {
  element('login').hidden = known;
  element('clock').hidden = !known;
}

function log(text: string) {
  const item = document.createElement('li');
  item.textContent = `${new Date().toLocaleTimeString()} ${text}`;
  element('log').prepend(item);
}

function element<Kind extends HTMLElement>(id: string) {
  return document.getElementById(id) as Kind;
}
