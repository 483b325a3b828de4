"""The way to our own webhooks and to the relay's socket: signed at that moment, over the network, kept for the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings

from channels_app import accounts
from channels_app.models import Connection, Rehearsal, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.providers.twilio import signing
from channels_app.providers.twilio.voice_setup import fallback_url
from channels_app.rehearsal import rehearsing
from channels_app.rehearsal.telephone import telling
from channels_app.rehearsal.telephone.line import PATIENCE, NoRelay, RelaySocket, Reply
from channels_app.rehearsal.telephone.voice import Pace
from convoship.lib import outbound
from convoship.lib.outbound import sockets
from convoship.lib.outbound.sending import send
from convoship.lib.tenancy import in_tenant

SLOW_SECONDS = 3.0
_WRONG = "another token"


@dataclass
class Tricks:
    """What the tester wishes for: how requests are signed, sent and lost. `silent`: statuses are not told."""

    wrongly: bool = False
    twice: bool = False
    silent: bool = False
    no_relay: bool = False
    partials: bool = False
    # "" at once, `slow` three seconds each way, `lost`: our answers don't come.
    network: str = ""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Tricks:
        """As the screen sends them."""
        flags = {name: raw.get(name) is True for name in ("wrongly", "twice", "silent", "no_relay", "partials")}
        network = raw.get("network")
        return cls(**flags, network=network if network in {"slow", "lost"} else "")


@dataclass(frozen=True)
class Number:
    """The number as it is set up at Twilio, and what signs and answers for it."""

    account_sid: str
    token: str
    number: str
    voice_url: str
    fallback_url: str
    status_callback: str
    # Where the API of the account begins.
    root: str


def number_of(connection_id: UUID) -> Number:
    """The number of a rehearsal. Inside `tenant()`."""
    rehearsal = Rehearsal.objects.select_related("connection").get(connection_id=connection_id)
    account = accounts.to_receive(rehearsal.connection).account
    set_up = dict(rehearsal.contents.get("number") or {})
    sid = str(account.config.get("account_sid", ""))
    return Number(
        account_sid=sid,
        token=str(account.credentials.get("auth_token", "")),
        number=str(account.config.get("from_number", "")),
        voice_url=str(set_up.get("voice_url") or account.inbound_url),
        fallback_url=str(set_up.get("voice_fallback_url", fallback_url(account))),
        status_callback=str(set_up.get("status_callback") or account.status_url),
        root=f"{account.base_url}/2010-04-01/Accounts/{sid}",
    )


def is_ours(url: str) -> bool:
    """Whether an address is of this very product: nothing else is called, whatever a document says."""
    asked = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(asked.scheme, asked.scheme)
    own = [urlsplit(base) for base in (settings.PUBLIC_BASE_URL, settings.MEDIA_BASE_URL)]
    return (scheme, asked.netloc) in [(base.scheme, base.netloc) for base in own]


@dataclass(frozen=True)
class Posting:
    """One request to a webhook, as the tester wishes it to go. `address` and `key` are those of the log's line."""

    workspace_id: UUID
    connection_id: UUID
    number: Number
    tricks: Tricks
    pace: Pace
    address: str
    key: str

    async def post(self, url: str, form: Mapping[str, str], *, method: str, what: str, kind: LineKind) -> Reply:
        """What our webhook answers, within 15 seconds; what is sent twice has the second one's answer."""
        if not is_ours(url):
            return Reply(
                words=f"The stand-in calls {settings.PUBLIC_BASE_URL} alone, and the document names {url[:200]}."
            )
        reply = await self._once(url, form, method, what, kind)
        if self.tricks.twice:
            reply = await self._once(url, form, method, f"{what}, once more", kind)
        return reply

    async def _once(self, url: str, form: Mapping[str, str], method: str, what: str, kind: LineKind) -> Reply:
        body = urlencode(form)
        is_get = method == "GET"
        if is_get:
            url, body = f"{url}{'&' if '?' in url else '?'}{body}", ""
        headers = {"x-twilio-signature": self._signature(url, body), "user-agent": "TwilioProxy/1.1"}
        if not is_get:
            headers["content-type"] = f"{signing.FORM}; charset=UTF-8"
        line_id = await in_tenant(_noted)(
            self.workspace_id,
            self.connection_id,
            {
                "kind": kind,
                "address": self.address,
                "provider_id": self.key,
                "status": form.get("CallStatus", "") if kind == LineKind.REPORT else "",
                "method": "GET" if is_get else "POST",
                "url": url[:1000],
                "headers": headers,
                "body": body[: rehearsing.SHOWN_BODY],
                # A line of a question begins with Twilio's name already.
                "note": telling.cut(what if kind == LineKind.ASKS else f"Twilio {what}", telling.LONGEST),
                "is_signed_wrongly": self.tricks.wrongly,
            },
        )
        reply = await self._sent(url, headers, None if is_get else body.encode())
        await in_tenant(_answered)(
            self.workspace_id, line_id, reply.status, reply.body, "" if reply.is_good else f"{what}: {reply.words}"
        )
        return reply

    def _signature(self, url: str, body: str) -> str:
        token = _WRONG if self.tricks.wrongly else self.number.token
        return signing.signature(token, url, signing.fields(body.encode()))

    async def _sent(self, url: str, headers: Mapping[str, str], content: bytes | None) -> Reply:
        slow = self.pace.of_wait(SLOW_SECONDS) if self.tricks.network == "slow" else 0
        await asyncio.sleep(slow)
        try:
            answer = await send(
                "POST" if content is not None else "GET", url, seconds=PATIENCE, headers=headers, content=content
            )
        except outbound.OutboundError as error:
            return Reply(words=f"{error.words} Twilio's error 11200. See PUBLIC_BASE_URL.")
        if self.tricks.network == "lost":
            await asyncio.sleep(self.pace.of_wait(15))
            return Reply(words="No answer within 15 seconds, as you wished: Twilio's error 11200.")
        await asyncio.sleep(slow)
        words = "" if answer.is_success else f"Convoship answered {answer.status}: Twilio's error 11200."
        return Reply(answer.status, answer.headers.get("content-type", ""), answer.text, words)


