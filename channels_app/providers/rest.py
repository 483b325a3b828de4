"""JSON APIs of services: asked within a time, answered in JSON or by an error that says what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from channels_app.providers import http_errors
from channels_app.providers.base import SETTLED, TRIED_AGAIN, ProviderError
from convoship.lib.outbound.sending import Answered, send

SECONDS = 12.0
# A page of what was said in a case may be long; it is held in memory once.
LARGEST_ANSWER = 4 * 1024 * 1024


async def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    auth: tuple[str, str] | None = None,
) -> Answered:
    """One call with a JSON `body`, a `form`, or `content` as it is; `ProviderError` where there is no answer."""
    sent = dict(headers or {})
    if body is not None:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        sent["content-type"] = "application/json"
    elif form is not None:
        content = urlencode(form).encode()
        sent["content-type"] = "application/x-www-form-urlencoded"
    sent.setdefault("accept", "application/json")
    whole = f"{url}?{urlencode(query, quote_via=quote)}" if query else url
    try:
        with http_errors.as_provider_errors():
            return await send(
                method, whole, seconds=SECONDS, headers=sent, content=content, auth=auth, largest=LARGEST_ANSWER
            )
    except ProviderError as error:
        if not error.ambiguous:
            error.remedy = "Check the account's name or region in the connection's settings; else it is tried again."
        raise


def read(answer: Answered, service: str) -> dict[str, Any]:
    """The JSON object of a 2xx answer; a page of HTML in its place comes from something else than the API."""
    try:
        found = json.loads(answer.body) if answer.body else {}
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    raise ProviderError(
        f"{service} answered {answer.status} with something that is no JSON: a page of a proxy, or of an instance that "
        "sleeps.",
        "Open the address in a browser and see what it says; it is tried again.",
        ambiguous=True,
        http_status=answer.status,
        answer=http_errors.excerpt(answer),
    )


def failure(
    answer: Answered,
    service: str,
    said: str,
    *,
    is_write: bool,
    remedies: Mapping[int, str] | None = None,
    of_one: bool = False,
) -> ProviderError:
    """What an answer that is no 2xx means. `said`: the service's own words; `remedies`: what to do, by status.

    `of_one`: of one case there; where that may not be touched, others may.

    A 5xx to what writes says nothing of whether it was done.
    """
    status, seen, own = answer.status, http_errors.excerpt(answer), (remedies or {}).get(answer.status, "")
    quoted = f" It says: {said}" if said else ""
    whole: dict[str, Any] = {"http_status": status, "answer": seen, "code": str(status)}
    if status == 401:
        words, remedy = f"{service} refuses the credentials.{quoted}", "Write them again in the connection's settings."
        return ProviderError(words, own or remedy, permanent=True, stops=True, blame="connection", **whole)
    if status == 403 and of_one:
        words, remedy = f"{service} forbids it for this case.{quoted}", "Let the integration's user see and change it."
        return ProviderError(words, remedy, permanent=True, blame="message", **whole)
    if status == 403:
        words, remedy = f"{service} forbids it.{quoted}", "Give the integration's user the rights that it needs."
        return ProviderError(words, own or remedy, permanent=True, stops=True, blame="connection", **whole)
    if status in {429, 503}:
        words, wait = f"{service} asks for time.{quoted}", http_errors.retry_after(answer)
        return ProviderError(words, own or TRIED_AGAIN, retry_after=wait, ambiguous=is_write and status == 503, **whole)
    if status >= 500 or status in {408, 425}:
        return ProviderError(f"{service} broke.{quoted}", own or SETTLED, ambiguous=is_write, **whole)
    if 300 <= status < 400:
        words = f"{service} answered {status}: it leads elsewhere, and redirects are not followed."
        return ProviderError(words, own or "Check the settings.", permanent=True, blame="connection", **whole)
    words = f"{service} did not take it ({status}).{quoted}"
    return ProviderError(words, own or "Mend what it names, then replay it.", permanent=True, blame="message", **whole)
