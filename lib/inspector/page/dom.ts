type Properties<T extends HTMLElement> = Partial<Omit<T, 'attributes' | 'children' | 'dataset' | 'style'>> & {
  data?: Readonly<Record<string, string>>;
  attributes?: Readonly<Record<string, string>>;
};

/** Makes an element. What is shown is text: nothing that anybody sent becomes HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { data = {}, attributes = {}, ...properties }: Properties<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  Object.assign(made.dataset, data);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The element of the page with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element "${id}"`);
  return found as T;
}

/** Changes a text only if it is another: what is selected stays so. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Says something to who does not see it. */
export function say(text: string): void {
  setText(byId('said'), text);
}
