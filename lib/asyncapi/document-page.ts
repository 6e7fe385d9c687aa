import type { AsyncApiDocument, AsyncApiOperation } from './async-api-document.js';

/** Where the document is in forms for tools. */
interface Links {
  readonly json: string;
  readonly yaml: string;
}

/** A plain page: what there is, and where the document is. It has no script and no style, so any content policy lets it show. */
export function documentPage({ info, channels, operations }: AsyncApiDocument, links: Links): string {
  const all = Object.entries(operations);
  const sections = Object.entries(channels).map(([name, { address, description }]) => {
    const own = all.filter(([, { channel }]) => channel.$ref === `#/channels/${encodeURIComponent(name)}`);
    return [
      `<h2>${escape(name)} <code>${escape(address ?? '')}</code></h2>`,
      `<p>${escape(description ?? '')}</p>`,
      `<ul>${own.map(([key, operation]) => item(key.slice(name.length + 1), operation)).join('\n')}</ul>`,
    ].join('\n');
  });
  const title = `${escape(info.title)} ${escape(info.version)}`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head>
<body>
<h1>${title}</h1>
<p>${escape(info.description ?? '')}</p>
<p>AsyncAPI 3.0: <a href="${escape(links.json)}">JSON</a>, <a href="${escape(links.yaml)}">YAML</a></p>
${sections.join('\n')}
</body>
</html>
`;
}

function item(name: string, { action, reply, summary }: AsyncApiOperation): string {
  const answered = reply === undefined ? '' : ', with a reply';
  const what = summary === undefined ? '' : `: ${escape(summary)}`;
  return `<li><code>${escape(name)}</code> (${action}${answered})${what}</li>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
