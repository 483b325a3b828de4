/** The header's menu: what is done rarely. */
import { h, icon } from './dom.ts';
import type { ICONS } from './dom.ts';

export interface Entry {
  label: string;
  icon: keyof typeof ICONS;
  run(): void;
}

export function createMenu() {
  const list = h('div', { class: 'menu', role: 'menu', hidden: true, id: 'menu' });
  const button = h('button', { class: 'head-button', type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'aria-controls': 'menu' }, icon('more'));
  const el = h('div', { class: 'menu-holder' }, button, list);

  const isOpen = (): boolean => !list.hidden;
  const shut = (back = false): void => {
    list.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    if (back) button.focus();
  };
  const items = (): HTMLElement[] => [...list.children] as HTMLElement[];
  const show = (at: number): void => {
    list.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    items().at(at)?.focus();
  };
  button.addEventListener('click', () => (isOpen() ? shut() : show(0)));
  el.addEventListener('keydown', (event) => {
    const all = items();
    const now = all.indexOf((el.getRootNode() as ShadowRoot).activeElement as HTMLElement);
    const step = { ArrowDown: now + 1, ArrowUp: now < 0 ? -1 : now - 1, Home: 0, End: -1 }[event.key];
    if (event.key === 'Escape' && isOpen()) {
      event.stopPropagation();
      shut(true);
    } else if (event.key === 'Tab') shut();
    else if (step !== undefined) {
      event.preventDefault();
      if (isOpen()) all.at(step % all.length)?.focus();
      else show(step);
    }
  });
  el.addEventListener('focusout', (event) => {
    if (!el.contains(event.relatedTarget as Node | null)) shut();
  });

  return {
    el,
    shut,
    update(label: string, entries: Entry[]): void {
      button.setAttribute('aria-label', label);
      list.setAttribute('aria-label', label);
      el.hidden = !entries.length;
      const was = isOpen();
      if (was && list.textContent === entries.map((entry) => entry.label).join('')) return;
      list.replaceChildren(
        ...entries.map((entry) =>
          h(
            'button',
            {
              type: 'button',
              role: 'menuitem',
              tabIndex: -1,
              onclick: () => {
                shut(true);
                entry.run();
              },
            },
            icon(entry.icon),
            entry.label,
          ),
        ),
      );
      // The focus went with the old entries, and the menu shut: who is about to choose keeps it.
      if (was) show(0);
    },
  };
}
