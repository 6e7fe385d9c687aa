import { PLAIN_PROTOCOL, V1_PROTOCOL, withV1 } from '../../protocol/sub-protocol.js';

/** What decides which sub-protocol is chosen. */
export interface ProtocolChoice {
  /** The application's, the preferred first. */
  readonly protocols: readonly string[];
  /** Whether clients may speak ours. */
  readonly resume: boolean;
}

/**
 * The sub-protocol of a connection (reference 8, 15.6, 16.4): what the application prefers, together with ours if the client
 * speaks it.
 *
 * @param offered by the client
 * @returns false for none
 */
export function chooseProtocol(
  offered: ReadonlySet<string>,
  { protocols, resume }: ProtocolChoice,
): string | false {
  for (const name of protocols) {
    if (resume && offered.has(withV1(name))) return withV1(name);
    if (offered.has(name)) return name;
  }
  if (resume && offered.has(V1_PROTOCOL)) return V1_PROTOCOL;
  return offered.has(PLAIN_PROTOCOL) ? PLAIN_PROTOCOL : false;
}
