/**
 * Every text a visitor can read. `theme.customTexts` and `config.texts` replace any of them by key, for everybody or by
 * language. The build writes them to static/widget/texts.json, from which the Appearance page knows them.
 */

const en = {
  title: 'Chat',
  subtitle: 'We’re happy to help',
  close: 'Close chat',
  menu: 'More options',
  handoff: 'Talk to a person',
  end: 'End conversation',
  startNew: 'Start a new conversation',
  confirmEnd: 'End this conversation?',
  confirmNew: 'End this conversation and start a new one?',
  confirmYes: 'End it',
  confirmNo: 'Keep it',
  messages: 'Conversation',
  you: 'You',
  assistant: 'Assistant',
  agent: 'Team member',
  composer: 'Message',
  placeholder: 'Write a message…',
  send: 'Send',
  typing: '{name} is typing',
  newMessages: 'New messages',
  today: 'Today',
  yesterday: 'Yesterday',
  sending: 'Sending…',
  waitingToSend: 'Will be sent when you’re back online',
  seen: 'Seen',
  notSent: 'Not sent.',
  tryAgain: 'Try again',
  discard: 'Discard',
  sendWait: 'A little fast: sending in {n} s',
  limit: '{n} characters left',
  tooLong: 'Too long by {n} characters. Please send it in parts.',
  tooBig: 'Too large to send in one message. Please send it in parts.',
  connecting: 'Connecting…',
  reconnecting: 'Connection lost. Reconnecting…',
  offline: 'You’re offline. You can keep writing. We’ll send it once you’re back.',
  back: 'Back online',
  waiting: 'We’ve let the team know. You can keep writing.',
  waiting_form: 'Please answer the question, or skip it.',
  waiting_people: 'Nobody can answer here at the moment. You can keep writing.',
  withPerson: 'You’re now talking to a person.',
  withAssistant: 'The assistant is back to help you.',
  ended: 'This conversation has ended.',
  endedByServer: 'This conversation could not go on.',
  elsewhere: 'This conversation was closed in another tab.',
  refusedTitle: 'Chat isn’t available here',
  refused: 'This chat isn’t set up for this page. Please contact us another way.',
  deadTitle: 'Chat isn’t available',
  dead: 'This chat is no longer in service. Please contact us another way.',
  identity: 'Please sign in on this site to use the chat.',
  unreachableTitle: 'We can’t be reached right now',
  unreachable: 'Please check your connection and try again.',
  problemTitle: 'That didn’t work',
  problem: 'Something went wrong on our side. Please try again.',
  pausedTitle: 'The chat is paused',
  paused: 'Nobody can answer here at the moment. Please come back a little later.',
  busyTitle: 'A lot is going on right now',
  busy: 'Please wait a moment. We’ll try again in {n} s.',
  retry: 'Try again',
  code: 'Code: {code}',
  reason_rate_limited: 'Too many messages at once. Please wait a moment.',
  reason_payload_too_large: 'The message is too large.',
  reason_invalid: 'The message couldn’t be read.',
  reason_conversation_ended: 'The conversation has ended.',
  reason_unreachable: 'We couldn’t be reached.',
  reason_other: 'Something went wrong ({code}).',
  answerFailed: 'No answer could be given. Please try again.',
  opensNew: 'opens in a new window',
  previous: 'Previous',
  next: 'Next',
};

export type TextKey = keyof typeof en;

