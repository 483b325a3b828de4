/** Theme JSON as one flat table: every key by its path, so that checking, merging and naming it are one loop. */
import { inLanguage } from './texts.ts';

export interface Theme {
  primaryColor: string;
  textColor?: string;
  mode: string;
  position: string;
  'offset.x': number;
  'offset.y': number;
  'launcher.color'?: string;
  'launcher.icon': string;
  'launcher.label'?: string;
  'header.title'?: string;
  'header.subtitle'?: string;
  'header.avatarUrl'?: string;
  greeting?: string;
  avatarUrl?: string;
  radius: number;
  zIndex: number;
  /** By key: a text for everybody, or texts by language. */
  customTexts: Record<string, string | Record<string, string>>;
}

export const DEFAULTS: Theme = {
  primaryColor: '#2f54d6',
  mode: 'auto',
  position: 'bottom-right',
  'offset.x': 0,
  'offset.y': 0,
  'launcher.icon': 'chat',
  radius: 16,
  zIndex: 2147483000,
  customTexts: {},
};

type Rule = (value: unknown) => boolean;

const text: Rule = (v) => typeof v === 'string';
const match = (pattern: RegExp): Rule => (v) => text(v) && pattern.test(v as string);
const between = (low: number, high: number): Rule => (v) => typeof v === 'number' && v >= low && v <= high;
const color = match(/^#([\da-f]{3}){1,2}$/i);
const url = match(/^(https?:\/\/|\/)[^\s\\]+$/i);
const inset = between(0, 400);

const RULES: Record<string, Rule> = {
  primaryColor: color,
  textColor: color,
  mode: match(/^(light|dark|auto)$/),
  position: match(/^bottom-(right|left)$/),
  'offset.x': inset,
  'offset.y': inset,
  'launcher.color': color,
  'launcher.icon': match(/^(chat|help|(https?:\/\/|\/)\S+)$/i),
  'launcher.label': text,
  'header.title': text,
  'header.subtitle': text,
  'header.avatarUrl': url,
  greeting: text,
  avatarUrl: url,
  radius: between(0, 32),
  zIndex: between(-2147483648, 2147483647),
  customTexts: (v) => isObject(v) && Object.values(v).every((it) => text(it) || (isObject(it) && Object.values(it).every(text))),
};

const GROUPS = /^(offset|launcher|header)$/;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lays `source` over `into`; answers the paths that can't be used. Empty values stand for "not set". */
export function lay(source: unknown, into: Theme, bad: string[] = [], prefix = ''): string[] {
  if (!isObject(source)) {
    if (source != null) bad.push(prefix || 'theme');
    return bad;
  }
  for (const [key, value] of Object.entries(source)) {
    const path = prefix + key;
    if (value == null || value === '') continue;
    if (GROUPS.test(path) && isObject(value)) lay(value, into, bad, path + '.');
    else if (!RULES[path]?.(value)) bad.push(path);
    else if (path === 'customTexts') into.customTexts = { ...into.customTexts, ...(value as Theme['customTexts']) };
    else (into as unknown as Record<string, unknown>)[path] = value;
  }
  return bad;
}

/** The keys of `customTexts` that hold a text per language of what has its place elsewhere in the theme. */
const TRANSLATED = { greeting: 'greeting', headerTitle: 'header.title', headerSubtitle: 'header.subtitle' } as const;

/** The theme with its own texts in the visitor's language. */
export function translated(theme: Theme, locale: string): Theme {
  const made = { ...theme };
  for (const [key, path] of Object.entries(TRANSLATED) as [keyof typeof TRANSLATED, 'greeting'][]) {
    const texts = theme.customTexts[key];
    const word = isObject(texts) ? inLanguage(texts, locale) : null;
    if (text(word)) made[path] = word as string;
  }
  return made;
}

/** Relative luminance (WCAG 2). */
export function luminance(hex: string): number {
  const full = hex.length === 4 ? hex.replace(/\w/g, '$&$&') : hex;
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(full.slice(at, at + 2), 16) / 255;
    return part > 0.04045 ? ((part + 0.055) / 1.055) ** 2.4 : part / 12.92;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Black or white, whichever reads better on `hex`: the better of the two is never under AA. */
export const readable = (hex: string): string => (luminance(hex) > 0.179 ? '#000' : '#fff');

const contrast = (a: string, b: string): number => {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

/** `hex`, moved towards black or white until it reads on `surface` at AA: links and names in the brand's colour. */
export function legible(hex: string, surface: string): string {
  const goal = luminance(surface) > 0.18 ? 0 : 255;
  const full = hex.length === 4 ? hex.replace(/\w/g, '$&$&') : hex;
  for (let share = 0; share < 1; share += 0.05) {
    const mixed =
      '#' +
      [1, 3, 5]
        .map((at) => Math.round(parseInt(full.slice(at, at + 2), 16) * (1 - share) + goal * share))
        .map((part) => part.toString(16).padStart(2, '0'))
        .join('');
    if (contrast(mixed, surface) >= 4.6) return mixed;
  }
  return goal ? '#ffffff' : '#000000';
}

/** The colour of text on the brand's colour: the owner's where it reads, else black or white. */
export function onPrimary(theme: Theme): string {
  const { primaryColor, textColor } = theme;
  return textColor && contrast(textColor, primaryColor) >= 4.5 ? textColor : readable(primaryColor);
}

/** All layers over the defaults, weakest first, and the paths in `checked` layers that can't be used. */
export function merge(layers: readonly unknown[]): { theme: Theme; bad: string[] } {
  const theme = { ...DEFAULTS };
  const bad: string[] = [];
  // The first layer is the server's: it checked it, and may know keys that this release doesn't.
  layers.forEach((layer, at) => lay(layer, theme, at ? bad : []));
  return { theme, bad };
}
