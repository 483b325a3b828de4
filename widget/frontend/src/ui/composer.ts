/** Where the visitor writes. */
import { room } from '../app/outbox.ts';
import { h, icon } from './dom.ts';
import type { Acts, View } from './view.ts';

const NEAR = 500;
const NEAR_BYTES = 2048;
const TYPING = 3000;

export function createComposer(acts: Acts) {
  const field = h('textarea', { class: 'field', rows: 1, name: 'message', autocomplete: 'off', enterKeyHint: 'send' });
  const button = h('button', { class: 'send', type: 'submit' });
  const count = h('p', { class: 'count', id: 'count', role: 'status' });
  const form = h('form', { class: 'composer', noValidate: true }, h('div', { class: 'box-in' }, field, button), count);
  let say: View['say'] = () => '';
  let writing = false;
  /** What the button does, and its name for it. */
  let does = '';
  let typedAt = 0;
  let quiet = 0;

  /** Why it can't be sent as it is, if so. */
  let no = '';
  const measure = (): void => {
    field.style.setProperty('height', 'auto');
    field.style.setProperty('height', Math.min(field.scrollHeight, 140) + 'px');
    const left = room(field.value);
    const near = left.points < NEAR || left.bytes < NEAR_BYTES;
    no = left.points < 0 ? say('tooLong', { n: -left.points }) : left.bytes < 0 ? say('tooBig') : '';
    count.textContent = no || (near ? say('limit', { n: left.points }) : '');
    count.classList.toggle('bad', !!no);
    field.setAttribute('aria-invalid', String(!!no));
    // Who has something to say while an answer is written may say it: only an empty field offers to stop.
    const blank = !(field.value.trim() || self.more());
    const what = blank && writing ? 'stop' : 'send';
    button.disabled = !!no || (blank && !writing);
    if (does !== (does = what + say(what))) {
      button.setAttribute('aria-label', say(what));
      button.replaceChildren(icon(what));
    }
  };
  const stopTyping = (): void => {
    clearTimeout(quiet);
    if (typedAt) acts.typing(false);
    typedAt = 0;
  };
  const submit = (): void => {
    const text = field.value.trim();
    if (!text || no) return;
    stopTyping();
    put('');
    acts.send(text);
  };
  const put = (text: string): void => {
    field.value = text;
    acts.draft(text);
    measure();
  };

  field.addEventListener('input', () => {
    measure();
    acts.draft(field.value);
    clearTimeout(quiet);
    if (!field.value) return stopTyping();
    if (Date.now() - typedAt > TYPING) {
      typedAt = Date.now();
      acts.typing(true);
    }
    quiet = window.setTimeout(stopTyping, TYPING + 1000);
  });
  field.addEventListener('keydown', (event) => {
    // Enter that ends an input method's composition is not "send"; 229 is how Safari says so.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  // The page's own shortcuts must not fire while a visitor writes.
  for (const name of ['keydown', 'keyup', 'keypress'] as const) form.addEventListener(name, (event) => event.key !== 'Escape' && event.key !== 'Tab' && event.stopPropagation());
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (does.startsWith('stop')) acts.stop();
    else submit();
    field.focus();
  });

  const self = {
    el: form,
    put,
    /** Whether there is more to send than words: the script for files knows. */
    more: (): boolean => false,
    text: (): string => field.value,
    focus: (): void => field.focus({ preventScroll: true }),
    measure,
    update(view: View): void {
      ({ say, writing } = view);
      field.placeholder = view.say('placeholder');
      field.setAttribute('aria-label', view.say('composer'));
      field.setAttribute('aria-describedby', 'count');
      measure();
    },
    stop: (): void => clearTimeout(quiet),
  };
  return self;
}
