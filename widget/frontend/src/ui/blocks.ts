/** Buttons, cards, carousels and lists under a message. */
import { leadTo, render, safeHref } from '../markdown.ts';
import type { Block, Button, Card } from '../protocol.ts';
import { h, icon, picture } from './dom.ts';
import type { Acts, View } from './view.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const array = <T>(value: T[] | undefined): T[] => (Array.isArray(value) ? value : []);

/** What is said beside a title, Markdown as in a message. */
const said = (value: unknown): HTMLElement | false => !!text(value) && h('div', { class: 'md said' }, render(text(value)));

/** A link that says that it leads elsewhere. */
function anchor(href: string, label: string, name: string, view: View): HTMLAnchorElement {
  const a = h('a', { class: name }, h('span', {}, label), icon('link'), h('span', { class: 'sr' }, ` (${view.say('opensNew')})`));
  leadTo(a, href);
  return a;
}

function buttons(list: Button[] | undefined, view: View, acts: Acts): HTMLElement | null {
  const all = array(list).flatMap((button): HTMLElement[] => {
    const label = text(button?.label);
    if (!label) return [];
    if (button.url !== undefined) {
      const href = safeHref(text(button.url));
      return href ? [anchor(href, label, 'choice', view)] : [];
    }
    return [h('button', { class: 'choice', type: 'button', disabled: !view.active, onclick: () => acts.tap(button) }, label)];
  });
  return all.length ? h('div', { class: 'choices' }, ...all) : null;
}

function card(it: Card, view: View, acts: Acts): HTMLElement {
  const src = picture(it?.image_url, view.api);
  const img = src ? h('img', { alt: '', loading: 'lazy', referrerPolicy: 'no-referrer' }) : null;
  if (img && src) {
    img.onerror = () => img.remove();
    img.src = src;
  }
  return h(
    'div',
    { class: 'card' },
    img,
    h('div', { class: 'card-text' }, h('strong', {}, text(it?.title)), said(it?.text)),
    buttons(it?.buttons, view, acts),
  );
}

function carousel(cards: Card[], view: View, acts: Acts): HTMLElement {
  const track = h('div', { class: 'track', role: 'group', tabIndex: 0, 'aria-label': view.say('messages') }, ...cards.map((it) => card(it, view, acts)));
  const step = (sign: number): void => {
    const rtl = getComputedStyle(track).direction === 'rtl' ? -1 : 1;
    track.scrollBy({ left: sign * rtl * 220, behavior: 'smooth' });
  };
  const arrow = (name: 'previous' | 'next', sign: number): HTMLElement =>
    h('button', { class: 'arrow', type: 'button', 'aria-label': view.say(name), onclick: () => step(sign) }, icon(sign < 0 ? 'left' : 'right'));
  return h('div', { class: 'carousel' }, track, cards.length > 1 && h('div', { class: 'arrows' }, arrow('previous', -1), arrow('next', 1)));
}

/** Null for a block of a kind that this release doesn't know: the text beside it must do. */
export function block(it: Block, view: View, acts: Acts): HTMLElement | null {
  switch (it?.type) {
    case 'buttons':
      return buttons(it.buttons, view, acts);
    case 'card':
      return card(it, view, acts);
    case 'carousel':
      return carousel(array(it.cards), view, acts);
    case 'list':
      return h(
        'ul',
        { class: 'items' },
        ...array(it.items).map((item) => {
          const href = safeHref(text(item?.url));
          return h('li', {}, href ? anchor(href, text(item?.title), 'item-title', view) : h('span', { class: 'item-title' }, text(item?.title)), said(item?.text));
        }),
      );
    default:
      return null;
  }
}
