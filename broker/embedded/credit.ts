/** Receive Maximum of a client that names none (MQTT 3.1.2.11.3). */
export const RECEIVE_MAXIMUM_DEFAULT = 65_535;

/**
 * Who waits for an acknowledgement before more is sent to it (MQTT-3.3.4-7): a resumed session would
 * otherwise get all that waits at once.
 */
export class Credit {
  readonly #waiting = new Map<string, () => void>();

  async await(
    client: string,
    isSpent: (receiveMaximum: number) => boolean,
    receiveMaximum = RECEIVE_MAXIMUM_DEFAULT,
  ): Promise<void> {
    while (isSpent(receiveMaximum)) {
      await new Promise<void>((resolve) => this.#waiting.set(client, resolve));
    }
  }

  /** One was acknowledged, or the connection is over. */
  pass(client: string): void {
    const resolve = this.#waiting.get(client);
    this.#waiting.delete(client);
    resolve?.();
  }
}
