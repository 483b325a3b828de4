/** Words for the site's owner, in the console; a visitor never reads these. */
import type { Problem } from '../protocol.ts';

export const warn = (text: string): void => console.warn('[Convoship] ' + text);

export function explain({ status, code, title, detail, hint }: Problem): void {
  console.error(`[Convoship] ${status || ''} ${code}: ${title}\n${detail}\n${hint || ''}`);
}

/** Runs what may throw, a subscriber above all: it is named and ends there. */
export function guard(what: string, act: () => unknown): void {
  try {
    act();
  } catch (error) {
    console.error('[Convoship] ' + what, error);
  }
}
