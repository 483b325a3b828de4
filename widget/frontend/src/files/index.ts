/**
 * Files in the chat: chosen, pasted or dropped, sent up with progress, sent with the message, shown in its line. A script
 * of its own, loaded by the app where a deployment takes files or a conversation has some. It stands beside the composer
 * and listens before it does: what has files is sent from here.
 */
import type { Item, Words } from '../app/outbox.ts';
import type { Kept } from '../app/session.ts';
import { inLanguage } from '../app/texts.ts';
import type { Host } from '../host.ts';
import type { Attachment, Message } from '../protocol.ts';
import { h } from '../ui/dom.ts';
import type { Panel } from '../ui/panel.ts';
import type { Acts, View } from '../ui/view.ts';
import css from './files.css';
import { createShown, drawing, SHEET } from './shown.ts';
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
  /** Refused for now: another try may do. */
  again: boolean;
  /** Tries that came to nothing. */
  tries: number;
  /** Not tried before this moment. */
  until: number;
  stop: AbortController;
  /** The message that it goes with, once Send was pressed. */
  parcel?: Parcel;
  /** What the server made of it, in which session, and when. */
  kept?: Attachment;
  of?: string;
  at?: number;
}

/** A message whose Send was pressed while its files are still on their way. What is typed since is another one. */
interface Parcel {
  text: string;
  el: HTMLElement;
  note: HTMLElement;
}

export interface FileScript {
  start: typeof start;
}

const CLIP = 'M20 11.5 12 19.5a5 5 0 0 1-7-7l8.5-8.500a3.400 3.400 0 0 1 4.800 4.800L10 17a1.700 1.700 0 0 1-2.400-2.400L15 7.200';
const CROSS = 'M6 6l12 12M18 6L6 18';
const AGAIN = 'M4 12a8 8 0 1 1 2.500 5.800M4 20v-4h4';
/** Milliseconds that a file which is up can wait for its message: the server deletes it after two hours. */
const WAITS = 100 * 60_000;
/** So often a file is tried by itself; then the visitor is asked. */
const TRIES = 5;

