import { byId, element } from './dom.js';
import { reasonOf, type Talk } from './talk.js';

interface Field {
  readonly name: string;
  readonly label: string;
  readonly type?: string;
  readonly value?: string;
  readonly required?: boolean;
  readonly isLong?: boolean;
}

/** A question before something is done. */
interface Question {
  readonly title: string;
  readonly text: string;
  readonly fields: readonly Field[];
  readonly does: string;
  readonly isDangerous?: boolean;
  readonly talk: Talk;
  /** What is done; why it could not be is shown. */
  do(values: Readonly<Record<string, string>>): Promise<void>;
}

/** Asks in a dialog, and does what was asked for. */
export function ask(question: Question): void {
  const dialog = byId<HTMLDialogElement>('dialog');
  const failure = element('p', { attributes: { role: 'alert' }, data: { bad: 'true' }, hidden: true });
  const inputs = question.fields.map(
    ({ name, label, type = 'text', value = '', required = false, isLong }) => {
      const input =
        isLong === true
          ? element('textarea', { name, value, required })
          : element('input', { name, type, value, required, autocomplete: 'off' });
      return element('label', {}, element('span', {}, label), input);
    },
  );
  const cancel = element('button', { type: 'button' }, 'Cancel');
  cancel.addEventListener('click', () => dialog.close());
  const does = element('button', { className: question.isDangerous === true ? 'danger' : '' }, question.does);
  const form = element(
    'form',
    {},
    element('h2', { id: 'dialog-title' }, question.title),
    element('p', { className: 'quiet' }, question.text),
    ...inputs,
    failure,
    does,
    cancel,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form)) as Record<string, string>;
    question.do(values).then(
      () => dialog.close(),
      (error: unknown) => {
        failure.textContent = reasonOf(error);
        failure.hidden = false;
      },
    );
  });
  dialog.replaceChildren(form);
  dialog.showModal();
}
