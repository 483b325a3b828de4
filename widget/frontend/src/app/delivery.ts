/** How one message reaches the server: by the socket and its echo, else by HTTP; and what a refusal means for it. */
import type { Outgoing, Problem, Sent, ServerFrame } from '../protocol.ts';
import { blank } from './http.ts';
import type { Reply } from './http.ts';
import { verdict } from './outbox.ts';
import type { Outcome } from './outbox.ts';

/** A socket that doesn't echo a message for so long is not trusted any more. */
const ECHO = 12_000;

export interface DeliveryPorts {
  socket(message: Outgoing): boolean;
  post(message: Outgoing): Promise<Reply<Sent>>;
  sent(answer: Sent): void;
  /** The socket stays silent. */
  doubt(): void;
  ended(): void;
  refused(problem: Problem): void;
}

export class Delivery {
  readonly #ports: DeliveryPorts;
  readonly #open = new Map<string, { settle(outcome: Outcome): void; tries: number }>();
  readonly #tries = new Map<string, number>();

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
  }

  send(message: Outgoing): Promise<Outcome> {
    const { client_id } = message;
    const tries = (this.#tries.get(client_id) ?? 0) + 1;
    this.#tries.set(client_id, tries);
    if (!this.#ports.socket(message)) return this.#post(message, tries);
    return new Promise((done) => {
      const timer = setTimeout(() => {
        this.#ports.doubt();
        settle({ later: 0.5, code: 'unreachable' });
      }, ECHO);
      const settle = (outcome: Outcome): void => {
        clearTimeout(timer);
        this.#open.delete(client_id);
        done(outcome);
      };
      this.#open.set(client_id, { settle, tries });
    });
  }

  confirmed(clientId: string | undefined): void {
    if (clientId) this.#open.get(clientId)?.settle('sent');
  }

  error(frame: Extract<ServerFrame, { type: 'error' }>): void {
    // An error that names no message is the one's that is under way; only one ever is.
    const entry = frame.client_id ? this.#open.get(frame.client_id) : [...this.#open.values()][0];
    if (!entry) return;
    if (frame.code === 'conversation_ended') this.#ports.ended();
    const status = { internal: 500, unavailable: 503, rate_limited: 429 }[frame.code] ?? 400;
    entry.settle(verdict({ status, code: frame.code, title: '', detail: frame.detail }, frame.retry_after ?? 0, entry.tries));
  }

  /** The socket broke: what had no echo goes out again by whatever comes next. */
  lost(outcome: Outcome = { later: 0.3, code: 'unreachable' }): void {
    for (const { settle } of [...this.#open.values()]) settle(outcome);
  }

  async #post(message: Outgoing, tries: number): Promise<Outcome> {
    const reply = await this.#ports.post(message);
    if (reply.body) {
      this.#ports.sent(reply.body);
      return 'sent';
    }
    const problem = reply.problem ?? blank(reply.status);
    if (problem.code === 'conversation_ended') this.#ports.ended();
    else if (problem.status === 401 || problem.status === 403 || problem.reason === 'paused') this.#ports.refused(problem);
    return verdict(problem, reply.wait, tries);
  }
}
