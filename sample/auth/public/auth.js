import { FourDWebSocket } from './client.min.js';

const element = (id) => document.getElementById(id);
let client;
/** Of a login. All others are asked for. */
let token;

element('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ name: element('name').value, password: element('password').value });
  const response = await fetch('login', {
    method: 'POST',
    body,
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
  let known = false;
  const handler = {
    dataType: 'object',
    onMessage(_ws, { data: { name, now, expires } }) {
      // Open is also the connection of a client that is about to be told why it is refused.
      if (!known) log('Connected');
      known = true;
      show(true);
      element('who').textContent = name;
      element('now').textContent = new Date(now).toLocaleTimeString();
      element('left').value = Math.max(0, expires - Date.parse(now) / 1000);
    },
    onDisconnect(_ws, { code, reason }) {
      if (known) log(`Closed with ${code}: ${reason ?? 'connection lost'}`);
      known = false;
    },
    onTerminate(_ws, { code, reason }) {
      if (code === 1000) return;
      log(`Refused with ${code}: ${reason}`);
      show(false);
    },
  };
  client = new FourDWebSocket(new URL('clock', location.href), handler, { token: nextToken });
}

/** Asked for before each attempt; who has none is refused. */
async function nextToken() {
  const given = token;
  token = undefined;
  if (given) return given;
  const response = await fetch('refresh', { method: 'POST' });
  if (!response.ok) return undefined;
  log('Token refreshed');
  return (await response.json()).token;
}

function show(known) {
  element('login').hidden = known;
  element('clock').hidden = !known;
}

function log(text) {
  const item = document.createElement('li');
  item.textContent = `${new Date().toLocaleTimeString()} ${text}`;
  element('log').prepend(item);
}
