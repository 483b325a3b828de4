/** How a text is found: in the visitor's language, and in the owner's own words where there are any. */
import { LOCALES } from './words.ts';
import type { TextKey } from './words.ts';

export type { TextKey } from './words.ts';

/** The key of a text if there is one, else of another. */
export const keyOf = (key: string, otherwise: TextKey): TextKey => (key in LOCALES.en ? (key as TextKey) : otherwise);

/** What names a control or a part of the chat for a screen reader, or is all that a button says: never empty. */
const NAMES = /^(title|close|menu|handoff|end|startNew|confirm.*|messages|you|assistant|agent|composer|send|stop|typing|newMessages|tryAgain|discard|retry|opensNew|previous|next|.*Title)$/;

export type Say = (key: TextKey, values?: Record<string, string | number>) => string;

/** The tag nearest to what is asked for: the same, a shorter form of it, any of the same language. */
export function nearest(tags: string[], asked: string): string | undefined {
  const usual = (tag: string): string => tag.toLowerCase().replace(/_/g, '-');
  let wanted = usual(asked);
  for (;;) {
    const same = tags.find((tag) => usual(tag) === wanted);
    if (same || !wanted.includes('-')) return same ?? tags.find((tag) => usual(tag).split('-')[0] === wanted);
    wanted = wanted.replace(/-[^-]*$/, '');
  }
}

/** The language to speak: of those the deployment speaks, if it names any, the first for everybody else. */
export function spoken(languages: unknown, asked: string): string {
  const tags = Array.isArray(languages) ? languages.filter((tag) => typeof tag === 'string') : [];
  return nearest(tags, asked) ?? tags[0] ?? asked;
}

/** A text for everybody, or the nearest one by language. */
export function inLanguage(value: unknown, locale: string): unknown {
  if (typeof value !== 'object' || !value) return value;
  const texts = value as Record<string, unknown>;
  return texts[nearest(Object.keys(texts), locale) ?? '*'];
}

/** `own`: the deployment's words, weakest first. */
export function speaker(locale: string, own: unknown[]): Say {
  const base = LOCALES[locale.slice(0, 2).toLowerCase()] ?? LOCALES.en;
  return (key, values = {}) => {
    let text: string = base[key];
    for (const layer of own) {
      const word = inLanguage((layer as Record<string, unknown> | null | undefined)?.[key], locale);
      // An empty text takes one away: a subtitle, say.
      if (typeof word === 'string' && (word.trim() || !NAMES.test(key))) text = word;
    }
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };
}

export const isRtl = (locale: string): boolean => /^(ar|fa|he|iw|ur|ps|sd|ug|yi|dv|ku-Arab)\b/i.test(locale);
