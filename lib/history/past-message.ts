import type { SharedMessage } from '../server/message/shared-message.js';

/** A message of the past, as it is sent. */
export interface PastMessage {
  readonly offset: number;
  readonly except: readonly number[];
  /** Undefined for what is no message of ours. */
  readonly message: SharedMessage | undefined;
}
