/** Waits, turn by turn, for what no event tells of; fails after `limit` milliseconds. */
export async function until(condition: () => boolean, limit = 20_000): Promise<void> {
  const started = performance.now();
  while (!condition()) {
    if (performance.now() - started > limit) {
      throw new Error(`not true within ${limit} ms: ${String(condition)}`);
    }
    await new Promise(setImmediate);
  }
}

/** What a promise settles with; fails after `limit` milliseconds, for what may never come. */
export async function within<T>(promise: Promise<T>, limit = 20_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`did not settle within ${limit} ms`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
