/** Lets so many turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

/**
 * Waits until a value has not changed for 50 turns of the event loop: nothing moves any more.
 *
 * @param least milliseconds that it must not have changed for, where other threads (zlib's) may be at work
 */
export async function quiet(value: () => unknown, least = 0): Promise<void> {
  let last = value();
  let since = performance.now();
  for (let unchanged = 0; unchanged < 50 || performance.now() - since < least; unchanged++) {
    await new Promise(setImmediate);
    const now = value();
    if (now !== last) {
      unchanged = -1;
      since = performance.now();
    }
    last = now;
  }
}
