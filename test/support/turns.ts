/** Lets so many turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

/** Waits until a value has not changed for 50 turns of the event loop: nothing moves any more. */
export async function quiet(value: () => unknown): Promise<void> {
  let last = value();
  for (let unchanged = 0; unchanged < 50; unchanged++) {
    await new Promise(setImmediate);
    const now = value();
    if (now !== last) unchanged = -1;
    last = now;
  }
}
