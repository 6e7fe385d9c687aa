/**
 * What a publish promises. Whoever awaits it hears of its failure; if nobody does, it is told elsewhere, and is no unhandled
 * rejection (reference 16.2).
 */
export class Publication<T> extends Promise<T> {
  #awaited = false;

  /** What is made of it is a promise like any other. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** @param untold hears of a failure that nobody awaits */
  static of<T>(promise: Promise<T>, untold: (error: unknown) => void): Publication<T> {
    const publication = new Publication<T>((resolve, reject) => void promise.then(resolve, reject));
    super.prototype.then.call(publication, undefined, (error: unknown) => {
      if (!publication.#awaited) untold(error);
    });
    return publication;
  }

  // Whoever awaits a promise that is not of the class Promise itself, calls this.
  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise already
  override then<R = T, E = never>(
    fulfilled?: ((value: T) => R | PromiseLike<R>) | null,
    rejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    this.#awaited = true;
    return super.then(fulfilled, rejected);
  }
}
