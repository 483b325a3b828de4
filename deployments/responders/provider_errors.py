"""What a model's provider says when it doesn't answer, told apart and in plain words with the remedy.

Statuses and codes: platform.openai.com/docs/guides/error-codes (`insufficient_quota`, `invalid_api_key`,
`model_not_found`, `context_length_exceeded`, `content_filter`), learn.microsoft.com/azure/ai-foundry/openai (content
filtering), and what compatible servers say in words.
"""

from __future__ import annotations

import re
from types import UnionType
from typing import Any

import openai

from convoship.lib.outbound import Inside, OutboundError
from convoship.lib.outbound.failures import ANSWER_FAILED, FAILURES, Failed, NotConnected, TimedOut
from deployments.responders.base import Code, ResponderError

LONGEST_SAID = 200
# Of what a provider says: enough to find in it what may not be repeated in its beginning.
MOST_LOOKED_AT = 20_000
INSIDE_REMEDY = "Ask them, or give an address on the internet."
_CONTEXT = re.compile(
    r"context.{0,20}(length|window|size)|maximum context|too many tokens|prompt is too long", re.IGNORECASE
)
_FILTER = re.compile(r"content.{0,3}(filter|policy|management)|safety", re.IGNORECASE)
_QUOTA = re.compile(r"quota|billing|credit|balance|insufficient", re.IGNORECASE)
_MODEL = re.compile(
    r"model.{0,60}(not found|does not exist|not exist|unknown|unsupported|not supported)", re.IGNORECASE
)
_KEY = re.compile(r"api.?key|unauthori[sz]ed|authentication", re.IGNORECASE)
# What looks like a credential isn't repeated.
_SECRET = re.compile(r"\b(sk|pk|gsk|key|AIza)[-_A-Za-z0-9*.]{6,}")


# What a call raises; the rest is a bug of ours. A stream that is no JSON is a ValueError, and one that is nothing but
# brackets a RecursionError.
CAUGHT = (
    openai.OpenAIError,
    *FAILURES,
    OutboundError,
    ValueError,
    RecursionError,
    TimeoutError,
)


def read(error: Exception, host: str, model: str, key: str = "") -> ResponderError:
    """The error of a call to `host` as what the assistant's owner reads; without the key, should it be repeated."""
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return _made("timeout", f"{host} did not answer in time.", "Try again, or choose a quicker model.")
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, host, model, key)
    guard = _cause(error, OutboundError)
    if isinstance(guard, OutboundError):
        if isinstance(guard, Inside):
            return ResponderError(guard.words, INSIDE_REMEDY, code="unreachable")
        return _made("unreachable", guard.words, "Check the address of the endpoint.")
    if _cause(error, TimedOut):
        return _made("timeout", f"{host} did not answer in time.", "Try again, or choose a quicker model.")
    if not _cause(error, NotConnected) and _cause(error, ANSWER_FAILED):
        return broken_off(host)
    if isinstance(error, openai.APIConnectionError | Failed):
        return _made("unreachable", f"{host} can't be reached.", "Check the address, and whether the endpoint runs.")
    if isinstance(error, openai.APIError):
        # Said in the middle of a stream, without a status.
        said = _said(error, key)
        return _of_words(said, error.code, host, model) or _broken(host, said)
    return _broken(host, "")


def _of_status(error: openai.APIStatusError, host: str, model: str, key: str) -> ResponderError:
    said, status = _said(error, key), error.status_code
    if status == 401:
        return _key(host)
    found = _of_words(said, error.code, host, model)
    if found is not None:
        return found
    if status == 403:
        return _made("key", f"{host} refuses this key: {said or 'it may not use this model.'}", _KEY_REMEDY)
    if status == 404:
        return _model(host, model)
    if status in {408, 504}:
        return _made("timeout", f"{host} did not answer in time.", "Try again, or choose a quicker model.")
    if status == 429:
        return _made(
            "busy", f"{host} takes no more requests just now.", "Try again in a minute, or raise the limits there."
        )
    if status == 402:
        return _quota(host)
    if status >= 500:
        return _made("broken", f"{host} is broken just now ({status}).", "Try again; see the provider's status page.")
    return _made("broken", f"{host} refused the request ({status}): {said}", "Change the settings that it names.")


def _of_words(said: str, code: str | None, host: str, model: str) -> ResponderError | None:
    """By the error's code, or by what it says where it has none that is known."""
    match code:
        case "invalid_api_key" | "authentication_error":
            return _key(host)
        case "insufficient_quota" | "billing_hard_limit_reached":
            return _quota(host)
        case "model_not_found" | "DeploymentNotFound":
            return _model(host, model)
        case "context_length_exceeded" | "string_above_max_length":
            return _context(host)
        case "content_filter" | "content_policy_violation" | "ResponsibleAIPolicyViolation":
            return filtered(host)
    for words, made in ((_CONTEXT, _context), (_FILTER, filtered), (_QUOTA, _quota)):
        if words.search(said):
            return made(host)
    if _MODEL.search(said):
        return _model(host, model)
    return _key(host) if _KEY.search(said) else None


_KEY_REMEDY = "Write the key again under Workspace, Secrets, or choose another."


def _key(host: str) -> ResponderError:
    return _made("key", f"{host} does not accept the key.", _KEY_REMEDY)


def _quota(host: str) -> ResponderError:
    return _made("quota", f"The account at {host} has no credit left.", "Add credit there, or choose another endpoint.")


def _model(host: str, model: str) -> ResponderError:
    return _made("model", f"{host} has no model {model!r} for this key.", "Choose a model that the provider lists.")


def _context(host: str) -> ResponderError:
    words = f"The conversation is longer than the model at {host} can read."
    return _made(
        "context", words, "Let it read fewer earlier messages, shorten the instructions, or choose another model."
    )


def filtered(host: str) -> ResponderError:
    """The provider's own filter kept the answer back."""
    return _made(
        "filter", f"The filter of {host} kept the answer back.", "Look at what was asked; change the filter there."
    )


def too_slow(host: str, seconds: float) -> ResponderError:
    """The whole answer took too long."""
    words = f"{host} had not finished its answer after {seconds:.0f} seconds."
    return _made("timeout", words, "Choose a quicker model, or have it write less.")


def broken_off(host: str) -> ResponderError:
    """The answer ended in the middle."""
    return _made(
        "unreachable", f"{host} broke off in the middle of its answer.", "Try again; see whether it runs well."
    )


def _broken(host: str, said: str) -> ResponderError:
    words = f"{host} broke off: {said}" if said else f"{host} sent an answer that can't be read."
    return _made("broken", words, "Check that the address is that of an OpenAI-compatible endpoint.")


_AGAIN = frozenset({"busy", "timeout", "unreachable", "broken"})


def _made(code: Code, words: str, remedy: str) -> ResponderError:
    return ResponderError(words, remedy, code=code, retryable=code in _AGAIN)


def _said(error: openai.APIError, key: str) -> str:
    """The provider's own words, without the key and what looks like one, and only then short."""
    body: Any = error.body
    said = body.get("message") if isinstance(body, dict) else None
    text = (said if isinstance(said, str) else (error.message or ""))[:MOST_LOOKED_AT]
    for repeated in {key, key.strip()} - {""}:
        text = text.replace(repeated, "…")
    text = _SECRET.sub("…", " ".join(text.split()))
    return text[:LONGEST_SAID]


def _cause(error: BaseException, kind: type[BaseException] | UnionType) -> BaseException | None:
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__ or seen.__context__
    return seen