const de: Record<TextKey, string> = {
  title: 'Chat',
  subtitle: 'Wir helfen gern',
  close: 'Chat schließen',
  menu: 'Weitere Möglichkeiten',
  handoff: 'Mit einem Menschen sprechen',
  end: 'Unterhaltung beenden',
  startNew: 'Neue Unterhaltung beginnen',
  confirmEnd: 'Diese Unterhaltung beenden?',
  confirmNew: 'Diese Unterhaltung beenden und eine neue beginnen?',
  confirmYes: 'Beenden',
  confirmNo: 'Behalten',
  messages: 'Unterhaltung',
  you: 'Sie',
  assistant: 'Assistent',
  agent: 'Teammitglied',
  composer: 'Nachricht',
  placeholder: 'Nachricht schreiben …',
  send: 'Senden',
  typing: '{name} schreibt',
  newMessages: 'Neue Nachrichten',
  today: 'Heute',
  yesterday: 'Gestern',
  sending: 'Wird gesendet …',
  waitingToSend: 'Wird gesendet, sobald Sie wieder online sind',
  seen: 'Gelesen',
  notSent: 'Nicht gesendet.',
  tryAgain: 'Erneut versuchen',
  discard: 'Verwerfen',
  sendWait: 'Etwas schnell: wird in {n} s gesendet',
  limit: 'Noch {n} Zeichen',
  tooLong: 'Um {n} Zeichen zu lang. Bitte kürzen oder in Teilen senden.',
  tooBig: 'Zu groß für eine Nachricht. Bitte in Teilen senden.',
  connecting: 'Verbindung wird hergestellt …',
  reconnecting: 'Verbindung unterbrochen. Wird wiederhergestellt …',
  offline: 'Sie sind offline. Schreiben Sie ruhig weiter; wir senden es, sobald Sie wieder verbunden sind.',
  back: 'Wieder online',
  waiting: 'Das Team weiß Bescheid. Sie können weiterschreiben.',
  waiting_form: 'Bitte beantworten oder überspringen Sie die Frage.',
  waiting_people: 'Im Moment kann hier niemand antworten. Sie können weiterschreiben.',
  withPerson: 'Sie sprechen jetzt mit einem Menschen.',
  withAssistant: 'Der Assistent ist wieder für Sie da.',
  ended: 'Diese Unterhaltung ist beendet.',
  endedByServer: 'Diese Unterhaltung konnte nicht fortgesetzt werden.',
  elsewhere: 'Diese Unterhaltung wurde in einem anderen Tab geschlossen.',
  refusedTitle: 'Der Chat ist hier nicht verfügbar',
  refused: 'Der Chat ist für diese Seite nicht eingerichtet. Bitte erreichen Sie uns auf anderem Weg.',
  deadTitle: 'Der Chat ist nicht verfügbar',
  dead: 'Dieser Chat ist nicht mehr in Betrieb. Bitte erreichen Sie uns auf anderem Weg.',
  identity: 'Bitte melden Sie sich auf dieser Seite an, um den Chat zu nutzen.',
  unreachableTitle: 'Wir sind gerade nicht erreichbar',
  unreachable: 'Der Chat hat nicht geantwortet. Bitte prüfen Sie Ihre Verbindung und versuchen Sie es erneut.',
  problemTitle: 'Das hat nicht geklappt',
  problem: 'Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es erneut.',
  pausedTitle: 'Der Chat macht gerade Pause',
  paused: 'Im Moment kann hier niemand antworten. Bitte schauen Sie etwas später wieder vorbei.',
  busyTitle: 'Gerade ist viel los',
  busy: 'Einen Moment bitte. Wir versuchen es in {n} s erneut.',
  retry: 'Erneut versuchen',
  code: 'Code: {code}',
  reason_rate_limited: 'Zu viele Nachrichten auf einmal. Bitte einen Moment warten.',
  reason_payload_too_large: 'Die Nachricht ist zu groß.',
  reason_invalid: 'Die Nachricht konnte nicht gelesen werden.',
  reason_conversation_ended: 'Die Unterhaltung ist beendet.',
  reason_unreachable: 'Wir waren nicht erreichbar.',
  reason_other: 'Etwas ist schiefgegangen ({code}).',
  answerFailed: 'Es konnte keine Antwort gegeben werden. Bitte versuchen Sie es erneut.',
  opensNew: 'öffnet ein neues Fenster',
  previous: 'Zurück',
  next: 'Weiter',
};

export const LOCALES: Record<string, Record<TextKey, string>> = { en, de };

/** The key of a text if there is one, else of another. */
export const keyOf = (key: string, otherwise: TextKey): TextKey => (key in en ? (key as TextKey) : otherwise);

/** What names a control or a part of the chat for a screen reader, or is all that a button says: never empty. */
const NAMES = /^(title|close|menu|handoff|end|startNew|confirm.*|messages|you|assistant|agent|composer|send|typing|newMessages|tryAgain|discard|retry|opensNew|previous|next|.*Title)$/;

export type Say = (key: TextKey, values?: Record<string, string | number>) => string;

/** The tag nearest to what is asked for: the same, a shorter form of it, any of the same language. */
export function nearest(tags: string[], asked: string): string | undefined {
  const usual = (tag: string): string => tag.toLowerCase().replace(/_/g, '-');
  let wanted = usual(asked);
  for (;;) {
    const same = tags.find((tag) => usual(tag) === wanted);
    if (same || !wanted.includes('-')) return same ?? tags.find((tag) => usual(tag).split('-')[0] === wanted);
    wanted = wanted.replace(/-[^-]*$/, '');
  }
}

/** The language to speak: of those the deployment speaks, if it names any, the first for everybody else. */
export function spoken(languages: unknown, asked: string): string {
  const tags = Array.isArray(languages) ? languages.filter((tag) => typeof tag === 'string') : [];
  return nearest(tags, asked) ?? tags[0] ?? asked;
}

/** A text for everybody, or the nearest one by language. */
export function inLanguage(value: unknown, locale: string): unknown {
  if (typeof value !== 'object' || !value) return value;
  const texts = value as Record<string, unknown>;
  return texts[nearest(Object.keys(texts), locale) ?? '*'];
}

/** `own`: the deployment's words, weakest first. */
export function speaker(locale: string, own: unknown[]): Say {
  const base = LOCALES[locale.slice(0, 2).toLowerCase()] ?? en;
  return (key, values = {}) => {
    let text: string = base[key];
    for (const layer of own) {
      const word = inLanguage((layer as Record<string, unknown> | null | undefined)?.[key], locale);
      // An empty text takes one away: a subtitle, say.
      if (typeof word === 'string' && (word.trim() || !NAMES.test(key))) text = word;
    }
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };
}

export const isRtl = (locale: string): boolean => /^(ar|fa|he|iw|ur|ps|sd|ug|yi|dv|ku-Arab)\b/i.test(locale);
