/** `/embed/v1.js`: the queue (its first statement is in build.mjs's banner), the global `Convoship`, and nothing else. */
import type { State } from '../host.ts';
import { live } from './life.ts';
import { guard, warn } from './say.ts';

type Command = [method: string, ...args: unknown[]];
type Listener = (data?: unknown) => void;
declare global {
  interface Window {
    ConvoshipQueue: Command[];
    Convoship?: unknown;
  }
}

// Only now, while the script first runs, does the page say which script this is.
const script = document.currentScript as HTMLScriptElement | null;
const queue = window.ConvoshipQueue;

if (window.Convoship) warn('v1.js ran twice');
else start(script?.src || document.baseURI, script?.nonce);

function start(base: string, nonce: string | undefined): void {
  let listeners: [string, Listener][] = [];
  const emit = (name: string, data?: unknown): void => {
    for (const [event, fn] of listeners) if (event === name) guard('on ' + name, () => fn(data));
  };
  let life = live(emit, base, nonce);

  const api: Record<string, any> = {
    on(name: string, fn: Listener): () => void {
      listeners = [...listeners, [name, fn]];
      return () => api['off'](name, fn);
    },
    off(name: string, fn: Listener): void {
      listeners = listeners.filter(([event, other]) => event !== name || other !== fn);
    },
    version: __VERSION__,
  };
  for (const verb of Object.keys(life) as (keyof typeof life)[]) {
    api[verb] = (...args: [any, any]): void => guard(verb, () => life[verb](...args));
  }
  api['destroy'] = (): void => {
    life.destroy();
    listeners = [];
    life = live(emit, base, nonce);
  };
  Object.defineProperty(api, 'state', { get: (): Readonly<State> => Object.freeze(life.state()) });

  const run = (command: unknown): void => {
    const [name, ...args] = [command].flat() as Command;
    if (api[name]?.call) guard(name, () => api[name](...args));
    else warn('there is no ' + name);
  };

  window.Convoship = Object.freeze(api);
  // What is in the queue stays there; from here on a push also runs.
  queue.forEach(run);
  queue.push = (...commands: Command[]): number => {
    queue.splice(queue.length, 0, ...commands);
    commands.forEach(run);
    return queue.length;
  };
}
