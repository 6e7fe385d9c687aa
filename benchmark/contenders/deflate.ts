/** A message as applications have them: 1.3 KB of JSON. */
export const NEWS_ITEM = JSON.stringify({
  type: 'news',
  items: Array.from({ length: 14 }, (_, index) => ({
    id: 71_000 + index * 37,
    title: `What happened at ${index + 6} o'clock`,
    tags: ['news', index % 2 === 0 ? 'city' : 'country'],
    at: 1_790_000_000 + index * 611,
  })),
});

/** How both compress it: no window is kept from message to message. */
export const DEFLATE = { serverNoContextTakeover: true, clientNoContextTakeover: true };
