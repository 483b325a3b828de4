/**
 * Files in the chat: chosen, pasted or dropped, sent up with progress, sent with the message, shown in its line. A script
 * of its own, loaded by the app where a deployment takes files or a conversation has some. It stands beside the composer
 * and listens before it does: what has files is sent from here.
 */
import type { Item } from '../app/outbox.ts';
import type { Kept } from '../app/session.ts';
import { inLanguage } from '../app/texts.ts';
import type { Host } from '../host.ts';
import type { Attachment, Message, Outgoing } from '../protocol.ts';
import { h } from '../ui/dom.ts';
import type { Panel } from '../ui/panel.ts';
import type { View } from '../ui/view.ts';
import css from './files.css';
import { LOCALES } from './texts.ts';
import type { FileText } from './texts.ts';
import { sendUp } from './up.ts';

interface Takes {
  max_bytes: number;
  most: number;
  accept: string;
}

interface Chosen {
  file: File;
  el: HTMLElement;
  note: HTMLElement;
  state: 'waiting' | 'going' | 'up' | 'refused';
  stop: AbortController;
  /** What the server made of it, in which session, and when. */
  kept?: Attachment;
  of?: string;
  at?: number;
}

export interface FileScript {
  start: typeof start;
}

const CLIP = 'M20 11.5 12 19.5a5 5 0 0 1-7-7l8.5-8.500a3.400 3.400 0 0 1 4.800 4.800L10 17a1.700 1.700 0 0 1-2.400-2.400L15 7.200';
const SHEET = 'M6 3h8l4 4v14H6ZM14 3v4h4';
const CROSS = 'M6 6l12 12M18 6L6 18';
const AGAIN = 'M4 12a8 8 0 1 1 2.500 5.800M4 20v-4h4';
/** Milliseconds until links are asked for anew: they last an hour. */
const FRESH = 45 * 60_000;
/** Milliseconds that a file which is up can wait for its message: the server deletes it after two hours. */
const WAITS = 100 * 60_000;
const IMAGE = /^image\/(jpeg|png|webp)$/;

function drawing(path: string): SVGSVGElement {
  const made = (name: string, facts: Record<string, string>): SVGElement => {
    const el = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(facts)) el.setAttribute(key, value);
    return el;
  };
  const svg = made('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }) as SVGSVGElement;
  svg.append(made('path', { d: path }));
  return svg;
}

/** 1.4 MB, as it is written where the visitor lives. */
function size(bytes: number, locale: string): string {
  const [value, unit] = bytes < 1e6 ? [Math.max(1, bytes / 1e3), 'kilobyte'] : [bytes / 1e6, 'megabyte'];
  try {
    return new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
  } catch {
    return `${Math.round(value)} ${unit === 'kilobyte' ? 'kB' : 'MB'}`;
  }
}

