"""Twilio's own SDK on our guarded transport: its requests are checked like every other call that leaves the product.

The SDK knows the shape of the API, and this module where it is: `account.base_url` stands in the place of
https://api.twilio.com, and the product hosts of its region (`messaging.`) beside it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from twilio.base.exceptions import TwilioException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels_app.providers import http_errors
from channels_app.providers.base import Account, ProviderError
from channels_app.providers.twilio import codes
from convoship.lib.outbound.sending import Answered, send

API_BASE_URL = "https://api.twilio.com"
DOMAIN = "twilio.com"
# A look-up and a send together stay below what a call may take (claims.LONGEST_CALL_SECONDS).
SECONDS = 8.0

logger = logging.getLogger(__name__)


class GuardedHttpClient(AsyncHttpClient):
    """The SDK's requests through `convoship.lib.outbound`. No redirect is followed, nothing is logged or retried."""

    def __init__(self, base_url: str) -> None:
        super().__init__(logger, True, SECONDS)
        self.base_url = base_url.rstrip("/")
        # What Twilio answered last: its exceptions don't carry headers.
        self.last: Answered | None = None

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (the SDK's own signature)
        allow_redirects: bool = False,
    ) -> Response:
        """One call; `ProviderError` where no answer of the API came back."""
        url = placed(uri, self.base_url)
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params, doseq=True)}"
        with http_errors.as_provider_errors():
            answer = await send(
                method,
                url,
                seconds=timeout or SECONDS,
                headers=headers,
                content=_body(data, headers or {}),
                auth=auth,
            )
        self.last = answer
        _check_form(method, answer)
        return Response(answer.status, answer.text, answer.headers)


def placed(uri: str, base_url: str) -> str:
    """The SDK's address where the account's API is; ValueError for one that is not Twilio's.

    Of a regional base (https://api.dublin.ie1.twilio.com) other products have the same region; any other base, a
    stand-in's, has all of them on one host, and may be a part of one.
    """
    parts, base = urlsplit(uri), urlsplit(base_url)
    product, _, rest = (parts.hostname or "").partition(".")
    if rest != DOMAIN:
        raise ValueError(f"{parts.hostname} is no host of Twilio's")
    netloc = base.netloc
    if netloc.startswith("api.") and netloc.endswith(f".{DOMAIN}"):
        netloc = product + netloc.removeprefix("api")
    return urlunsplit(parts._replace(scheme=base.scheme, netloc=netloc, path=base.path + parts.path))


def _body(data: Mapping[str, Any] | None, headers: Mapping[str, str]) -> bytes | None:
    """A form, or JSON where the SDK's headers say so (as the Content API wants it)."""
    if not data:
        return None
    if headers.get("Content-Type") == "application/json":
        return json.dumps(data).encode()
    return urlencode(data, doseq=True).encode()


def _check_form(method: str, answer: Answered) -> None:
    """The API answers JSON objects; a page of HTML, or a redirect, comes from something that stands before it."""
    if answer.status == HTTPStatus.NO_CONTENT or not 200 <= answer.status < 400:
        return  # what was deleted; the SDK's exceptions, and `errors`
    if answer.is_success:
        try:
            if isinstance(json.loads(answer.body), dict):
                return
        except ValueError:
            pass
        words = f"Twilio's address answered {answer.status} with something that is no answer of its API."
    else:
        words = f"Twilio's address answered {answer.status}: it leads elsewhere, and redirects are not followed."
    raise ProviderError(
        words,
        "Check the API base URL of the connection; a proxy on the way can do this too.",
        # Who answers a page to a POST may have passed the request on.
        ambiguous=method.upper() == "POST",
        blame="connection",
        http_status=answer.status,
        answer=http_errors.excerpt(answer),
    )


def client(account: Account) -> Client:
    """The SDK's client for a connection: its account, its auth token, and nothing of the process' environment."""
    return Client(
        username=str(account.config["account_sid"]),
        password=account.credentials["auth_token"],
        http_client=GuardedHttpClient(account.base_url or API_BASE_URL),
        environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},
    )


async def post_json(made: Client, uri: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """POST what the SDK's own models would send with a null for every field that isn't there; the answer's object."""
    with errors(made):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = await made.request_async("POST", uri, data=dict(body), headers=headers)
    if not 200 <= int(answer.status_code) < 300:
        raise codes.error_of(last(made))
    found: dict[str, Any] = json.loads(answer.text)
    return found


def last(made: Client) -> Answered:
    """What Twilio answered last."""
    transport = made.http_client
    if not isinstance(transport, GuardedHttpClient) or transport.last is None:
        raise AssertionError("the client has called Twilio, over our transport")
    return transport.last


@contextmanager
def errors(made: Client) -> Iterator[None]:
    """What the SDK raises as the outbox wants to hear of it, by the table of codes."""
    try:
        yield
    except TwilioException:
        raise codes.error_of(last(made)) from None
