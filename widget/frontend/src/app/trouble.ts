/** A problem in a visitor's words: what it means for them, and the code with which the owner can find the rest. */
import type { Problem } from '../protocol.ts';
import type { Trouble } from '../ui/view.ts';
import type { Say } from './texts.ts';

export function troubles(say: () => Say, retry: () => void) {
  return (problem: Problem, wait: number): Trouble => {
    const t = say();
    const { status, code } = problem;
    const shown = t('code', { code: `${status || ''} ${code}`.trim() });
    const again = { label: t('retry'), run: retry };
    if (code === 'unreachable') return { title: t('unreachableTitle'), text: t('unreachable'), action: again };
    if (code === 'identity_required') return { title: t('refusedTitle'), text: t('identity'), code: shown };
    if (status === 401 && code !== 'token_missing') return { title: t('deadTitle'), text: t('dead'), code: shown };
    if (status === 401 || status === 403 || code === 'token_placeholder') return { title: t('refusedTitle'), text: t('refused'), code: shown };
    if (problem.reason === 'paused') return { title: t('pausedTitle'), text: t('paused'), code: shown, action: again };
    if (status === 429 || status === 503) return { title: t('busyTitle'), text: t('busy', { n: wait || 5 }), code: shown, action: again };
    return { title: t('problemTitle'), text: t('problem'), code: shown, action: again };
  };
}
