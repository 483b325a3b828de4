/** What the loader hands to the chat app, and what the app hands back: the only seam between the two files. */
import type { Problem } from './protocol.ts';

export interface Options {
  agentId: string;
  token: string;
  channel?: string;
  apiUrl?: string;
  theme?: unknown;
  user?: User | undefined;
  userToken?: string | (() => string | Promise<string>) | undefined;
  locale?: string;
  nonce?: string;
  open?: boolean;
  stream?: boolean;
}

export type User = Record<string, unknown>;

export interface Config {
  assistant: { id: string; name: string };
  theme: unknown;
  texts: unknown;
  features: Record<string, unknown>;
  version: unknown;
}

/** What `Convoship.state` shows. */
export interface State {
  status: 'idle' | 'loading' | 'ready' | 'refused';
  open: boolean;
  visible: boolean;
  unread: number;
  connection: 'none' | 'connecting' | 'online' | 'reconnecting' | 'offline';
  session: { id: string; conversationId: string; status: string; control: string } | null;
  locale: string;
}

export interface Host {
  readonly root: ShadowRoot;
  /** The element whose custom properties carry the theme; panel and launcher live in it. */
  readonly box: HTMLElement;
  readonly launcher: HTMLButtonElement;
  readonly options: Options;
  readonly api: string;
  /** Of every key in storage. */
  readonly prefix: string;
  /** Aborted by `destroy()`. */
  readonly signal: AbortSignal;
  now(): {
    config: Config | null;
    /** Why the configuration was refused or couldn't be read. */
    problem: Problem | null;
    state: State;
    /** Themes, weakest first: the server's, the one given to `init`, the one given to `setTheme`. */
    layers: unknown[];
  };
  /** Reads the configuration again. */
  reload(): Promise<void>;
  set(patch: Partial<State>): void;
  emit(name: string, data?: unknown): void;
  style(css: string): void;
  /** Tells the site's owner, in the console and by the `error` event, the whole of what a visitor sees in short. */
  complain(problem: Partial<Problem>): Problem;
}

export interface App {
  open(): void;
  close(): void;
  /** An earlier conversation exists: connect quietly, so that what came meanwhile shows on the launcher. */
  wake(): void;
  send(text: unknown): void;
  identify(): void;
  reset(forget?: boolean): void;
  /** Theme or locale changed. */
  refresh(): void;
  destroy(): void;
}