async def open_relay(url: str, number: Number, tricks: Tricks) -> RelaySocket:
    """A socket to our relay: a signed GET, over the very address that stands in the document."""
    if tricks.no_relay:
        raise NoRelay("The socket could not be opened, as you wished.")
    if not url.startswith(("wss://", "ws://")) or not is_ours(url):
        raise NoRelay(f"The document names {url[:200]}, which is no wss address of {settings.PUBLIC_BASE_URL}.")
    token = _WRONG if tricks.wrongly else number.token
    try:
        return await sockets.open_socket(url, headers={"X-Twilio-Signature": signing.signature(token, url, [])})
    except outbound.OutboundError as error:
        raise NoRelay(error.words) from None


def told_by(text: str) -> str:
    """A frame in a few words, for the log."""
    try:
        frame = json.loads(text)
    except ValueError:
        return "No JSON."
    if not isinstance(frame, dict):
        return "No JSON object."
    match frame:
        case {"type": "setup"}:
            return "The session begins."
        case {"type": "prompt", "voicePrompt": words, "last": last}:
            return telling.sentence("They said" if last else "They said so far:", words)
        case {"type": "interrupt", "utteranceUntilInterrupt": words}:
            if not str(words).strip():
                return "They interrupted before a word was spoken."
            return telling.sentence("They interrupted after", words)
        case {"type": "dtmf", "digit": key}:
            return f"They pressed {key}."
        case {"type": "error", "description": words}:
            return str(words)
        case {"type": "text", "token": words}:
            return telling.sentence("Speak", words) if str(words).strip() else "What was to be spoken is whole."
        case {"type": "play", "source": source}:
            return f"Play {source}."
        case {"type": "language"}:
            return "Speak and listen in another language."
        case {"type": "sendDigits", "digits": digits}:
            return f"Send the tones of {digits}."
        case {"type": "end"}:
            return "End the session."
        case {"event": "start"}:
            return "Their sound begins."
        case {"event": "dtmf", "dtmf": {"digit": key}}:
            return f"They pressed {key}."
        case {"event": "clear"}:
            return "Throw away what was not played."
        case {"event": "stop"}:
            return "Their sound ends."
    return ""


def _noted(connection_id: UUID, values: Mapping[str, Any]) -> UUID:
    connection = Connection.objects.get(id=connection_id, is_rehearsal=True)
    return UUID(str(rehearsing.note(connection, **values).id))


def _answered(line_id: UUID, status: int | None, answer: str, words: str) -> None:
    line = RehearsalLine.objects.filter(id=line_id).first()
    if line is not None:
        rehearsing.finish(line, status=status, answer=answer, words=words)
