/** One line of the conversation. */
import { render } from '../markdown.ts';
import type { Message } from '../protocol.ts';
import type { Item } from '../app/outbox.ts';
import { keyOf } from '../app/texts.ts';
import { block } from './blocks.ts';
import { avatar, h, icon, picture } from './dom.ts';
import type { Acts, View } from './view.ts';

/** As the visitor's own device writes it, whatever language the chat speaks: 09:05 or 9:05 AM. */
export const clock = (at: string): string => format(at, navigator.languages, { timeStyle: 'short' });

/** In the chat's language, as it is written where the visitor lives. */
export const date = (at: string, locale: string): string =>
  format(at, navigator.languages.find((tag) => tag.split('-')[0] === locale.split('-')[0]) ?? locale, { weekday: 'long', day: 'numeric', month: 'long' });

function format(at: string, locale: string | readonly string[], how: Intl.DateTimeFormatOptions): string {
  try {
    return new Intl.DateTimeFormat(locale, how).format(new Date(at));
  } catch {
    return '';
  }
}

export function nameOf(message: Message, view: View): string {
  const { kind, name } = message.author;
  if (name) return name;
  return kind === 'visitor' ? view.say('you') : kind === 'agent' ? view.say('agent') : view.assistant;
}

/** `first` and `last` of a run by the same author: the name stands above the first, face and time by the last. */
export function messageRow(message: Message, first: boolean, last: boolean, view: View, acts: Acts): HTMLElement {
  const { author, status } = message;
  if (author.kind === 'system') return h('div', { class: 'row note' }, render(message.text), ...(message.blocks ?? []).map((it) => block(it, view, acts)));
  const mine = author.kind === 'visitor';
  const writing = status === 'streaming';
  // What was cut off while it was written stays, and says so below.
  const failed = status === 'failed' && !message.text;
  const body = h('div', { class: mine ? 'bubble' : 'bubble md' }, mine ? message.text : render(message.text));
  if (writing) body.setAttribute('aria-busy', 'true');
  if (failed) body.replaceChildren(icon('alert'), view.say('answerFailed'));
  const blocks = writing ? [] : (message.blocks ?? []).map((it) => block(it, view, acts));
  const face = mine
    ? null
    : first
      ? avatar(picture(author.avatar_url ?? view.theme.avatarUrl ?? view.theme['header.avatarUrl'], view.api), nameOf(message, view), author.kind === 'assistant' && !author.name ? 'spark' : null)
      : h('span', { class: 'avatar none' });
  return h(
    'div',
    { class: `row ${mine ? 'mine' : 'theirs'}${first ? ' first' : ''}${last ? ' last' : ''}${failed ? ' failed' : ''}` },
    face,
    h(
      'div',
      { class: 'stack' },
      h('span', { class: first && !mine ? 'name' : 'sr' }, nameOf(message, view)),
      (message.text || failed) && body,
      acts.files?.(message),
      ...blocks,
      message.text && message.reason && h('div', { class: 'meta' }, view.say(status === 'failed' ? 'cutOff' : 'stopped')),
      last && !writing && h('time', { class: 'meta', dateTime: message.created_at }, clock(message.created_at)),
    ),
  );
}

/** A message that the server hasn't confirmed yet. */
export function unsentRow(item: Item, first: boolean, view: View, acts: Acts): HTMLElement {
  const { say } = view;
  const failed = item.state === 'failed';
  const meta = failed
    ? h(
        'div',
        { class: 'meta bad' },
        icon('alert'),
        h('span', {}, `${say('notSent')} ${reason(item.code, view)} `),
        h('button', { class: 'text-button', type: 'button', onclick: () => acts.again(item) }, say('tryAgain')),
        h('button', { class: 'text-button', type: 'button', onclick: () => acts.discard(item) }, say('discard')),
      )
    : h('div', { class: 'meta' }, waiting(item, view));
  return h(
    'div',
    { class: `row mine last${first ? ' first' : ''}${failed ? ' failed' : ' pending'}` },
    h('div', { class: 'stack' }, h('span', { class: 'sr' }, say('you')), item.text && h('div', { class: 'bubble' }, item.text), acts.files?.(item), meta),
  );
}

function waiting(item: Item, view: View): string {
  if (item.code === 'rate_limited' && item.until) {
    return view.say('sendWait', { n: Math.max(1, Math.ceil((item.until - Date.now()) / 1000)) });
  }
  return view.say(navigator.onLine === false ? 'waitingToSend' : 'sending');
}

function reason(code: string | undefined, view: View): string {
  return view.say(keyOf('reason_' + code, 'reason_other'), { code: code ?? '' });
}
