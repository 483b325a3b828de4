"""Custom webhook: a customer's own bridge, by Standard Webhooks both ways (CONTRACT section 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from django import forms
from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from channels_app.providers import fetching, http_errors, sent_files, webhook_desk
from channels_app.providers.base import (
    BadEvent,
    Capability,
    ConfigForm,
    FetchedFile,
    Finding,
    Health,
    InboundRequest,
    Outgoing,
    Planned,
    Provider,
    ProviderError,
    Receipt,
    SignatureInvalid,
    Stored,
)
from channels_app.providers.endpoints import endpoint
from channels_app.providers.events import MessageReceived, ProviderEvent
from channels_app.wire import message_data
from convoship.lib import standard_webhooks
from convoship.lib.outbound.sending import send
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.plain_errors import PlainValidator, failures
from convoship.lib.times import moment
from deployments.carriers import FilesTaken
from deployments.desks import Case
from deployments.models import Conversation, Message

EVENTS = ("message.created", "conversation.handoff", "conversation.ended")
SECONDS = 15.0
LONGEST_KEY = 200

_TEXT = {"type": "string", "maxLength": 8000}
BODY = {
    "type": "object",
    "properties": {
        "event_id": {"type": "string", "minLength": 1, "maxLength": 200},
        "conversation_key": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
        "text": _TEXT,
        "payload": {"type": "string", "maxLength": 1000},
        "user": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "maxLength": 255},
                "name": {"type": "string", "maxLength": 100},
                "email": {"type": "string", "maxLength": 254},
                "locale": {"type": "string", "maxLength": 35},
            },
            "additionalProperties": False,
        },
        "attachments": {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 2000}},
    },
    "required": ["conversation_key"],
    "additionalProperties": False,
}
_VALIDATOR = PlainValidator(BODY)


class CustomWebhookForm(ConfigForm):
    """Where events go, and which."""

    url = forms.CharField(
        label="Your endpoint",
        max_length=2000,
        help_text="An https address of yours. Convoship posts each event to it, signed.",
        error_messages={"required": "Give the address that events are posted to."},
    )
    events = forms.MultipleChoiceField(
        label="Events",
        choices=[(name, name) for name in EVENTS],
        initial=list(EVENTS),
        error_messages={"required": "Choose at least one."},
    )
    desk = forms.BooleanField(
        label="People answer there",
        required=False,
        help_text="Assistants may hand conversations over to it: it is sent handoff.* events and answers with them.",
    )

    def clean_url(self) -> str:
        """An address that may be called; https, but for what the machine's owner opened."""
        return endpoint(self.cleaned_data["url"])


