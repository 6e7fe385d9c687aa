/**
 * Whether a topic matches any of these patterns, in which `*` stands for any text (reference 16.1).
 *
 * @returns a function that remembers nothing: topics come and go by the thousands
 */
export function topicMatcher(patterns: readonly string[]): (topic: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'));
  return (topic) => exact.has(topic) || wild.some((parts) => matches(topic, parts));
}

/** Looks for the texts between the stars, one after the other: it takes as long as the topic is, whatever the pattern. */
function matches(topic: string, parts: readonly string[]): boolean {
  const first = parts[0]!;
  const last = parts[parts.length - 1]!;
  if (topic.length < first.length + last.length || !topic.startsWith(first) || !topic.endsWith(last)) {
    return false;
  }
  const end = topic.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = topic.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
