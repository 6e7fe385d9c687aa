// The page of the chat. Everything users typed goes in as textContent, never as HTML.
import { FourDWebSocket, type ContractClientHandler } from 'nestjs-4d-websocket/client';
import { chat, ROOM, type Chat, type Presence, type Said } from '../chat.contract.js';

const join = element<HTMLFormElement>('join');
const nameField = element<HTMLInputElement>('name');
const room = element('room');
const messages = element('messages');
const text = element<HTMLTextAreaElement>('text');
const clock = element<HTMLTimeElement>('clock');

/** How often a page that was reloaded asks for its name, which its old connection may hold for a moment. */
const NAME_TAKEN_RETRIES = 3;
/** How long what was said may take to come back before it is said again, in milliseconds. */
const SAY_AGAIN_AFTER = 2_000;

let name = sessionStorage.getItem('name') ?? '';
let client: FourDWebSocket<unknown, Chat>;
/** What was said and has not come back: text and time by id. */
const unheard = new Map<string, { value: string; at: number }>();

join.addEventListener('submit', (event) => {
  event.preventDefault();
  name = nameField.value.trim();
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
  sessionStorage.removeItem('name');
  name = '';
  unheard.clear();
  client.terminate();
  ask('');
});

setInterval(() => sayAgain(SAY_AGAIN_AFTER), SAY_AGAIN_AFTER / 2);

if (name === '') ask('');
else connect();

function connect() {
  show('Connecting…', 'connecting');
  const url = new URL(`chat?name=${encodeURIComponent(name)}`, location.href);
  const known = sessionStorage.getItem('name') !== null;
  const handler: ContractClientHandler<Chat> = {
    onOpen() {
      sessionStorage.setItem('name', name);
      join.hidden = true;
      room.hidden = false;
      show('Connected', 'connected');
      text.focus();
      sayAgain(0);
    },
    said(_ws, said) {
      unheard.delete(said.id);
      // What was said twice, or is among the last lines again, is here already.
      if (!document.getElementById(said.id)) append(spoken(said));
    },
    joined(_ws, presence) {
      notice(presence, 'joined');
    },
    left(_ws, presence) {
      notice(presence, 'left');
    },
    time(_ws, { at }) {
      clock.textContent = new Date(at).toLocaleTimeString();
      clock.dateTime = at;
    },
    // What was said while the line was cut has come; or not all of it, after a long time.
    onResume(_ws, { topics }) {
      if (topics[ROOM]?.recovered === false) append(tag('li', 'notice', 'Lines may be missing here'));
    },
    onDisconnect(_ws, { delay }) {
      show(`Connection lost. Next try in ${Math.max(1, Math.round(delay / 1000))} s…`, 'lost');
    },
    onTerminate() {
      if (name === '') return;
      sessionStorage.removeItem('name');
      // A browser doesn't tell why a handshake was refused; before the first success it is most likely the name.
      ask(
        known
          ? 'The server could not be reached. Try again, or pick another name.'
          : `“${name}” was refused: the name may be taken, or hold signs other than letters, digits, spaces, dots and dashes.`,
      );
    },
  };
  // Who is in the room comes back into it, however long that takes.
  const retry = ({ attempt }: { attempt: number }) =>
    !room.hidden || (known && attempt <= NAME_TAKEN_RETRIES);
  // What waits for a connection waits in `unheard`.
  client = new FourDWebSocket(url, handler, {
    contract: chat,
    buffer: false,
    reconnect: { maxDelay: 15_000, retry },
  });
}

function ask(error: string) {
  room.hidden = true;
  join.hidden = false;
  element('join-error').textContent = error;
  nameField.value = name;
  nameField.focus();
}

function show(message: string, name: string) {
  const state = element('state');
  state.textContent = message;
  state.dataset.state = name;
}

/** What is said while the connection is lost is said when it is back. */
function say() {
  const value = text.value.trim();
  if (value === '') return;
  const id = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('');
  unheard.set(id, { value, at: Date.now() });
  client.send(chat.say({ text: value, id }));
  text.value = '';
}

/** Says what has not come back for so long: the line was cut, or the server could not keep it. */
function sayAgain(after: number) {
  for (const [id, { value, at }] of unheard) {
    if (Date.now() - at >= after) client.send(chat.say({ text: value, id }));
  }
}

function append(item: HTMLElement) {
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
  messages.append(item);
  while (messages.childElementCount > 500) messages.firstElementChild!.remove();
  if (atEnd) messages.scrollTop = messages.scrollHeight;
}

function spoken({ id, name: author, text: said, at }: Said) {
  const item = tag('li', author === name ? 'said mine' : 'said');
  item.id = id;
  const meta = tag('p', 'meta');
  meta.append(tag('b', '', author === name ? 'You' : author), time(at));
  item.append(meta, tag('p', 'text', said));
  return item;
}

function notice({ name: who, online, at }: Presence, what: 'joined' | 'left') {
  listOnline(online);
  const item = tag('li', 'notice', `${who === name ? 'You' : who} ${what} · `);
  item.append(time(at));
  append(item);
}

function time(at: string) {
  const date = new Date(at);
  const stamp = tag('time', '', date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
  stamp.dateTime = at;
  stamp.title = date.toLocaleString();
  return stamp;
}

function listOnline(names: string[]) {
  element('count').textContent = String(names.length);
  element('online').replaceChildren(
    ...names.map((each) => {
      const item = tag('li');
      const avatar = tag('span', 'avatar', [...each][0]!.toUpperCase());
      avatar.ariaHidden = 'true';
      avatar.style.setProperty('--hue', String(hue(each)));
      item.append(avatar, tag('span', '', each === name ? `${each} (you)` : each));
      return item;
    }),
  );
}

/** A colour of one's own, from the name. */
function hue(word: string) {
  let sum = 7;
  for (const sign of word) sum = (sum * 31 + sign.codePointAt(0)!) % 360;
  return sum;
}

function tag<Kind extends keyof HTMLElementTagNameMap>(kind: Kind, className = '', content = '') {
  const made = document.createElement(kind);
  if (className !== '') made.className = className;
  made.textContent = content;
  return made;
}

function element<Kind extends HTMLElement>(id: string) {
  return document.getElementById(id) as Kind;
}