/** Answers what draws the files of a line. */
export function start(host: Host, panel: Panel, session: () => Kept | null, speak: (message: Omit<Outgoing, 'client_id'>) => void, view: () => View) {
  const { signal } = host;
  host.style(css);
  const takes = (): Takes | null => (host.now().config?.features['files'] || null) as Takes | null;
  const say = (key: FileText, values: Record<string, string | number> = {}): string => {
    const { locale, theme } = view();
    let text = (LOCALES[locale.slice(0, 2).toLowerCase()] ?? LOCALES['en'])?.[key] ?? '';
    for (const own of [host.now().config?.texts, theme.customTexts]) {
      const word = inLanguage((own as Record<string, unknown> | null | undefined)?.[key], locale);
      if (typeof word === 'string' && word.trim()) text = word;
    }
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };

  // ---- the composer's part

  const form = panel.composer.el;
  const box = form.querySelector<HTMLElement>('.box-in') ?? form;
  const field = form.querySelector('textarea');
  const send = form.querySelector<HTMLButtonElement>('.send');
  const picker = h('input', { type: 'file', multiple: true, hidden: true, tabIndex: -1 });
  const clip = h('button', { class: 'clip', type: 'button', onclick: () => picker.click() }, drawing(CLIP));
  const list = h('ul', { class: 'tray', hidden: true });
  const told = h('p', { class: 'count', role: 'status' });
  box.prepend(clip);
  form.prepend(list);
  form.append(told, picker);
  let chosen: Chosen[] = [];
  let wanted = false;
  /** What was sent from here, for the line until the server's own is there. */
  const sent = new Map<string, Attachment>();

  const tell = (text: string): void => {
    told.textContent = text;
  };

  /** What is chosen before the conversation has begun waits for it, as words do. */
  const isOpen = (): boolean => view().active || view().loading;

  function add(files: Iterable<File>): void {
    const limits = takes();
    if (!limits || !isOpen()) return;
    tell('');
    for (const file of files) {
      if (chosen.length >= limits.most) {
        tell(say('fileTooMany', { n: limits.most }));
        break;
      }
      const note = h('span', { class: 'chip-note', role: 'status' });
      const it: Chosen = { file, note, el: h('li', { class: 'chip' }), state: 'waiting', stop: new AbortController() };
      chosen.push(it);
      list.append(it.el);
      draw(it);
      if (file.size > limits.max_bytes) refuse(it, 'fileTooLarge', false);
    }
    go();
  }

  function draw(it: Chosen, again = false): void {
    const { name } = it.file;
    const tap = (what: FileText, path: string, run: () => void): HTMLElement =>
      h('button', { class: 'chip-button', type: 'button', 'aria-label': say(what, { name }), title: say(what, { name }), onclick: run }, drawing(path));
    it.el.className = `chip ${it.state}`;
    it.el.replaceChildren(
      drawing(SHEET),
      h('span', { class: 'chip-words' }, h('span', { class: 'chip-name' }, h('bdi', {}, name)), it.note),
      ...(again ? [tap('fileRetry', AGAIN, () => retry(it))] : []),
      tap('fileRemove', CROSS, () => remove(it)),
    );
    list.hidden = !chosen.length;
    list.setAttribute('aria-label', say('fileTray'));
    enable();
  }

  function refuse(it: Chosen, no: FileText, again: boolean): void {
    it.state = 'refused';
    it.note.textContent = say(no, { n: Math.max(0.1, Math.round(((takes()?.max_bytes ?? 0) / 1048576) * 10) / 10) });
    wanted = false;
    draw(it, again);
  }

  function retry(it: Chosen): void {
    it.state = 'waiting';
    draw(it);
    go();
  }

  function remove(it: Chosen, back = true): void {
    it.stop.abort();
    chosen = chosen.filter((other) => other !== it);
    it.el.remove();
    list.hidden = !chosen.length;
    enable();
    tell('');
    if (back) field?.focus();
    if (!chosen.length) wanted = false;
    finish();
  }

  /** One at a time, so that a slow line carries one whole file rather than the halves of two. */
  function go(): void {
    if (signal.aborted || chosen.some((it) => it.state === 'going')) return;
    const it = chosen.find((one) => one.state === 'waiting');
    if (!it) return finish();
    const kept = session();
    if (!kept || navigator.onLine === false) {
      it.note.textContent = say('fileWaiting');
      // A session that is being begun, a connection that is away: looked for again, and at once when it is back.
      setTimeout(go, 2000);
      return;
    }
    it.state = 'going';
    it.note.textContent = say('fileSending', { n: 0 });
    draw(it);
    const far = (n: number): void => void (it.note.textContent = say('fileSending', { n }));
    const address = `${host.api}/v1/public/runtime/sessions/${encodeURIComponent(kept.id)}/files`;
    void sendUp(address, kept.token, it.file, far, it.stop.signal).then((answer) => {
      if (!chosen.includes(it)) return;
      if (answer === 'later') {
        it.state = 'waiting';
        it.note.textContent = say('fileWaiting');
        draw(it);
        setTimeout(go, 3000);
        return;
      }
      if ('no' in answer) refuse(it, answer.no, answer.again);
      else {
        it.state = 'up';
        it.kept = answer.file;
        it.of = kept.id;
        it.at = Date.now();
        it.note.textContent = say('fileReady');
        draw(it);
      }
      go();
    });
  }
  window.addEventListener('online', go, { signal });

  // Whoever is forgotten leaves nothing in the composer, files neither.
  const { put } = panel.composer;
  panel.composer.put = (text) => {
    if (!text && !session()) for (const it of [...chosen]) remove(it, false);
    put(text);
  };

  const ready = (): boolean => chosen.some((it) => it.state !== 'refused');
  /** The app's own rule is that there must be words. */
  function enable(): void {
    if (!ready()) panel.composer.measure();
    if (send && ready() && send.disabled && field?.getAttribute('aria-invalid') !== 'true') send.disabled = false;
  }
  if (send) {
    const watch = new MutationObserver(() => ready() && enable());
    watch.observe(send, { attributes: true, attributeFilter: ['disabled'] });
    signal.addEventListener('abort', () => watch.disconnect());
  }

  /** Sends what is wanted once all of it is up. */
  function finish(): void {
    if (!wanted || !ready() || chosen.some((it) => it.state === 'waiting' || it.state === 'going')) return;
    const stale = chosen.filter((it) => it.kept && (it.of !== session()?.id || Date.now() - (it.at ?? 0) > WAITS));
    if (stale.length) {
      // Another conversation has begun since, or the server keeps them no longer: they have to be sent up again.
      for (const it of stale) {
        it.state = 'waiting';
        delete it.kept;
        draw(it);
      }
      return go();
    }
    wanted = false;
    const up = chosen.filter((it) => it.kept);
    for (const { kept } of up) if (kept) sent.set(kept.id, kept);
    for (const it of up) it.el.remove();
    chosen = chosen.filter((it) => !it.kept);
    list.hidden = !chosen.length;
    tell('');
    const text = panel.composer.text().trim();
    panel.composer.put('');
    speak({ ...(text ? { text } : {}), attachments: up.flatMap((it) => (it.kept ? [it.kept.id] : [])) });
  }

  function submit(event: Event): void {
    if (!ready()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (field?.getAttribute('aria-invalid') === 'true') return;
    wanted = true;
    if (chosen.some((it) => it.state === 'waiting' || it.state === 'going')) tell(say('fileSoon'));
    finish();
    field?.focus();
  }
  form.addEventListener('submit', submit, { capture: true, signal });
  form.addEventListener(
    'keydown',
    (event) => {
      if (event.target === field && event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submit(event);
    },
    { capture: true, signal },
  );
  picker.addEventListener('change', () => {
    add(picker.files ?? []);
    picker.value = '';
    field?.focus();
  });
  field?.addEventListener(
    'paste',
    (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length || !takes()) return;
      event.preventDefault();
      add(files);
    },
    { signal },
  );
  const carries = (event: DragEvent): boolean => !!takes() && isOpen() && !!event.dataTransfer?.types.includes('Files');
  const over = (on: boolean): void => {
    panel.el.classList.toggle('dropping', on);
    panel.el.dataset['drop'] = on ? say('fileDrop') : '';
  };
  panel.el.addEventListener(
    'dragover',
    (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      over(true);
    },
    { signal },
  );
  panel.el.addEventListener('dragleave', (event) => !panel.el.contains(event.relatedTarget as Node | null) && over(false), { signal });
  panel.el.addEventListener(
    'drop',
    (event) => {
      over(false);
      if (!carries(event)) return;
      event.preventDefault();
      add(event.dataTransfer?.files ?? []);
    },
    { signal },
  );

  // ---- in the lines

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
      // A photo whose link was over when it was drawn is there now.
      if (IMAGE.test(it.content_type) && !a.querySelector('img')?.naturalWidth) a.replaceWith(shown(it));
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
    const words = h('span', { class: 'file-words' }, h('bdi', { class: 'file-name' }, it.name), h('span', { class: 'file-size' }, size(it.size, locale)));
    const el = h('a', { class: 'file', target: '_blank', rel: 'noopener noreferrer' });
    if (url) el.href = url;
    el.setAttribute('data-file', it.id);
    if (IMAGE.test(it.content_type) && url) {
      const img = h('img', { alt: say('filePhoto', { name: it.name }), decoding: 'async', referrerPolicy: 'no-referrer' });
      // An address that shows no image still leads to it.
      img.onerror = () => el.replaceChildren(drawing(SHEET), words);
      img.src = url;
      el.classList.add('photo');
      el.append(img);
    } else el.append(drawing(SHEET), words);
    return el;
  }

  /** Settings and language may change while the page is open. */
  const dress = (): void => {
    clip.hidden = !takes();
    clip.setAttribute('aria-label', say('fileAttach'));
    clip.title = say('fileAttach');
    picker.accept = takes()?.accept ?? '';
  };
  dress();
  return (line: Message | Item): HTMLElement | null => {
    dress();
    const files = (line.attachments ?? []).flatMap((it) => (typeof it === 'string' ? [sent.get(it)].filter((f): f is Attachment => !!f) : [it]));
    return files.length ? h('div', { class: 'files' }, ...files.map(shown)) : null;
  };
}
