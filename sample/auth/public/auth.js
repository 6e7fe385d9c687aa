// A browser does not tell a page why a handshake was refused. So the page asks an ordinary route with the same guard.
const TOKEN_EXPIRED = 4401;
const element = (id) => document.getElementById(id);
let socket;

element('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ name: element('name').value, password: element('password').value });
  const response = await fetch('login', {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json' },
  });
  if (!response.ok) return log(`Login: HTTP ${response.status}, ${(await response.json()).message}`);
  log('Login: HTTP 200');
  connect();
});

element('logout').addEventListener('click', async () => {
  await fetch('logout', { method: 'POST' });
  socket?.close(1000);
  log('Logged out');
  show(false);
});

connect();

function connect() {
  socket = new WebSocket(new URL('clock', location.href.replace(/^http/, 'ws')));
  let opened = false;
  socket.addEventListener('open', () => {
    opened = true;
    log('Connected');
    show(true);
  });
  socket.addEventListener('message', ({ data }) => {
    const { name, now, expires } = JSON.parse(data);
    element('who').textContent = name;
    element('now').textContent = new Date(now).toLocaleTimeString();
    element('left').value = Math.max(0, expires - Date.parse(now) / 1000);
  });
  socket.addEventListener('close', ({ code, reason }) => {
    if (code === TOKEN_EXPIRED) log(`Closed with ${code}: ${reason}`);
    if (code !== 1000) void closed(opened);
  });
}

async function closed(opened) {
  const status = (await fetch('me').catch(() => ({ status: 0 }))).status;
  if (!opened) log(`Handshake refused; the guard says HTTP ${status}`);
  if (status === 401) return refresh();
  if (opened || status === 0) setTimeout(connect, 1000 + Math.random() * 1000);
}

async function refresh() {
  const response = await fetch('refresh', { method: 'POST' });
  if (!response.ok) return show(false);
  log('Token refreshed');
  return connect();
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
