/** The conversation: kept in step with the view row by row, so that nothing flickers and a reader hears only what is new. */
import type { Message } from '../protocol.ts';
import { date, messageRow, unsentRow } from './bubble.ts';
import { avatar, h, icon, picture } from './dom.ts';
import type { Acts, View } from './view.ts';

interface Row {
  key: string;
  /** Whatever makes the row look different. */
  sign: string;
  draw(): HTMLElement;
}

/** A longer silence than this starts a new group. */
const PAUSE = 5 * 60_000;
const NEAR = 48;

export function createList(acts: Acts) {
  const rows = h('div', { class: 'rows', role: 'log', 'aria-live': 'off', 'aria-relevant': 'additions' });
  const typing = h('div', { class: 'typing', hidden: true }, h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')), h('span', { class: 'sr', role: 'status' }));
  const scroller = h('div', { class: 'scroller', tabIndex: 0, role: 'region' }, rows, typing);
  const pill = h('button', { class: 'pill', type: 'button', hidden: true, onclick: () => toEnd(true) });
  const el = h('div', { class: 'body' }, scroller, pill);
  const nodes = new Map<string, { sign: string; node: HTMLElement }>();
  let known = 0;
  let mine = 0;

  const atEnd = (): boolean => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  const toEnd = (smooth = false): void => {
    pill.hidden = pinned = true;
    scroller.scrollTo({ top: scroller.scrollHeight, behavior: smooth && !calm() ? 'smooth' : 'auto' });
  };
  const calm = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;
  // A keyboard that comes up, a picture that loads: who was at the end stays there, until a scroll upwards leaves it.
  let pinned = true;
  let top = 0;
  scroller.addEventListener(
    'scroll',
    () => {
      if (atEnd()) pill.hidden = pinned = true;
      else if (scroller.scrollTop < top) pinned = false;
      top = scroller.scrollTop;
    },
    { passive: true },
  );
  const watch = new ResizeObserver(() => pinned && toEnd());
  watch.observe(scroller);
  watch.observe(rows);

  const update = (view: View): void => {
    const wasAtEnd = pinned;
    const wanted = layout(view, acts);
    const keys = new Set(wanted.map((row) => row.key));
    for (const [key, { node }] of nodes) {
      if (keys.has(key)) continue;
      node.remove();
      nodes.delete(key);
    }
    let at: ChildNode | null = rows.firstChild;
    for (const { key, sign, draw } of wanted) {
      const old = nodes.get(key);
      let node = old?.node;
      if (!node || old?.sign !== sign) {
        node = draw();
        if (old) {
          node.classList.add('still');
          if (at === old.node) at = old.node.nextSibling;
          old.node.replaceWith(node);
        }
        nodes.set(key, { sign, node });
      }
      if (node === at) at = at.nextSibling;
      else if (node.nextSibling !== at || !node.parentNode) rows.insertBefore(node, at);
    }
    const name = view.typing?.name || (view.typing?.kind === 'agent' ? view.say('agent') : view.assistant);
    typing.hidden = !view.typing;
    if (typing.lastElementChild) typing.lastElementChild.textContent = view.typing ? view.say('typing', { name }) : '';
    scroller.setAttribute('aria-label', view.say('messages'));
    rows.setAttribute('aria-label', view.say('messages'));
    pill.replaceChildren(icon('down'), view.say('newMessages'));

    const theirs = view.messages.filter((m) => m.author.kind !== 'visitor').length;
    const own = view.unsent.length + view.messages.length - theirs;
    if (wasAtEnd || own > mine) toEnd();
    else if (theirs > known && known) pill.hidden = false;
    if (theirs !== known) pill.hidden ||= theirs < known;
    known = theirs;
    mine = own;
    // History is not read out; what comes from here on is.
    if (!view.loading) setTimeout(() => rows.setAttribute('aria-live', 'polite'), 300);
    else rows.setAttribute('aria-live', 'off');
  };

  return { el, update, toEnd, stop: () => watch.disconnect() };
}

function layout(view: View, acts: Acts): Row[] {
  const rows: Row[] = view.theme.greeting ? [intro(view)] : [];
  const look = `${view.look} ${view.active}`;
  const shown = view.messages.filter((m) => m.text || m.blocks?.length || m.attachments?.length || m.status === 'failed').filter((m) => view.stream || m.status !== 'streaming');
  let day = '';
  shown.forEach((message, at) => {
    const today = new Date(message.created_at).toDateString();
    const fresh = today !== day;
    if (fresh) rows.push({ key: 'day' + today, sign: look, draw: () => h('div', { class: 'day' }, dayName(message.created_at, view)) });
    day = today;
    const first = fresh || !together(shown[at - 1], message);
    const next = shown[at + 1];
    const last = next ? !together(message, next) || new Date(next.created_at).toDateString() !== today : !(view.unsent.length && message.author.kind === 'visitor');
    rows.push({
      // The same line before and after the server knows it: what was sent doesn't jump.
      key: message.client_id ?? message.id,
      sign: [message.rev, message.text.length, message.status, first, last, look].join(),
      draw: () => messageRow(message, first, last, view, acts),
    });
  });
  const end = shown.at(-1);
  if (end?.author.kind === 'visitor' && end.seq <= view.seen) rows.push({ key: 'seen', sign: look, draw: () => h('div', { class: 'row mine meta' }, view.say('seen')) });
  for (const [at, item] of view.unsent.entries()) {
    const first = !at && shown.at(-1)?.author.kind !== 'visitor';
    const rest = Math.ceil(((item.until ?? 0) - Date.now()) / 1000);
    rows.push({
      key: item.client_id,
      sign: [item.state, item.code, rest, navigator.onLine, look].join(),
      draw: () => unsentRow(item, first, view, acts),
    });
  }
  return rows;
}

const together = (a: Message | undefined, b: Message): boolean =>
  !!a &&
  a.author.kind === b.author.kind &&
  a.author.name === b.author.name &&
  a.author.kind !== 'system' &&
  Math.abs(Date.parse(b.created_at) - Date.parse(a.created_at)) < PAUSE;

function intro(view: View): Row {
  const { theme, title, api } = view;
  const greeting = theme.greeting ?? '';
  const src = picture(theme['header.avatarUrl'] ?? theme.avatarUrl, api);
  return {
    key: 'intro',
    sign: [greeting, src, view.look].join(),
    draw: () => h('div', { class: 'intro' }, avatar(src, title, src ? null : 'chat'), h('p', { class: 'greeting' }, greeting)),
  };
}

function dayName(at: string, view: View): string {
  const day = new Date(at).toDateString();
  if (day === new Date().toDateString()) return view.say('today');
  if (day === new Date(Date.now() - 86_400_000).toDateString()) return view.say('yesterday');
  return date(at, view.locale);
}
