// The page of the chat. Everything users typed goes in as textContent, never as HTML.

const element = (id) => document.getElementById(id);
const [join, room, messages, online, text, state] = [
  'join',
  'room',
  'messages',
  'online',
  'text',
  'state',
].map(element);

/** Waits between attempts to reconnect, in milliseconds; each is shaken a little, so that clients don't come at once. */
const BACK_OFF = [500, 1000, 2000, 4000, 8000, 15_000];
const NAME_TAKEN_RETRIES = 3;

let name = sessionStorage.getItem('name') ?? '';
let socket;
let attempt = 0;
let retry;

join.addEventListener('submit', (event) => {
  event.preventDefault();
  name = join.elements.name.value.trim();
  if (name !== '') connect();
});

element('say').addEventListener('submit', (event) => {
  event.preventDefault();
  say();
});

text.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  say();
});

element('leave').addEventListener('click', () => {
  clearTimeout(retry);
  sessionStorage.removeItem('name');
  name = '';
  socket?.close(1000);
  ask('');
});

window.addEventListener('online', () => {
  if (name !== '' && socket?.readyState === WebSocket.CLOSED) connect();
});

if (name === '') ask('');
else connect();

function connect() {
  clearTimeout(retry);
  show(attempt === 0 ? 'Connecting…' : 'Reconnecting…', 'connecting');
  const url = new URL(`chat?name=${encodeURIComponent(name)}`, location.href.replace(/^http/, 'ws'));
  const opening = new WebSocket(url);
  socket = opening;
  let opened = false;
  opening.addEventListener('open', () => {
    opened = true;
    attempt = 0;
    sessionStorage.setItem('name', name);
    join.hidden = true;
    room.hidden = false;
    show('Connected', 'connected');
    text.focus();
  });
  opening.addEventListener('message', ({ data }) => receive(JSON.parse(data)));
  opening.addEventListener('close', () => {
    if (socket !== opening || name === '') return;
    closed(opened);
  });
}

/** The connection is gone, or was never made: try again, later and later. */
function closed(opened) {
  // A browser doesn't tell why a handshake was refused; before the first success it is most likely the name.
  if (!opened && sessionStorage.getItem('name') === null) {
    ask(
      `“${name}” was refused: the name may be taken, or hold signs other than letters, digits, spaces, dots and dashes.`,
    );
    return;
  }
  if (!opened && attempt >= NAME_TAKEN_RETRIES && room.hidden) {
    sessionStorage.removeItem('name');
    ask('The server could not be reached. Try again, or pick another name.');
    return;
  }
  const wait = BACK_OFF[Math.min(attempt++, BACK_OFF.length - 1)] * (0.75 + Math.random() / 2);
  show(`Connection lost. Next try in ${Math.max(1, Math.round(wait / 1000))} s…`, 'lost');
  retry = setTimeout(connect, wait);
}

function ask(error) {
  attempt = 0;
  room.hidden = true;
  join.hidden = false;
  element('join-error').textContent = error;
  join.elements.name.value = name;
  join.elements.name.focus();
}

function show(message, name) {
  state.textContent = message;
  state.dataset.state = name;
  element('send').disabled = name !== 'connected';
}

function say() {
  const value = text.value.trim();
  if (value === '' || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ text: value }));
  text.value = '';
}

function receive(message) {
  if (message.online) listOnline(message.online);
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
  messages.append(message.type === 'said' ? spoken(message) : notice(message));
  while (messages.childElementCount > 500) messages.firstElementChild.remove();
  if (atEnd) messages.scrollTop = messages.scrollHeight;
}

function spoken({ name: author, text: said, at }) {
  const item = tag('li', author === name ? 'said mine' : 'said');
  const meta = tag('p', 'meta');
  meta.append(tag('b', '', author === name ? 'You' : author), time(at));
  item.append(meta, tag('p', 'text', said));
  return item;
}

function notice({ type, name: who, at }) {
  const item = tag('li', 'notice', `${who === name ? 'You' : who} ${type} · `);
  item.append(time(at));
  return item;
}

function time(at) {
  const date = new Date(at);
  const stamp = tag('time', '', date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  stamp.dateTime = at;
  stamp.title = date.toLocaleString();
  return stamp;
}

function listOnline(names) {
  element('count').textContent = String(names.length);
  online.replaceChildren(
    ...names.map((each) => {
      const item = tag('li');
      const avatar = tag('span', 'avatar', [...each][0].toUpperCase());
      avatar.ariaHidden = 'true';
      avatar.style.setProperty('--hue', String(hue(each)));
      item.append(avatar, tag('span', '', each === name ? `${each} (you)` : each));
      return item;
    }),
  );
}

/** A colour of one's own, from the name. */
function hue(word) {
  let sum = 7;
  for (const sign of word) sum = (sum * 31 + sign.codePointAt(0)) % 360;
  return sum;
}

function tag(kind, className = '', content = '') {
  const made = document.createElement(kind);
  if (className !== '') made.className = className;
  made.textContent = content;
  return made;
}
