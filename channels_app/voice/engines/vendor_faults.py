"""What a vendor's refusal or silence means, in plain words with the remedy; nothing of it repeats the key."""

from __future__ import annotations

import json
from typing import Any

from channels_app.voice.engines.base import EngineFailed, FaultKind
from convoship.lib.outbound import OutboundError, Refused
from convoship.lib.outbound.failures import FAILURES, Failed, NotConnected, TimedOut
from convoship.lib.outbound.sockets import OpensTooSlowly

KEY_REMEDY = "Enter the key again in the connection's settings, as it stands in your account there."
_LATER = "Try again; if it goes on, choose another engine in the connection's settings."
# By what vendors call them in their answers (elevenlabs.io/docs/api-reference/errors, platform.openai.com/docs/guides/
# error-codes, developers.deepgram.com/docs/errors). ElevenLabs answers 401 where the credit is used up.
_QUOTA = frozenset({"quota_exceeded", "insufficient_quota", "billing_hard_limit_reached", "ASR_PAYMENT_REQUIRED"})
_BUSY = frozenset({"too_many_concurrent_requests", "concurrent_limit_exceeded", "system_busy", "rate_limit_exceeded"})
_NOT_FOUND = frozenset({"voice_not_found", "model_not_found", "invalid_voice_id", "voice_does_not_exist"})
CAUGHT = (*FAILURES, OutboundError, TimeoutError)


def of_status(label: str, status: int, chosen: str, body: object = None, said: str = "") -> EngineFailed:
    """An answer with this status. `chosen`: the model or voice that was asked for, as people call it.

    `body`: what came with it, JSON or its text; `said`: what the vendor says in words, where that is known.
    """
    code = _code(body)
    if code in _QUOTA or status == 402:
        words = f"The account at {label} has no credit left."
        return EngineFailed(FaultKind.QUOTA, words, "Add credit there, or choose another engine.")
    if code in _BUSY or status == 429:
        words = f"{label} takes no more at once for this account."
        return EngineFailed(FaultKind.QUOTA, words, "Raise the limit there, or have fewer calls at once.")
    if code in _NOT_FOUND or status == 404:
        words = f"{label} has no {chosen} for this key."
        return EngineFailed(FaultKind.NOT_FOUND, words, "Choose another in the connection's settings.")
    if status == 401:
        return EngineFailed(FaultKind.KEY, f"{label} does not accept the key.", KEY_REMEDY)
    if status == 403:
        return EngineFailed(FaultKind.KEY, f"{label} does not allow this key to use {chosen}.", KEY_REMEDY)
    if status in {408, 504}:
        return timed_out(label)
    if status >= 500:
        return EngineFailed(FaultKind.BROKEN, f"{label} is broken just now ({status}).", _LATER)
    why = f": {said[:200]}" if said else "."
    words = f"{label} refused what was asked of it ({status}){why}"
    return EngineFailed(FaultKind.REFUSED, words, "Check model, voice and language in the connection's settings.")


def of_error(label: str, error: BaseException) -> EngineFailed:
    """A call that gave no answer, or broke off: one of `CAUGHT`, or an SDK's error that was caused by one."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, Refused):
            return EngineFailed(FaultKind.UNREACHABLE, found.words, "Give an address that may be called.")
        if isinstance(found, TimedOut | TimeoutError | OpensTooSlowly):
            return timed_out(label)
        if isinstance(found, OutboundError):
            return EngineFailed(
                FaultKind.UNREACHABLE, found.words, f"If the address is one of your own, check it. {_LATER}"
            )
        if isinstance(found, NotConnected):
            words = f"{label} can't be reached."
            return EngineFailed(FaultKind.UNREACHABLE, words, "Look at its status page, and try again.")
        if isinstance(found, Failed):
            return broken_off(label)
        found = found.__cause__
    return broken_off(label)


def timed_out(label: str) -> EngineFailed:
    """It was too slow."""
    return EngineFailed(FaultKind.TIMEOUT, f"{label} did not answer in time.", _LATER)


def broken_off(label: str, why: str = "") -> EngineFailed:
    """It stopped in the middle."""
    more = f" ({why[:100]})" if why else ""
    return EngineFailed(FaultKind.BROKEN, f"{label} broke off in the middle of its work{more}.", _LATER)


def garbled(label: str) -> EngineFailed:
    """It answered, and with something else than was asked for."""
    words = f"{label} answered with something that is neither sound nor words."
    return EngineFailed(FaultKind.BROKEN, words, "Check the address in the connection's settings, or try again.")


def _code(body: object) -> str:
    """The vendor's own name of an error: `detail.status` or `detail.code`, `error.code`, `err_code`."""
    parsed: Any = body
    if isinstance(body, str | bytes):
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return ""
    if not isinstance(parsed, dict):
        return ""
    for part in (parsed.get("detail"), parsed.get("error"), parsed):
        if isinstance(part, dict):
            for name in ("status", "code", "err_code"):
                if isinstance(part.get(name), str):
                    return str(part[name])
    return ""