/** Answers what draws the files of a line. */
export function start(host: Host, panel: Panel, session: () => Kept | null, speak: (message: Words) => void, view: () => View, acts: Acts) {
  const { signal } = host;
  host.style(css);
  const takes = (): Takes | null => (host.now().config?.features['files'] || null) as Takes | null;
  /** The owner's own words, if there are any. */
  const owners = (key: FileText): string => {
    const { locale, theme } = view();
    let text = '';
    for (const own of [host.now().config?.texts, theme.customTexts]) {
      const word = inLanguage((own as Record<string, unknown> | null | undefined)?.[key], locale);
      if (typeof word === 'string' && word.trim()) text = word;
    }
    return text;
  };
  const language = (): string => view().locale.slice(0, 2).toLowerCase();
  const say = (key: FileText, values: Record<string, string | number> = {}): string => {
    const text = owners(key) || ((LOCALES[language()] ?? LOCALES['en'])?.[key] ?? '');
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
  // What is heard of a file: that it begins, and how it ends. Its per cent are only seen.
  const heard = h('p', { class: 'sr', role: 'status' });
  form.append(told, heard, picker);
  let chosen: Chosen[] = [];
  let parcels: Parcel[] = [];
  let timer = 0;
  /** What was sent from here, for the line until the server's own is there. */
  const sent = new Map<string, Attachment>();

  const tell = (text: string): void => {
    told.textContent = text;
  };
  const hear = ({ file }: Chosen, text: string): void => {
    heard.textContent = `${file.name}: ${text}`;
  };
  const of = (parcel: Parcel | undefined): Chosen[] => chosen.filter((it) => it.parcel === parcel);
  /** What goes with the next message. */
  const ready = (): boolean => of(undefined).some((it) => it.state !== 'refused');
  const isUnder = (it: Chosen): boolean => it.state === 'waiting' || it.state === 'going';

  /** What is chosen before the conversation has begun waits for it, as words do. */
  const isOpen = (): boolean => view().active || view().loading;

  function add(files: Iterable<File>): void {
    const limits = takes();
    if (!limits || !isOpen()) return;
    tell('');
    for (const file of files) {
      if (of(undefined).length >= limits.most) {
        tell(say('fileTooMany', { n: limits.most }));
        break;
      }
      const note = h('span', { class: 'chip-note' }, say('fileNext'));
      const it: Chosen = { file, note, el: h('li', { class: 'chip' }), state: 'waiting', again: false, tries: 0, until: 0, stop: new AbortController() };
      chosen.push(it);
      list.append(it.el);
      draw(it);
      if (file.size > limits.max_bytes) refuse(it, 'fileTooLarge');
      else if (!file.size) refuse(it, 'fileEmpty');
    }
    go();
  }

  const tap = (label: string, path: string, run: () => void): HTMLElement =>
    h('button', { class: 'chip-button', type: 'button', 'aria-label': label, title: label, onclick: run }, drawing(path));

  function draw(it: Chosen): void {
    const { name } = it.file;
    it.el.className = `chip ${it.state}`;
    it.el.replaceChildren(
      drawing(SHEET),
      h('span', { class: 'chip-words' }, h('span', { class: 'chip-name' }, h('bdi', {}, name)), it.note),
      ...(it.again ? [tap(say('fileRetry', { name }), AGAIN, () => retry(it))] : []),
      tap(say('fileRemove', { name }), CROSS, () => remove(it)),
    );
    tidy();
  }

  function tidy(): void {
    list.hidden = !list.childElementCount;
    list.setAttribute('aria-label', say('fileTray'));
    enable();
  }

  /** `words`: the server's own reason, in English. */
  function refuse(it: Chosen, no: FileText, again = false, words = ''): void {
    it.state = 'refused';
    it.again = again;
    const own = say(no, { n: Math.max(0.1, Math.round(((takes()?.max_bytes ?? 0) / 1048576) * 10) / 10) });
    it.note.textContent = words && language() === 'en' && !owners(no) ? words : own;
    hear(it, it.note.textContent);
    draw(it);
    standing(it.parcel);
    if (no === 'fileOff') void host.reload().then(dress);
  }

  function retry(it: Chosen): void {
    wait(it, 'fileNext');
    it.tries = 0;
    standing(it.parcel);
    go();
  }

  function wait(it: Chosen, why: FileText, seconds = 0): void {
    it.state = 'waiting';
    it.again = false;
    it.until = Date.now() + seconds * 1000;
    it.note.textContent = say(why);
    draw(it);
  }

  function remove(it: Chosen, back = true): void {
    it.stop.abort();
    drop(it);
    tell('');
    standing(it.parcel);
    if (back) field?.focus();
    go();
  }

  function drop(it: Chosen): void {
    chosen = chosen.filter((other) => other !== it);
    it.el.remove();
    tidy();
  }

  /** One at a time, so that a slow line carries one whole file rather than the halves of two. */
  function go(): void {
    clearTimeout(timer);
    if (signal.aborted) return;
    finish();
    if (chosen.some((it) => it.state === 'going')) return;
    const waiting = chosen.filter((one) => one.state === 'waiting');
    const it = waiting.find((one) => one.until <= Date.now());
    const kept = session();
    if (!it || !kept || navigator.onLine === false) {
      if (it) it.note.textContent = say('fileWaiting');
      // A session that is being begun, a connection that is away: looked for again, and at once when it is back.
      const next = it ? 2000 : Math.min(...waiting.map((one) => one.until)) - Date.now();
      if (waiting.length) timer = window.setTimeout(go, next);
      return;
    }
    it.state = 'going';
    it.note.textContent = say('fileSending', { n: 0 });
    if (!it.tries) hear(it, say('fileBegun'));
    draw(it);
    const far = (n: number): void => void (it.note.textContent = say('fileSending', { n }));
    const address = `${host.api}/v1/public/runtime/sessions/${encodeURIComponent(kept.id)}/files`;
    void sendUp(address, kept.token, it.file, far, it.stop.signal).then((answer) => {
      if (!chosen.includes(it)) return;
      if (answer === 'later') {
        // Without a connection nothing was tried. With one something on the way may keep the file off for ever.
        if (navigator.onLine === false) wait(it, 'fileWaiting');
        else if (++it.tries < TRIES) wait(it, 'fileWaiting', 1.5 * 2 ** it.tries);
        else refuse(it, 'fileFailed', true);
      } else if ('file' in answer) {
        it.state = 'up';
        it.kept = answer.file;
        it.of = kept.id;
        it.at = Date.now();
        it.note.textContent = say('fileReady');
        hear(it, it.note.textContent);
        draw(it);
      } else if (answer.wait && ++it.tries < TRIES) {
        // Who was too fast with one is so with all.
        for (const one of chosen) if (isUnder(one)) wait(one, 'fileLater', answer.wait);
      } else refuse(it, answer.no, answer.again, answer.words);
      go();
    });
  }
  window.addEventListener(
    'online',
    () => {
      for (const it of chosen) it.until = 0;
      go();
    },
    { signal },
  );

  // Whoever is forgotten leaves nothing in the composer, files neither.
  const { put } = panel.composer;
  panel.composer.put = (text) => {
    if (!text && !session()) {
      for (const parcel of parcels) parcel.el.remove();
      parcels = [];
      for (const it of [...chosen]) remove(it, false);
    }
    put(text);
    keep();
  };

  /** The app's own rule is that there must be words. */
  function enable(): void {
    if (!ready()) panel.composer.measure();
    if (send && ready() && send.disabled && field?.getAttribute('aria-invalid') !== 'true') send.disabled = false;
  }
  panel.composer.more = ready;
  if (send) {
    const watch = new MutationObserver(() => ready() && enable());
    watch.observe(send, { attributes: true, attributeFilter: ['disabled'] });
    signal.addEventListener('abort', () => watch.disconnect());
  }

  const joined = (...texts: string[]): string => texts.filter((text) => text.trim()).join('\n\n');
  /** Words that wait for their files are lost by a reload no more than those in the field. */
  function keep(): void {
    if (parcels.length) acts.draft(joined(...parcels.map((it) => it.text), panel.composer.text()));
  }
  field?.addEventListener('input', keep, { signal });

  /** Says at a message why it waits. */
  function standing(parcel: Parcel | undefined): void {
    if (!parcel || !parcels.includes(parcel)) return;
    const text = say(of(parcel).some((it) => it.state === 'refused') ? 'fileHeld' : 'fileSoon');
    parcel.note.textContent = text;
    // Seen once: where the words stand, or below the field where there are none.
    if (parcel.text) heard.textContent = text;
    else tell(text);
  }

  /** Back into the field, before what was typed since. */
  function takeBack(parcel: Parcel): void {
    end(parcel);
    for (const it of of(parcel)) delete it.parcel;
    const text = joined(parcel.text, panel.composer.text());
    put(text);
    acts.draft(joined(...parcels.map((it) => it.text), text));
    tell('');
    tidy();
  }

  function end(parcel: Parcel): void {
    parcels = parcels.filter((other) => other !== parcel);
    parcel.el.remove();
  }

  /** Sends the messages, in their order, whose files are all up. */
  function finish(): void {
    // Nothing can be said here any more: the words wait in the field for the next conversation.
    if (!isOpen()) for (const it of [...parcels].reverse()) takeBack(it);
    for (let parcel = parcels[0]; parcel; parcel = parcels[0]) {
      const its = of(parcel);
      // Another conversation has begun since, or the server keeps them no longer: they have to be sent up again.
      for (const it of its) {
        if (!it.kept || (it.of === session()?.id && Date.now() - (it.at ?? 0) <= WAITS)) continue;
        delete it.kept;
        wait(it, 'fileNext');
      }
      if (its.some((it) => it.state !== 'up')) return;
      end(parcel);
      its.forEach(drop);
      tidy();
      tell('');
      acts.draft(joined(...parcels.map((it) => it.text), panel.composer.text()));
      const files = its.flatMap((it) => it.kept ?? []);
      for (const file of files) sent.set(file.id, file);
      const { text } = parcel;
      if (text || files.length) speak({ ...(text ? { text } : {}), ...(files.length ? { attachments: files.map(({ id }) => id), files } : {}) });
    }
  }

  function submit(event: Event): void {
    const mine = of(undefined).filter((it) => it.state !== 'refused' || it.again);
    const text = panel.composer.text().trim();
    // Where nothing is to be sent, the button may say that it stops the answer under way.
    if (!mine.length && !(parcels.length && text)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (field?.getAttribute('aria-invalid') === 'true') return;
    field?.focus();
    if (mine.some((it) => it.again)) return tell(say('fileHeld'));
    const note = h('span', { class: 'chip-note' });
    const parcel: Parcel = { text, note, el: h('li', { class: 'chip parcel' }) };
    const back = tap(say('fileBack'), CROSS, () => {
      takeBack(parcel);
      field?.focus();
      // What waited behind it need not any more.
      go();
    });
    parcel.el.append(h('span', { class: 'chip-words' }, h('span', { class: 'chip-said' }, text), note), back);
    for (const it of mine) it.parcel = parcel;
    parcels.push(parcel);
    if (text) list.insertBefore(parcel.el, mine[0]?.el ?? null);
    put('');
    keep();
    standing(parcel);
    tidy();
    go();
  }
  form.addEventListener('submit', submit, { capture: true, signal });
  form.addEventListener(
    'keydown',
    (event) => {
      if (event.target === field && event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submit(event);
    },
    { capture: true, signal },
  );

  /** A message that was refused because its files are not taken: what is said of it is where the visitor writes, with the words. */
  async function refused(clientId: unknown): Promise<void> {
    const item = view().unsent.find((it) => it.client_id === clientId);
    if (!item?.attachments?.length || !/^(invalid|channel_not_allowed)$/.test(item.code ?? '')) return;
    await host.reload();
    dress();
    acts.discard(item);
    panel.composer.put(joined(item.text ?? '', panel.composer.text()));
    tell(say(takes() ? 'fileGone' : 'fileOff'));
  }
  const { emit } = host;
  host.emit = (name, data) => {
    emit(name, data);
    if (name === 'message:failed') void refused((data as { client_id?: string }).client_id);
  };
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

  const shown = createShown(host, panel, session, view, say);

  /** Settings and language may change while the page is open. */
  const dress = (): void => {
    clip.hidden = !takes();
    clip.setAttribute('aria-label', say('fileAttach'));
    clip.title = say('fileAttach');
    picker.accept = takes()?.accept ?? '';
  };
  dress();
  // What was refused before this script was there.
  for (const it of view().unsent) if (it.state === 'failed') void refused(it.client_id);
  return (line: Message | Item): HTMLElement | null => {
    dress();
    const own = 'files' in line ? line.files : undefined;
    const files = (line.attachments ?? []).flatMap((it) => (typeof it === 'string' ? (sent.get(it) ?? own?.find(({ id }) => id === it) ?? []) : it));
    return files.length ? h('div', { class: 'files' }, ...files.map(shown)) : null;
  };
}
