/** One file on its way up: by XMLHttpRequest, because fetch tells nothing of how far it is. */
import type { Attachment } from '../protocol.ts';
import type { FileText } from './texts.ts';

export type Answer = { file: Attachment } | { no: FileText; again: boolean } | 'later';

/** `far`: per cent so far. Answers what became of it; `later` where no answer came. */
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
    ask.onload = () => done(verdict(ask.status, ask.response));
    ask.onerror = ask.ontimeout = () => done('later');
    signal.addEventListener('abort', () => ask.abort());
    ask.send(form);
  });
}

function verdict(status: number, body: { file?: Attachment; code?: string } | null): Answer {
  if (body?.file && status < 300) return { file: body.file };
  const known: Record<string, FileText> = {
    payload_too_large: 'fileTooLarge',
    unsupported_media_type: 'fileKind',
    invalid: 'fileBroken',
    quota_exceeded: 'fileFull',
    channel_not_allowed: 'fileOff',
  };
  const no = known[body?.code ?? ''];
  if (no) return { no, again: false };
  return { no: status === 429 ? 'fileFast' : 'fileFailed', again: true };
}
