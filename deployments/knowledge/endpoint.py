"""Asking an OpenAI-compatible endpoint for embeddings: the official SDK over the guarded client, and words for errors.

Outside of any transaction.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import openai

from convoship.lib.outbound import OutboundError
from convoship.lib.outbound.failures import FAILURES
from convoship.lib.outbound.sending import measured, new_client
from deployments import model_client

SECONDS = 30.0
MOST_DIMENSIONS = 4_096  # pgvector compares up to 16,000; more than this no endpoint gives
LONGEST_TEXT = 6_000  # characters that are sent of one text


@dataclass(frozen=True)
class Endpoint:
    """What is asked for embeddings, with its key."""

    base_url: str
    model: str
    key: str


class NotEmbedded(Exception):
    """The endpoint gave none: `reason`, `remedy`, and whether the same may succeed later (`may_pass`)."""

    def __init__(self, reason: str, remedy: str, *, may_pass: bool) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.may_pass = reason, remedy, may_pass


async def ask(endpoint: Endpoint, texts: Sequence[str], *, seconds: float = SECONDS) -> list[list[float]]:
    """The texts' embeddings, in order, each of length one; `NotEmbedded` with words."""
    try:
        async with asyncio.timeout(seconds), new_client() as http:
            small = measured(http, in_lines=False)
            client = model_client.new(small, endpoint.base_url, endpoint.key, seconds=seconds)
            answer = await client.embeddings.create(
                model=endpoint.model, input=[text[:LONGEST_TEXT] for text in texts], encoding_format="float"
            )
    except (TimeoutError, *FAILURES, openai.APIError, OutboundError, *_MALFORMED) as error:
        raise _words_of(error, seconds) from None
    try:
        return _read(answer, len(texts))
    except _MALFORMED:
        raise _unusable() from None


# What the SDK and we raise of an answer of another form: it is read into objects, and not checked.
_MALFORMED = (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RecursionError)


def _read(answer: Any, count: int) -> list[list[float]]:
    found = [one.embedding for one in sorted(answer.data or [], key=lambda one: one.index)]
    sizes = {len(one) for one in found}
    if len(found) != count or len(sizes) != 1 or not 0 < max(sizes) <= MOST_DIMENSIONS:
        raise _unusable()
    return [_normal([float(value + 0) for value in one]) for one in found]


def _unusable() -> NotEmbedded:
    return NotEmbedded(
        "The endpoint's answer has no embeddings that can be used.",
        "Check that the model is one for embeddings, and the address ends before /embeddings.",
        may_pass=False,
    )


def _normal(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in vector))
    if not math.isfinite(length) or length == 0:
        raise NotEmbedded(
            "The endpoint gave an embedding that points nowhere.", "Choose another model.", may_pass=False
        )
    return [value / length for value in vector]


def _words_of(error: Exception, seconds: float) -> NotEmbedded:
    refused = error if isinstance(error, OutboundError) else error.__cause__
    if isinstance(refused, OutboundError):
        return NotEmbedded(refused.words, "Check the endpoint's address.", may_pass=False)
    if isinstance(error, FAILURES):
        return NotEmbedded("The endpoint broke off its answer.", "It is tried again.", may_pass=True)
    match error:
        case TimeoutError() | openai.APITimeoutError():
            return NotEmbedded(
                f"The endpoint did not answer within {seconds:.0f} seconds.", "It is tried again.", may_pass=True
            )
        case openai.APIConnectionError():
            return NotEmbedded(
                "The endpoint could not be reached.", "Check its address. It is tried again.", may_pass=True
            )
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return NotEmbedded(
                "The endpoint does not accept the key.", "Write the secret again, or choose another.", may_pass=False
            )
        case openai.NotFoundError():
            return NotEmbedded(
                "The endpoint knows no such model or address.",
                "Check the model's name and the address, which ends before /embeddings.",
                may_pass=False,
            )
        case openai.RateLimitError():
            return NotEmbedded(
                "The endpoint says that it is asked too often, or that the quota is used up.",
                "Look at the provider's limits and billing. It is tried again.",
                may_pass=True,
            )
        case openai.APIStatusError() if error.status_code >= 500:
            return NotEmbedded(f"The endpoint answers {error.status_code}.", "It is tried again.", may_pass=True)
        case openai.APIStatusError():
            return NotEmbedded(
                f"The endpoint refuses the request: it answers {error.status_code}.",
                "Check that the model is one for embeddings.",
                may_pass=False,
            )
    return NotEmbedded(
        "The endpoint's answer can't be read.", "Check that the address is one of embeddings.", may_pass=False
    )
