import type { MessagePort } from 'node:worker_threads';

/**
 * Sends what one turn of the event loop says as one message: waking another thread, and an event of its own for each,
 * cost more than what is said.
 */
export class GatheredPort<Message> {
  readonly #port: MessagePort;
  #said: Message[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
  }

  say(message: Message): void {
    this.#said.push(message);
    if (this.#said.length === 1) afterPromises(() => this.#send());
  }

  /** In the order they were said. */
  onMessage(listener: (message: Message) => void): void {
    this.#port.on('message', (messages: readonly Message[]) => {
      for (const message of messages) listener(message);
    });
  }

  onClose(listener: () => void): void {
    this.#port.on('close', listener);
  }

  /** After what was said. */
  close(): void {
    this.#send();
    this.#port.close();
  }

  #send(): void {
    if (this.#said.length === 0) return;
    const messages = this.#said;
    this.#said = [];
    this.#port.postMessage(messages);
  }
}

/** Once the promises of this turn, which have more to say, have had theirs; before the next event. */
function afterPromises(task: () => void): void {
  // Ticks go before promises that are due, and after those that are being run.
  process.nextTick(() => queueMicrotask(() => process.nextTick(task)));
}
