/**
 * What the visitor sent and the server hasn't confirmed. One at a time, so that order holds; the same `client_id` at
 * every try, so that nothing doubles; kept in storage, so that a reload loses nothing. No DOM; the clock is handed in.
 */
import type { Attachment, Outgoing, Problem } from '../protocol.ts';
import type { Store } from './store.ts';

/** What the visitor sends. `files`: those of `attachments`, by which they are still named after a reload. */
export type Words = Omit<Outgoing, 'client_id'> & { files?: Attachment[] };

export interface Item extends Outgoing, Words {
  conversation: string;
  at: number;
  state: 'waiting' | 'sending' | 'failed';
  /** Why it failed or waits, as the server's code. */
  code?: string;
  /** Not before this moment (milliseconds). */
  until?: number;
  tries: number;
}

/** What became of one try. `later`: try again by itself after so many seconds; `failed`: only when asked. */
export type Outcome = 'sent' | { later: number; code: string } | { failed: string };

export interface OutboxPorts {
  /** Sends and answers once the server has confirmed or refused. Null: there is no way out now; `flush()` follows. */
  send(item: Outgoing): Promise<Outcome> | null;
  changed(): void;
  /** The server has it, said once. */
  sent(item: Item): void;
  failed(item: Item): void;
  later(ms: number): void;
  now(): number;
  id(): string;
}

const KEY = 'out:';
/** So often a try that merely got no answer is repeated before the visitor is asked. */
const TRIES = 6;

export class Outbox {
  items: Item[] = [];
  readonly #store: Store;
  readonly #ports: OutboxPorts;
  #busy = false;

  constructor(store: Store, ports: OutboxPorts) {
    this.#store = store;
    this.#ports = ports;
  }

  /** Takes up what an earlier page left unsent. Answers texts that belong to a conversation that is gone. */
  restore(conversation: string): string[] {
    const lost: string[] = [];
    for (const key of this.#store.keys().filter((k) => k.startsWith(KEY))) {
      const item = this.#store.get<Item>(key);
      if (item?.conversation === conversation || (item && !item.conversation)) {
        if (!this.items.some((other) => other.client_id === item.client_id)) {
          const { until: _, ...rest } = item;
          this.items.push({ ...rest, conversation, state: item.state === 'failed' ? 'failed' : 'waiting' });
        }
      } else {
        this.#store.drop(key);
        if (item?.text && item.payload === undefined) lost.push(item.text);
      }
    }
    for (const item of this.items) item.conversation = conversation;
    this.items.sort((a, b) => a.at - b.at);
    return lost;
  }

  add(conversation: string, message: Words): Item {
    const last = this.items.at(-1)?.at ?? 0;
    const item: Item = {
      client_id: this.#ports.id(),
      ...message,
      conversation,
      // Two in the same millisecond keep their order over a reload.
      at: Math.max(this.#ports.now(), last + 1),
      state: 'waiting',
      tries: 0,
    };
    this.items.push(item);
    this.#keep(item);
    this.flush();
    return item;
  }

  /** The server has it. */
  confirm(clientId: string | undefined): boolean {
    const item = this.items.find((i) => i.client_id === clientId);
    if (!item) return false;
    this.discard(item);
    this.#ports.sent(item);
    return true;
  }

  discard(item: Item): void {
    this.items = this.items.filter((i) => i !== item);
    this.#store.drop(KEY + item.client_id);
    this.#ports.changed();
  }

  again(item: Item): void {
    if (item.code === 'idempotency_conflict') {
      this.#store.drop(KEY + item.client_id);
      item.client_id = this.#ports.id();
    }
    item.state = 'waiting';
    item.tries = 0;
    delete item.code;
    delete item.until;
    this.#keep(item);
    this.flush();
  }

  /** Sends the next one, if there is one and none is under way. */
  flush(): void {
    this.#ports.changed();
    const item = this.items.find((i) => i.state === 'waiting');
    if (this.#busy || !item) return;
    const wait = (item.until ?? 0) - this.#ports.now();
    if (wait > 0) return this.#ports.later(wait);
    // What is not there is not in the JSON either.
    const { client_id, text, payload, attachments } = item;
    const way = this.#ports.send({ client_id, text, payload, attachments });
    if (!way) return;
    this.#busy = true;
    item.state = 'sending';
    item.tries++;
    delete item.until;
    this.#ports.changed();
    void way
      .catch((): Outcome => ({ later: 2, code: 'unreachable' }))
      .then((outcome) => this.#settle(item, outcome));
  }

  clear(): void {
    for (const item of [...this.items]) this.discard(item);
  }

  #settle(item: Item, outcome: Outcome): void {
    this.#busy = false;
    if (outcome === 'sent' || !this.items.includes(item)) {
      this.confirm(item.client_id);
    } else if ('later' in outcome && (item.tries < TRIES || outcome.code === 'rate_limited')) {
      item.state = 'waiting';
      item.code = outcome.code;
      item.until = this.#ports.now() + outcome.later * 1000;
      this.#keep(item);
    } else {
      item.state = 'failed';
      item.code = 'later' in outcome ? outcome.code : outcome.failed;
      this.#keep(item);
      this.#ports.failed(item);
    }
    this.flush();
  }

  #keep(item: Item): void {
    this.#store.set(KEY + item.client_id, item);
  }
}

/** What a refusal means for a message: wait and try again, or ask the visitor. */
export function verdict(problem: Problem, wait: number, tries = 1): Outcome {
  const { status, code } = problem;
  if (status === 429 || code === 'rate_limited') return { later: wait || 5, code: 'rate_limited' };
  if (status === 0 || status >= 500 || status === 408) return { later: wait || Math.min(30, 2 ** tries), code };
  return { failed: code };
}

export const MAX_POINTS = 8000;
export const MAX_BYTES = 32 * 1024;

/** How much of the limits a text leaves; negative: too much. */
export function room(text: string): { points: number; bytes: number } {
  let points = 0;
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    points++;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return { points: MAX_POINTS - points, bytes: MAX_BYTES - bytes };
}
