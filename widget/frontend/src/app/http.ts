/** One way to call the API, which never throws: whatever goes wrong comes back as a problem. */
import type { Problem } from '../protocol.ts';

export interface Reply<T> {
  status: number;
  body: T | null;
  problem: Problem | null;
  /** Seconds, from `Retry-After`. */
  wait: number;
}

export interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
}

export type Call = <T>(method: string, path: string, token: string, ask?: Ask) => Promise<Reply<T>>;

const PATIENCE = 20_000;

export function caller(api: string, life: AbortSignal): Call {
  return async <T>(method: string, path: string, token: string, ask: Ask = {}): Promise<Reply<T>> => {
    const stop = new AbortController();
    const end = (): void => stop.abort();
    const timer = setTimeout(end, PATIENCE);
    life.addEventListener('abort', end);
    let status = 0;
    let wait = 0;
    try {
      const headers: Record<string, string> = { Authorization: 'Bearer ' + token, ...ask.headers };
      const init: RequestInit = { method, headers, credentials: 'omit', signal: stop.signal };
      if (ask.body) {
        headers['Content-Type'] = 'application/json';
        init.body = JSON.stringify(ask.body);
      }
      const answer = await fetch(api + '/v1/public/runtime' + path, init);
      status = answer.status;
      wait = Number(answer.headers.get('Retry-After')) || 0;
      const body = status === 204 ? null : ((await answer.json()) as T & Problem);
      if (answer.ok) return { status, body, problem: null, wait };
      return { status, body: null, problem: { ...blank(status), ...body, status }, wait };
    } catch (error) {
      return { status, body: null, problem: { ...blank(status), detail: String(error) }, wait };
    } finally {
      clearTimeout(timer);
      life.removeEventListener('abort', end);
    }
  };
}

/** What we say where the server didn't say it in its own words. */
export const blank = (status: number): Problem => ({
  status,
  code: status ? 'bad_response' : 'unreachable',
  title: status ? 'The answer was not understood' : 'No answer',
  detail: '',
});