class CustomWebhook(Provider):
    """Signed JSON both ways: the `inbound_secret` signs towards us, the `signing_secret` is what we sign with."""

    kind = "custom_webhook"
    label = "Custom webhook"
    purpose = "Your own bridge to any channel: signed JSON in, signed events out."
    channel = "webhook"
    icon = "webhook"
    capabilities = frozenset(
        {
            Capability.KEYED,
            Capability.EVENTS,
            Capability.DISABLED_WHEN_DEAD,
            Capability.OPENS_AT_ONCE,
            Capability.DESK,
        }
    )
    config_form = CustomWebhookForm
    own_secrets = ("inbound_secret", "signing_secret")

    def validate_request(self, request: InboundRequest) -> None:
        """Standard Webhooks' three headers, with each live inbound secret."""
        try:
            standard_webhooks.verify(self.live("inbound_secret"), request.headers, request.body)
        except standard_webhooks.NotGenuine as error:
            raise SignatureInvalid(error.reason, error.words) from None

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """One message of the bridge's, or what its people say of a hand-over."""
        try:
            body = loads(request.body)
        except BadJSON as error:
            raise BadEvent({"body": [str(error)]}) from None
        if webhook_desk.is_said(body):
            return [webhook_desk.read(body, request.headers["webhook-id"])]
        errors = failures(_VALIDATOR, body)
        if errors:
            raise BadEvent(errors)
        files = _files(body.get("attachments", []))
        user = body.get("user", {})
        return [
            MessageReceived(
                key=body.get("event_id") or request.headers["webhook-id"],
                address=body["conversation_key"],
                text=body.get("text", "").strip(),
                media=files,
                payload=body.get("payload", ""),
                user={name: value for name, value in user.items() if name != "locale" and value},
                locale=user.get("locale", ""),
            )
        ]

    def build_response(self, request: InboundRequest, stored: Sequence[Stored]) -> HttpResponse:
        """202 with the event's id and the conversation's; 200 for one that was stored before."""
        first = stored[0]
        answer = {"id": str(first.event_id), "conversation_id": first.conversation_id and str(first.conversation_id)}
        return JsonResponse(answer, status=202 if first.is_new else 200)

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """One event a message."""
        if "message.created" not in self.account.config["events"]:
            return []
        return [
            Planned(
                "message.created",
                _event("message.created", moment(message.created_at), conversation, message=_whole(message)),
                [message],
            )
            for message in messages
        ]

    def plan_change(self, conversation: Conversation, change: Literal["handoff", "ended"]) -> list[Planned]:
        """An event where the conversation was handed over, or ended."""
        name = f"conversation.{change}"
        if name not in self.account.config["events"]:
            return []
        if change == "handoff":
            at = conversation.waiting_since or conversation.last_activity_at
            about = {"control": conversation.control, "reason": conversation.handoff_reason}
        else:
            at = conversation.ended_at or conversation.last_activity_at
            about = {"status": conversation.status, "reason": conversation.ended_reason}
        return [Planned(name, _event(name, moment(at), conversation, **about))]

    @classmethod
    def files_taken(cls, config: Mapping[str, Any], address: str) -> FilesTaken | None:
        """All, where messages are sent to it."""
        return sent_files.taken(None) if "message.created" in config["events"] else None

    @classmethod
    def takes_handoffs(cls, config: Mapping[str, Any]) -> bool:
        """Where its owner said that people answer there."""
        return bool(config.get("desk"))

    def plan_opened(self, case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
        """`handoff.opened`."""
        return [webhook_desk.opened(case, messages, page)]

    def plan_turn(self, case: Case, message: Message) -> list[Planned]:
        """`handoff.message`."""
        return [webhook_desk.message(case, message)]

    def plan_files(self, case: Case, message: Message) -> list[Planned]:
        """`handoff.files`."""
        return [webhook_desk.files(case, message)]

    def plan_closed(self, case: Case, outcome: str, words: str) -> list[Planned]:
        """`handoff.closed`."""
        return [webhook_desk.closed(case, outcome, words, timezone.now())]

    def examples(self) -> list[Planned]:
        """Every type, also those that this connection is not sent; a desk's only where it is one."""
        of_desk = webhook_desk.examples(timezone.now()) if self.takes_handoffs(self.account.config) else []
        return [*(Planned(name, example(name)) for name in EVENTS), *of_desk]

    async def send(self, outgoing: Outgoing) -> Receipt:
        """POST the event; any 2xx is a receipt."""
        event = dict(outgoing.content)
        # What a desk is told of a case names that, and no place of the visitor's.
        where = {} if event["type"] in webhook_desk.TELLS else {"conversation_key": outgoing.address}
        data = {**where, **event["data"], "sequence": outgoing.position}
        if "message" in data:
            data["message"] = self._linked(data["message"])
        if "messages" in data:
            data["messages"] = [self._linked(message) for message in data["messages"]]
        body = json.dumps({**event, "data": data}, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "content-type": "application/json",
            **standard_webhooks.headers_for(self.signers("signing_secret"), f"msg_{outgoing.key}", body),
        }
        with http_errors.as_provider_errors():
            answer = await send("POST", self._url(), seconds=SECONDS, headers=headers, content=body)
        if answer.is_success:
            return Receipt("delivered", http_status=answer.status, answer=http_errors.excerpt(answer))
        raise http_errors.of_endpoint(answer)

    async def fetch(self, url: str) -> FetchedFile:
        """From the address that the bridge named: without credentials, and no redirect is followed."""
        return fetching.taken(await fetching.get(url), urlsplit(url).hostname or "It")

    async def check(self) -> Health:
        """Send a test event, and say what came back."""
        event = {
            "type": "connection.test",
            "timestamp": moment(timezone.now()),
            "data": {"connection": self.account.name},
        }
        outgoing = Outgoing(
            key=f"test-{moment(timezone.now())}".replace(":", "").replace(".", ""), address="test", content=event
        )
        try:
            receipt = await self.send(outgoing)
        except ProviderError as error:
            return Health([Finding(False, error.words, error.remedy)])
        host = urlsplit(self._url()).hostname
        return Health([Finding(True, f"{host} took a signed test event and answered {receipt.http_status}.")])

    def _linked(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """The message, with links to its files."""
        files = message.get("attachments")
        return {**message, "attachments": sent_files.linked(files, self.account.workspace_id)} if files else {**message}

    def _url(self) -> str:
        return self.account.base_url or str(self.account.config["url"])


def _whole(message: Message) -> dict[str, Any]:
    """A message with its files, whose links are made when it is sent."""
    names = ("id", "name", "size", "content_type")
    files = [{name: item[name] for name in names} for item in sent_files.here(message.attachments)]
    return {**message_data(message), "attachments": files}


def _event(name: str, at: str, conversation: Conversation, **data: Any) -> dict[str, Any]:
    return {"type": name, "timestamp": at, "data": {"conversation_id": str(conversation.id), **data}}


def _files(attachments: Sequence[str]) -> tuple[dict[str, str], ...]:
    """What is fetched afterwards; `BadEvent` where an address can't be called."""
    try:
        return tuple({"url": endpoint(address)} for address in attachments)
    except forms.ValidationError as error:
        raise BadEvent({"attachments": list(error.messages)}) from None


def example(name: str) -> Mapping[str, Any]:
    """An event of this type with made-up content, for trying."""
    message = {
        "id": "00000000-0000-4000-8000-000000000001",
        "seq": 1,
        "author": {"kind": "assistant", "name": "Test"},
        "text": "This is a test event.",
        "blocks": [],
        "attachments": [],
    }
    about: Mapping[str, Mapping[str, Any]] = {
        "message.created": {"message": {**message, "created_at": moment(timezone.now())}},
        "conversation.handoff": {"control": "waiting", "reason": "This is a test event."},
        "conversation.ended": {"status": "completed", "reason": "This is a test event."},
    }
    conversation = {"conversation_id": "00000000-0000-4000-8000-000000000000"}
    return {"type": name, "timestamp": moment(timezone.now()), "data": {**conversation, **about[name], "is_test": True}}
