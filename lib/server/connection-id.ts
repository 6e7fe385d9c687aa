let lastId = 0;

/** An id that no other connection of this process has or had. */
export function nextConnectionId(): number {
  return ++lastId;
}
