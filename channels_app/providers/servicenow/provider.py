"""ServiceNow as a desk: agents answer in a record, or chat as live agents of the Virtual Agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse, JsonResponse

from channels_app.providers.base import (
    Account,
    Capability,
    Health,
    InboundRequest,
    Outgoing,
    Planned,
    Provider,
    Receipt,
    Stored,
)
from channels_app.providers.desk_port import KnownCase, Looked, Paste
from channels_app.providers.events import ProviderEvent
from channels_app.providers.servicenow import (
    looking,
    lookups,
    pasting,
    records,
    setup,
    va_events,
    virtual_agent,
    webhooks,
)
from channels_app.providers.servicenow.api import Api
from channels_app.providers.servicenow.forms import HOSTS, ServicenowForm, is_virtual_agent
from deployments.desks import Case
from deployments.models import Conversation, Message

FIRST_LOOK_SECONDS, FIRST_LOOK_POLLED = 30.0, 7.0
RECORD_TURNS_WAIT = 2.0


class Servicenow(Provider):
    """Records of a table, or the Virtual Agent."""

    kind = "servicenow"
    label = "ServiceNow"
    company = "ServiceNow"
    purpose = (
        "Hand conversations over to agents at ServiceNow: they answer in an incident or an interaction, or chat as "
        "live agents; visitors read it where they wrote."
    )
    assistant_hint = "It answers who rehearses or tests; what visitors read is said by the assistant that hands over."
    channel = "webhook"
    icon = "headset"
    capabilities = frozenset({Capability.LOOK_UP, Capability.DESK, Capability.DESK_LOOKS})
    config_form = ServicenowForm
    hosts = HOSTS
    set_by_hand = (
        "At ServiceNow, as an admin: put in what stands below. A business rule calls the inbound address whenever an "
        "agent changes a record of ours, and signs what it sends; with the Virtual Agent it is the Connection URL "
        "and a header."
    )

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._is_chat = is_virtual_agent(account.config)
        # In a chat words go at once; of a record every change counts against a limit by the hour.
        self.turns_wait = 0.0 if self._is_chat else RECORD_TURNS_WAIT

    @property
    def _secret(self) -> str:
        return self.account.credentials.get("webhook_secret", "")

    def validate_request(self, request: InboundRequest) -> None:
        """The business rule's signature; of the Virtual Agent the header."""
        if self._is_chat:
            webhooks.check_secret(self._secret, request)
        else:
            webhooks.check_signature(self._secret, request)

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """Which record something happened in; of the Virtual Agent what was said."""
        return va_events.parse(request) if self._is_chat else webhooks.parse(request)

    def build_response(self, request: InboundRequest, stored: Sequence[Stored]) -> HttpResponse:
        """As the Virtual Agent answers, too."""
        return JsonResponse({"status": "success"})

    @property
    def is_signed(self) -> bool:
        """By the business rule; the Virtual Agent sends a header along."""
        return not self._is_chat

    def to_paste(self) -> Sequence[Paste]:
        """The business rule and its system property, or the connection's address and header."""
        return pasting.to_paste(self.account)

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """Nothing: visitors are elsewhere."""
        return []

    def plan_opened(self, case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
        """A record with the transcript in it, or a request for a live agent with it as history."""
        if self._is_chat:
            return virtual_agent.opened(case, messages, page)
        return records.opened(case, messages, page)

    def plan_turn(self, case: Case, message: Message) -> list[Planned]:
        """A comment, or a message."""
        return virtual_agent.turn(case, message) if self._is_chat else records.turn(case, message)

    def plan_files(self, case: Case, message: Message) -> list[Planned]:
        """Attachments."""
        return virtual_agent.files_came(case, message) if self._is_chat else records.files_came(case, message)

    def plan_closed(self, case: Case, outcome: str, words: str) -> list[Planned]:
        """A work note, or the end of the chat."""
        return virtual_agent.closed(case) if self._is_chat else records.closed(self.account.config, outcome, words)

    def plan_undelivered(self, case: Case, key: str, said: str, words: str) -> list[Planned]:
        """A work note; a chat that is over shows nothing more."""
        return [] if self._is_chat else records.undelivered(said, words)

    def join_turns(self, earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """One comment, or one message."""
        return virtual_agent.joined(earlier, later) if self._is_chat else records.joined(earlier, later)

    async def send(self, outgoing: Outgoing) -> Receipt:
        """A record, a comment or a note; or a request."""
        api = Api(self.account)
        return await virtual_agent.send(api, outgoing) if self._is_chat else await records.send(api, outgoing)

    async def look_up(self, outgoing: Outgoing) -> Receipt | None:
        """By `correlation_id`, or among the record's journal."""
        if self._is_chat:
            return await virtual_agent.look_up(outgoing)
        return await lookups.look_up(Api(self.account), outgoing)

    @classmethod
    def first_look(cls, config: Mapping[str, Any]) -> float | None:
        """Soon; of a chat once something ought to have been heard."""
        if is_virtual_agent(config):
            return virtual_agent.HEARD_WITHIN
        return FIRST_LOOK_POLLED if config.get("poll") == "yes" else FIRST_LOOK_SECONDS

    async def look_at(self, case: KnownCase) -> Looked:
        """Its journal and its state; of a chat whether anything was heard."""
        return await virtual_agent.look_at(case) if self._is_chat else await looking.look_at(Api(self.account), case)

    async def check(self) -> Health:
        """Who we are there, what we may do, and a test record."""
        return await setup.check(self.account)
