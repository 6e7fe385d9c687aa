const element = (id) => document.getElementById(id);
const [board, text, room, problems, state] = ['board', 'text', 'room', 'problems', 'state'].map(element);
let socket;

room.addEventListener('change', enter);
element('place').addEventListener('submit', (event) => {
  event.preventDefault();
  place(10 + Math.random() * 80, 10 + Math.random() * 80);
});
board.addEventListener('click', ({ offsetX, offsetY, target }) => {
  if (target === board) place((offsetX / board.clientWidth) * 100, (offsetY / board.clientHeight) * 100);
});
element('colour').addEventListener('change', ({ target }) => send({ type: 'colour', colour: target.value }));
element('mine').addEventListener('click', () => send({ type: 'clear', which: 'mine' }));
enter();

function enter() {
  socket?.close(1000);
  board.replaceChildren();
  const entering = new WebSocket(new URL(`rooms/${room.value}`, location.href.replace(/^http/, 'ws')));
  socket = entering;
  entering.addEventListener('message', ({ data }) => receive(JSON.parse(data)));
  entering.addEventListener('close', ({ code }) => {
    if (socket !== entering || code === 1000) return;
    state.textContent = 'Connection lost, trying again…';
    setTimeout(enter, 1000 + Math.random() * 1000);
  });
}

function place(left, top) {
  send({ type: 'place', text: text.value.trim(), left, top });
}

function send(message) {
  problems.textContent = '';
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function receive(message) {
  switch (message.type) {
    case 'welcome':
      state.textContent = `You are number ${message.you} in room ${message.room}`;
      break;
    case 'placed':
      board.append(note(message));
      if (message.text === text.value.trim()) text.value = '';
      break;
    case 'cleared':
      for (const each of [...board.children])
        if (message.by === null || each.dataset.by === String(message.by)) each.remove();
      break;
    case 'invalid':
      problems.textContent = message.problems.join('; ');
      break;
  }
}

function note({ by, text: words, left, top, colour }) {
  const made = document.createElement('p');
  made.className = 'note';
  made.textContent = words;
  made.dataset.by = by;
  Object.assign(made.style, { left: `${left}%`, top: `${top}%`, background: colour });
  return made;
}
