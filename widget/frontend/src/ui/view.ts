/** What the panel shows, as plain values: the chat works it out, the panel draws it. */
import type { Author, Button, Message } from '../protocol.ts';
import type { Item } from '../app/outbox.ts';
import type { Say } from '../app/texts.ts';
import type { Theme } from '../app/theme.ts';

export interface Trouble {
  title: string;
  text: string;
  code?: string;
  /** A button leads on. */
  action?: { label: string; run(): void };
}

export interface View {
  say: Say;
  locale: string;
  /** Another number: theme or language changed. */
  look: number;
  theme: Theme;
  api: string;
  assistant: string;
  title: string;
  subtitle: string;
  loading: boolean;
  trouble: Trouble | null;
  messages: Message[];
  unsent: Item[];
  /** The last message that the person who answers has read. */
  seen: number;
  typing: Author | null;
  banner: { kind: 'bad' | 'good' | 'info'; text: string } | null;
  status: string;
  /** Why nothing more can be said here, if so. */
  ended: string | null;
  canHandoff: boolean;
  active: boolean;
  /** An answer is under way, and can be stopped. */
  writing: boolean;
  /** Whether half-written answers are shown as they grow. */
  stream: boolean;
}

/** What a visitor can do. */
export interface Acts {
  send(text: string): void;
  tap(button: Button): void;
  typing(on: boolean): void;
  draft(text: string): void;
  again(item: Item): void;
  discard(item: Item): void;
  handoff(): void;
  end(): void;
  stop(): void;
  restart(): void;
  close(): void;
  /** What is drawn of a line's files, once the script for files is there. */
  files?(line: Message | Item): HTMLElement | null;
}
