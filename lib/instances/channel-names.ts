/*
 * The channels of a server begin with its path. A path can hold no #, which would begin a URL's fragment, so no two of
 * these names are the same. A backplane puts its prefix before them.
 */

/** What all instances of a server hear. */
export function serverChannel(server: string): string {
  return `${server}#all`;
}

/** What the instances hear whose clients subscribed to a topic. */
export function topicChannel(server: string, topic: string): string {
  return `${server}#topic:${topic}`;
}

/** What one instance hears: the one that gives out the connection ids of this block. */
export function instanceChannel(block: number): string {
  return `#instance:${block}`;
}
