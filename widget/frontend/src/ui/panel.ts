/** The chat's window: header, banner, conversation, composer, and what stands in their place when something is wrong. */
import { legible, onPrimary } from '../app/theme.ts';
import { isRtl } from '../app/texts.ts';
import type { TextKey } from '../app/texts.ts';
import type { Host } from '../host.ts';
import css from './app.css';
import { createComposer } from './composer.ts';
import { avatar, h, icon, picture } from './dom.ts';
import { createList } from './list.ts';
import { createMenu } from './menu.ts';
import type { Entry } from './menu.ts';
import type { Acts, View } from './view.ts';

const PHONE = '(max-width: 480px)';
/** The bubbles' grounds, on which the brand's colour is hardest to read. */
const SURFACES = { light: '#f1f3f6', dark: '#262a32' };

export function createPanel(host: Host, acts: Acts) {
  host.style(css);
  const list = createList(acts);
  const composer = createComposer(acts);
  const menu = createMenu();
  const title = h('h2', { class: 'title', id: 'title' });
  const subtitle = h('p', { class: 'subtitle' });
  const face = h('div', { class: 'face' });
  const close = h('button', { class: 'head-button', type: 'button', onclick: acts.close }, icon('close'));
  const banner = h('div', { class: 'banner', role: 'status' });
  const status = h('div', { class: 'strip', role: 'status' });
  const foot = h('div', { class: 'foot' });
  const trouble = h('div', { class: 'trouble', role: 'alert', hidden: true });
  const wait = h('div', { class: 'wait', hidden: true }, h('span', { class: 'dots' }, h('i'), h('i'), h('i')), h('span', { class: 'sr', role: 'status' }));
  const el = h(
    'div',
    { class: 'panel', role: 'dialog', 'aria-labelledby': 'title', tabIndex: -1, hidden: true },
    h('div', { class: 'head' }, face, h('div', { class: 'words' }, title, subtitle), menu.el, close),
    banner,
    status,
    list.el,
    wait,
    trouble,
    foot,
  );
  host.box.prepend(el);
  let last: View | null = null;
  let question: { text: TextKey; run(): void } | null = null;
  let drawn = '';

  const phone = matchMedia(PHONE);
  const seen = window.visualViewport as VisualViewport;
  const fit = (): void => {
    // On a phone the keyboard covers the page without shrinking it: the panel takes what is really to be seen.
    el.style.setProperty('--vh', `${seen.height}px`);
    el.style.setProperty('--vt', `${seen.offsetTop}px`);
    el.setAttribute('aria-modal', String(phone.matches));
  };
  fit();
  const { signal } = host;
  for (const moved of ['resize', 'scroll']) seen.addEventListener(moved, fit, { signal });

  const focused = (): Element | null => host.root.activeElement;
  el.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation();
      if (question) ask(null);
      else acts.close();
    } else if (event.key === 'Tab' && phone.matches) keepInside(event);
  });
  /** Full-screen there is nothing else to go to. */
  const keepInside = (event: KeyboardEvent): void => {
    const stops = [...el.querySelectorAll<HTMLElement>('button,a[href],textarea,[tabindex="0"]')].filter((s) => s.getClientRects().length && !(s as HTMLButtonElement).disabled);
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (focused() !== edge && focused() !== el) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  };

  const ask = (next: typeof question): void => {
    question = next;
    drawn = '';
    if (last) footer(last);
    if (next) foot.querySelector('button')?.focus();
    else composer.focus();
  };
  const footer = (view: View): void => {
    const { say } = view;
    const what = question ? 'ask' + question.text + view.look : view.trouble ? '' : view.ended !== null ? 'end' + view.ended + view.look : 'write';
    if (what === drawn) return;
    drawn = what;
    const button = (label: string, name: string, run: () => void): HTMLElement => h('button', { type: 'button', class: name, onclick: run }, label);
    if (question) {
      const text = say(question.text);
      const { run } = question;
      const yes = (): void => {
        ask(null);
        run();
      };
      foot.replaceChildren(h('div', { class: 'ask', role: 'group', 'aria-label': text }, h('p', {}, text), h('div', { class: 'ask-row' }, button(say('confirmNo'), 'quiet', () => ask(null)), button(say('confirmYes'), 'strong', yes))));
    } else if (what.startsWith('end')) {
      foot.replaceChildren(h('div', { class: 'ask' }, h('p', { role: 'status' }, view.ended), button(say('startNew'), 'strong', acts.restart)));
    } else foot.replaceChildren(...(what ? [composer.el] : []));
    if (what === 'write') composer.measure();
  };

  const entries = (view: View): Entry[] => {
    if (!view.active) return [];
    const { say } = view;
    return [
      ...(view.canHandoff ? [{ label: say('handoff'), icon: 'person' as const, run: acts.handoff }] : []),
      { label: say('startNew'), icon: 'fresh' as const, run: () => ask({ text: 'confirmNew', run: acts.restart }) },
      { label: say('end'), icon: 'end' as const, run: () => ask({ text: 'confirmEnd', run: acts.end }) },
    ];
  };

  const dress = (view: View): void => {
    const { theme } = view;
    const set = (key: string, value: string): void => el.style.setProperty('--' + key, value);
    set('primary', theme.primaryColor);
    set('on-primary', onPrimary(theme));
    set('accent-light', legible(theme.primaryColor, SURFACES.light));
    set('accent-dark', legible(theme.primaryColor, SURFACES.dark));
    set('radius', theme.radius + 'px');
    el.dataset['mode'] = theme.mode;
    el.dir = isRtl(view.locale) ? 'rtl' : 'ltr';
    el.lang = view.locale;
    el.classList.toggle('at-left', theme.position === 'bottom-left');
    // What moves the launcher leaves the window that much less room.
    el.style.setProperty('--aside', `${theme['offset.x']}px`);
    el.style.setProperty('--lift', `${theme['offset.y']}px`);
    face.replaceChildren(avatar(picture(theme['header.avatarUrl'] ?? theme.avatarUrl, view.api), view.title, 'chat'));
  };

  return {
    el,
    composer,
    list,
    update(view: View): void {
      const { say } = view;
      if (!last || last.look !== view.look || last.title !== view.title) dress(view);
      last = view;
      title.textContent = view.title;
      subtitle.textContent = view.subtitle;
      subtitle.hidden = !view.subtitle;
      close.setAttribute('aria-label', say('close'));
      banner.className = `banner ${view.banner?.kind ?? ''}`;
      banner.textContent = view.banner?.text ?? '';
      status.textContent = view.status;
      menu.update(say('menu'), entries(view));
      trouble.hidden = !view.trouble;
      list.el.hidden = !!view.trouble || view.loading;
      wait.hidden = !view.loading || !!view.trouble;
      if (wait.lastElementChild) wait.lastElementChild.textContent = view.loading ? say('connecting') : '';
      const sign = JSON.stringify(view.trouble);
      if (trouble.dataset['sign'] !== sign) {
        trouble.dataset['sign'] = sign;
        const { trouble: what } = view;
        const kids = what && [
          icon('alert'),
          h('h3', {}, what.title),
          h('p', {}, what.text),
          what.action ? h('button', { class: 'strong', type: 'button', onclick: what.action.run }, what.action.label) : '',
          what.code ? h('p', { class: 'code' }, what.code) : '',
        ];
        trouble.replaceChildren(...(kids ?? []));
      }
      if (view.trouble || view.ended !== null) question = null;
      composer.update(view);
      footer(view);
      if (!view.trouble) list.update(view);
    },
    show(): void {
      fit();
      el.hidden = false;
      list.toEnd();
      // Where a finger opens it, focus in the field would throw up the keyboard.
      if (matchMedia('(pointer: fine)').matches && composer.el.isConnected) composer.focus();
      else el.focus({ preventScroll: true });
    },
    hide(): void {
      const inside = el.contains(focused());
      menu.shut();
      el.hidden = true;
      if (inside) host.launcher.focus({ preventScroll: true });
    },
    remove(): void {
      list.stop();
      composer.stop();
      el.remove();
    },
  };
}

export type Panel = ReturnType<typeof createPanel>;
