import type { Happening, Second } from '../contract.js';
import { byId, element } from './dom.js';
import { clock, count } from './format.js';

/** How many are kept. */
const MOST = 300;

const KINDS: Readonly<Record<Happening['kind'], boolean>> = {
  open: false,
  close: true,
  refused: true,
  error: true,
  limit: true,
  backplane: true,
};

/** What happens, the newest first. */
export class Happenings {
  readonly #list = byId('happenings');
  readonly #shown = new Set<string>();
  readonly #open: (id: number) => void;

  /** @param open shows a connection */
  constructor(open: (id: number) => void) {
    this.#open = open;
    const form = byId('kinds');
    for (const [kind, isShown] of Object.entries(KINDS)) {
      const box = element('input', { type: 'checkbox', checked: isShown, name: kind });
      if (isShown) this.#shown.add(kind);
      box.addEventListener('change', () => {
        if (box.checked) this.#shown.add(kind);
        else this.#shown.delete(kind);
        for (const item of this.#list.querySelectorAll<HTMLElement>(`[data-kind="${kind}"]`))
          item.hidden = !box.checked;
      });
      form.append(element('label', {}, box, ` ${kind}`));
    }
    this.#list.append(element('li', { className: 'quiet' }, 'Nothing yet.'));
  }

  add({ happenings, left, at }: Second): void {
    if (happenings.length === 0) return;
    if (this.#list.firstElementChild?.className === 'quiet') this.#list.replaceChildren();
    if (left > 0) this.#prepend({ at, kind: 'limit', server: '', text: `and ${count(left)} more` });
    for (const happening of happenings) this.#prepend(happening);
    while (this.#list.children.length > MOST) this.#list.lastElementChild!.remove();
  }

  #prepend({ at, kind, server, connection, text }: Happening): void {
    const what = element('span', {}, server === '' ? '' : `${server} `);
    if (connection !== undefined) {
      const open = element('button', { type: 'button', className: 'plain' }, `#${connection}`);
      open.addEventListener('click', () => this.#open(connection));
      what.append(open, ' ');
    }
    what.append(text);
    this.#list.prepend(
      element(
        'li',
        { data: { kind }, hidden: !this.#shown.has(kind) },
        element('time', {}, clock(at)),
        element('span', {}, kind),
        what,
      ),
    );
  }
}
