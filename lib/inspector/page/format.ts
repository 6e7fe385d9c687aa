const whole = new Intl.NumberFormat('en');
const time = new Intl.DateTimeFormat('en', { hour12: false, timeStyle: 'medium' });

export const count = (value: number): string => whole.format(value);

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[unit]}`;
}

export const clock = (at: number): string => time.format(at);

/** How long ago something was. */
export function age(since: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export const MESSAGE_FORMATS = ['text', 'json', 'hex'] as const;
export type MessageFormat = (typeof MESSAGE_FORMATS)[number];

/** A message, as it is to be read. */
export function messageText(base64: string, length: number, format: MessageFormat): string {
  const shown = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const rest = length > shown.length ? `\n… ${bytes(length - shown.length)} more` : '';
  if (format === 'hex') return hex(shown) + rest;
  const text = new TextDecoder().decode(shown);
  if (format === 'text' || rest !== '') return text + rest;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function hex(shown: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < shown.length; offset += 16) {
    const line = shown.subarray(offset, offset + 16);
    const codes = Array.from(line, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const characters = Array.from(line, (byte) =>
      byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.',
    );
    lines.push(`${offset.toString(16).padStart(6, '0')}  ${codes.padEnd(47)}  ${characters.join('')}`);
  }
  return lines.join('\n');
}
