"""Messages over Twilio (twilio.com/docs/messaging), whichever channel they take: forms in, REST out, reports back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from channels_app.providers import http_errors
from channels_app.providers.base import (
    Bounds,
    FetchedFile,
    Health,
    InboundRequest,
    Outgoing,
    Provider,
    ProviderError,
    Receipt,
    Stored,
)
from channels_app.providers.events import MessageReceived, NotUsed, ProviderEvent, StatusReported, Wish
from channels_app.providers.twilio import codes, looking_up, media, sdk, setup, signing, words
from channels_app.providers.twilio.forms import NEW_PER_RANGE, UNASKED_PER_HOUR, MessagingForm
from deployments import file_links

LONGEST_ADDRESS = 255
# So many messages after each of theirs are answers to it.
REPLIES = 10

# Twilio's words for where a message stands, and ours.
STATUSES: Mapping[str, str] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
    "partially_delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}


class TwilioMessaging(Provider):
    """What SMS and WhatsApp have in common at Twilio: one resource, one signature, one form, one table of codes."""

    config_form = MessagingForm
    hosts = (sdk.DOMAIN,)
    reached_by = ("from_number", "messaging_service_sid")
    api_base_url = sdk.API_BASE_URL
    parts = ("status",)
    # What Twilio puts before an address of the channel; ours have nothing before them.
    prefix: ClassVar[str] = ""
    default_rate: ClassVar[float] = 1.0
    default_daily: ClassVar[int]
    # The field of its form that holds the day's ceiling.
    daily_field: ClassVar[str]
    # Of `Bounds`, as people read it.
    units_called: ClassVar[str]

    @classmethod
    def rate(cls, config: Mapping[str, Any]) -> float:
        """As configured; the usual sender's where it is not."""
        return float(config.get("rate") or cls.default_rate)

    @classmethod
    def bounds(cls, config: Mapping[str, Any]) -> Bounds:
        """As configured; without countries those that `home` says."""
        countries = frozenset(config.get("allowed_countries") or ())
        return Bounds(
            daily=int(config.get(cls.daily_field) or cls.default_daily),
            unit=cls.units_called,
            countries=countries or cls.home(config),
            unasked=int(config.get("unasked_per_hour") or UNASKED_PER_HOUR),
            cold=int(config.get("new_per_range") or NEW_PER_RANGE),
            replies=REPLIES,
        )

    @classmethod
    def home(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """The countries that are written to where none are configured; none: only who wrote first is answered."""
        return frozenset()

    # --- What comes in ----------------------------------------------------------------------------------------------

    def validate_request(self, request: InboundRequest) -> None:
        """X-Twilio-Signature with the auth token, or the secondary one while it is rotated."""
        credentials = self.account.credentials
        signing.verify([credentials.get(name, "") for name in MessagingForm.credentials], request)

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """One message, or one report."""
        form = signing.form(request)
        if request.part == "status":
            return [self._report(request, form)]
        return [self._message(request, form)]

    def _message(self, request: InboundRequest, form: Mapping[str, str]) -> ProviderEvent:
        sid, sender = form.get("MessageSid") or form.get("SmsMessageSid", ""), form.get("From", "")
        if not sid or not sender:
            return _unknown(request, form)
        address = sender.removeprefix(self.prefix)
        if len(address) > LONGEST_ADDRESS:
            # Signed, and no address: whoever it was can't be answered.
            return NotUsed(key=sid, what=f"a message from an address of {len(address)} characters")
        return self.received(sid, address, form)

    def received(self, sid: str, sender: str, form: Mapping[str, str]) -> MessageReceived:
        """What they wrote; channels add what only they have."""
        text = form.get("Body", "").strip()
        return MessageReceived(
            key=sid,
            address=sender,
            text=text,
            wish=self.wish_of(text, form),
            media=media.named_in(form),
        )

    def wish_of(self, text: str, form: Mapping[str, str]) -> Wish:
        """What a message with this text says of consent."""
        extra = str(self.account.config.get("stop_words", "")).split(",")
        wish = words.wish_of(text, form.get("OptOutType", ""), extra)
        return "" if wish == "help" and self.account.config.get("answers_help") else wish

    def _report(self, request: InboundRequest, form: Mapping[str, str]) -> ProviderEvent:
        sid, said = (
            form.get("MessageSid") or form.get("SmsSid", ""),
            form.get("MessageStatus") or form.get("SmsStatus", ""),
        )
        status = STATUSES.get(said.lower())
        if not sid or status is None:
            return _unknown(request, form)
        code = _number(form.get("ErrorCode", ""))
        found = codes.reported(code) if status == "failed" else None
        if said.lower() == "canceled" and code is None:
            found = codes.Meaning(codes.Class.MESSAGE, "It was cancelled at Twilio.", "Replay it to send it after all.")
        return StatusReported(
            key=f"{sid}:{said}",
            address=form.get("To", "").removeprefix(self.prefix),
            provider_id=sid,
            delivery_id=_uuid(request.query.get("delivery", "")),
            status=status,
            code=str(code or ""),
            reason=found.words if found else "",
            remedy=found.remedy if found else "",
            opted_out=code == codes.OPTED_OUT,
            window_closed=code == codes.WINDOW_CLOSED,
        )

    def build_response(self, request: InboundRequest, stored: Sequence[Stored]) -> HttpResponse:
        """No answer in the response: it would be lost where the assistant takes its time."""
        return HttpResponse("<Response/>", content_type="text/xml")

    # --- What goes out ----------------------------------------------------------------------------------------------

    @classmethod
    def account_of(cls, config: Mapping[str, Any]) -> str:
        """Its SID."""
        return str(config.get("account_sid", ""))

    async def send(self, outgoing: Outgoing) -> Receipt:
        """Create a message; its reports come back with our own id of it."""
        client = sdk.client(self.account)
        with sdk.errors(client):
            made = await client.messages.create_async(
                to=f"{self.prefix}{outgoing.address}",
                status_callback=f"{self.account.status_url}?{urlencode({'delivery': outgoing.key})}",
                **await self.fields(client, outgoing),
                **self._sender(),
            )
        answer = sdk.last(client)
        receipt = self._receipt(made)
        return Receipt(receipt.status, receipt.provider_id, answer.status, http_errors.excerpt(answer))

    async def fields(self, client: Client, outgoing: Outgoing) -> dict[str, Any]:
        """What the message says, as the SDK names it."""
        files = outgoing.content.get("files") or ()
        # Fetched by Twilio at once and without our cookies, so an hour is enough; made now, a replay has its own.
        urls = [file_links.link(self.account.workspace_id, UUID(str(item["id"]))) for item in files]
        text = str(outgoing.content["text"])
        return ({"body": text} if text or not urls else {}) | ({"media_url": urls} if urls else {})

    async def look_up(self, outgoing: Outgoing) -> Receipt | None:
        """The message among the newest that went to this address."""
        client = sdk.client(self.account)
        with sdk.errors(client):
            found = await looking_up.find(client, self.account, outgoing, prefix=self.prefix)
        return self._receipt(found) if found is not None else None

    async def fetch(self, url: str) -> FetchedFile:
        """From Twilio's own host alone, and from where that leads once."""
        return await media.fetch(self.account, url)

    async def check(self) -> Health:
        """The account, the sender, and where Twilio delivers what comes in."""
        return await setup.check(self.account)

    async def register_webhook(self) -> Health:
        """Set the inbound address at the number or the messaging service."""
        return await setup.register_webhook(self.account)

    def _sender(self) -> dict[str, str]:
        config = self.account.config
        service = config.get("messaging_service_sid")
        if service:
            return {"messaging_service_sid": str(service)}
        return {"from_": f"{self.prefix}{config['from_number']}"}

    def _receipt(self, message: MessageInstance) -> Receipt:
        status = STATUSES.get(str(message.status or ""), "accepted")
        if status == "failed":
            code = _number(str(message.error_code or ""))
            raise codes.error(codes.reported(code), code=code)
        if not message.sid:
            raise ProviderError("Twilio's answer names no message.", "It is looked up.", ambiguous=True)
        return Receipt(status, provider_id=str(message.sid))


# --- Reading what Twilio posts --------------------------------------------------------------------------------------


def _unknown(request: InboundRequest, form: Mapping[str, str]) -> NotUsed:
    """A signed request that is neither; kept under the id that it brings, or under its digest."""
    own = next((form[name] for name in ("MessageSid", "CallSid", "Sid", "EventSid") if form.get(name)), "")
    digest = hashlib.sha256(request.body).hexdigest()[:32]
    known = ", ".join(sorted(form)[:6]) or request.content_type or "nothing"
    return NotUsed(key=f"{own or 'request'}:{digest}"[:255], what=f"a request with {known}"[:200])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""
