/** Whom replies go to. */
export interface ReplyReceiver {
  readonly bufferedAmount: number;
  /** Whether the client can still be sent to. */
  readonly isOpen: boolean;
  /** Sends one value; throws a `TypeError` for one that can't be sent. */
  reply(value: unknown): void;
  /** Resolves when no more than so many bytes are buffered. */
  drain(threshold: number): Promise<void>;
}

/** Hears that a value could not be sent, or that a stream failed beside the messages. */
export type ReplyFailed = (error: unknown) => void;
