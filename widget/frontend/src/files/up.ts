/** One file on its way up: by XMLHttpRequest, because fetch tells nothing of how far it is. */
import type { Attachment } from '../protocol.ts';
import type { FileText } from './texts.ts';

/** `words`: the server's own. `wait`: seconds after which to try again without being asked. */
export type Answer = { file: Attachment } | { no: FileText; again: boolean; words: string; wait: number } | 'later';

interface Refusal {
  code?: string;
  detail?: string;
  hint?: string;
  errors?: Record<string, string[]>;
}

/** What is waited for at most, in seconds; whoever is to come back in an hour is asked instead. */
const PATIENCE = 120;

/** `far`: per cent so far. Answers what became of it; `later` where no answer came that could be read. */
export function sendUp(address: string, token: string, file: File, far: (percent: number) => void, signal: AbortSignal): Promise<Answer> {
  return new Promise((done) => {
    const ask = new XMLHttpRequest();
    const form = new FormData();
    form.append('file', file, file.name);
    ask.open('POST', address);
    ask.setRequestHeader('Authorization', 'Bearer ' + token);
    ask.responseType = 'json';
    // 10 MB on the slowest line that is of any use; a dead one that nobody reports ends, too.
    ask.timeout = 15 * 60_000;
    ask.upload.onprogress = ({ loaded, total }) => far(Math.min(99, Math.round((100 * loaded) / (total || 1))));
    ask.onload = () => done(verdict(ask.status, ask.response, Number(ask.getResponseHeader('Retry-After')) || 5));
    ask.onerror = ask.ontimeout = () => done('later');
    signal.addEventListener('abort', () => ask.abort());
    ask.send(form);
  });
}

export function verdict(status: number, body: ({ file?: Attachment } & Refusal) | null, wait: number): Answer {
  if (body?.file && status < 300) return { file: body.file };
  const known: Record<string, FileText> = {
    payload_too_large: 'fileTooLarge',
    unsupported_media_type: 'fileKind',
    invalid: 'fileBroken',
    quota_exceeded: 'fileFull',
    channel_not_allowed: 'fileOff',
  };
  const no = known[body?.code ?? ''];
  if (no) return { no, again: false, words: /^file(Kind|Broken|Full)$/.test(no) ? reason(body ?? {}) : '', wait: 0 };
  const passes = status === 429 || status === 503;
  return { no: status === 429 ? 'fileFast' : 'fileFailed', again: true, words: '', wait: passes && wait <= PATIENCE ? wait : 0 };
}

/** Why, and what to do, as far as that is said to a visitor: what every answer of this code has is for programmers. */
function reason({ detail, hint, errors }: Refusal): string {
  const why = Object.values(errors ?? {})[0]?.[0] ?? detail;
  return [why, hint].filter((it) => typeof it === 'string' && it && !/\/v1\/|Content-Type/.test(it)).join(' ');
}
