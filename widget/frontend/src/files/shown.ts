/** Files in the lines of a conversation: photos, and links with name and size, whose addresses are renewed in time. */
import type { Kept } from '../app/session.ts';
import type { Host } from '../host.ts';
import type { Attachment, Message } from '../protocol.ts';
import { h } from '../ui/dom.ts';
import type { Panel } from '../ui/panel.ts';
import type { View } from '../ui/view.ts';
import type { FileText } from './texts.ts';

export type Say = (key: FileText, values?: Record<string, string | number>) => string;

export const SHEET = 'M6 3h8l4 4v14H6ZM14 3v4h4';
/** Milliseconds until links are asked for anew: they last an hour. */
const FRESH = 45 * 60_000;
const IMAGE = /^image\/(jpeg|png|webp)$/;

export function drawing(path: string): SVGSVGElement {
  const made = (name: string, facts: Record<string, string>): SVGElement => {
    const el = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(facts)) el.setAttribute(key, value);
    return el;
  };
  const svg = made('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }) as SVGSVGElement;
  svg.append(made('path', { d: path }));
  return svg;
}

/** 1.4 MB, as it is written where the visitor lives, and by 1024 as limits and the member's page count. */
function size(bytes: number, locale: string): string {
  const [value, unit] = bytes < 1024 ? [bytes, 'byte'] : bytes < 1048576 ? [bytes / 1024, 'kilobyte'] : [bytes / 1048576, 'megabyte'];
  const digits = unit === 'byte' ? 0 : 1;
  try {
    const how = { style: 'unit', unit, unitDisplay: digits ? 'short' : 'long', minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
    return new Intl.NumberFormat(locale, how).format(value).replace('kB', 'KB');
  } catch {
    return `${value.toFixed(digits)} ${{ byte: 'bytes', kilobyte: 'KB', megabyte: 'MB' }[unit]}`;
  }
}

/** Answers what draws one file, and keeps its link fresh from then on. */
export function createShown(host: Host, panel: Panel, session: () => Kept | null, view: () => View, say: Say) {
  const { signal } = host;
  /** The newest link of each file, and since when it is known. */
  const fresh = new Map<string, { url: string; at: number }>();
  const note = ({ id, url }: Attachment): void => {
    if (url && !fresh.has(id)) fresh.set(id, { url, at: Date.now() });
  };
  const isOld = ({ id }: Attachment): boolean => Date.now() - (fresh.get(id)?.at ?? Date.now()) > FRESH;
  let asking = false;

  /** Links last an hour. A page that stays open asks for new ones, and at once when it is looked at again. */
  async function renew(): Promise<void> {
    const kept = session();
    const { messages } = view();
    // Also of what is not drawn yet: the chat may have been closed since.
    for (const m of messages) m.attachments?.forEach(note);
    let old = messages.find((m) => m.attachments?.some(isOld));
    if (!kept || !old || asking || navigator.onLine === false) return;
    asking = true;
    try {
      for (let from = 0; old && old.seq > from; old = messages.find((m) => m.attachments?.some(isOld))) {
        from = old.seq;
        const answer = await fetch(`${host.api}/v1/public/runtime/sessions/${encodeURIComponent(kept.id)}/messages?limit=200&after=${from - 1}`, {
          headers: { Authorization: 'Bearer ' + kept.token },
          credentials: 'omit',
          signal,
        });
        const got = (await answer.json()) as { messages?: Message[] };
        for (const m of got.messages ?? []) m.attachments?.forEach(give);
      }
    } catch {
      // Asked for again in a minute.
    }
    asking = false;
  }

  function give(it: Attachment): void {
    fresh.set(it.id, { url: it.url, at: Date.now() });
    for (const a of panel.el.querySelectorAll<HTMLAnchorElement>(`a[data-file="${CSS.escape(it.id)}"]`)) {
      // A photo whose link was over when it was drawn is there now; what was deleted meanwhile leads nowhere.
      if (!it.url || (IMAGE.test(it.content_type) && !a.querySelector('img')?.naturalWidth)) a.replaceWith(shown(it));
      else a.href = it.url;
    }
  }
  const renewing = setInterval(() => void renew(), 60_000);
  signal.addEventListener('abort', () => clearInterval(renewing));
  const looked = (): void => void (document.hidden || renew());
  document.addEventListener('visibilitychange', looked, { signal });
  for (const name of ['focus', 'online', 'pageshow']) window.addEventListener(name, looked, { signal });
  const { show } = panel;
  panel.show = () => {
    show();
    looked();
  };
  void renew();

  function shown(it: Attachment): HTMLElement {
    const { locale } = view();
    note(it);
    const known = fresh.get(it.id)?.url ?? it.url;
    const url = /^https?:\/\//.test(known) ? known : '';
    const words = h('span', { class: 'file-words' }, h('bdi', { class: 'file-name' }, it.name), h('span', { class: 'file-size' }, it.deleted ? say('fileDeleted') : size(it.size, locale)));
    const el = h('a', { class: 'file', target: '_blank', rel: 'noopener noreferrer' });
    if (url) el.href = url;
    el.setAttribute('data-file', it.id);
    if (IMAGE.test(it.content_type) && url) {
      const img = h('img', { alt: say('filePhoto', { name: it.name }), decoding: 'async', referrerPolicy: 'no-referrer' });
      // An address that shows no image still leads to it.
      img.onerror = () => {
        el.classList.remove('photo');
        el.replaceChildren(drawing(SHEET), words);
      };
      img.src = url;
      el.classList.add('photo');
      el.append(img);
    } else el.append(drawing(SHEET), words);
    return el;
  }

  return shown;
}
