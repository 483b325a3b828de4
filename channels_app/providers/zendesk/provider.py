"""Zendesk as a desk: an agent answers in a ticket, and the visitor reads it where they wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers.base import Capability, Health, InboundRequest, Outgoing, Planned, Provider, Receipt
from channels_app.providers.desk_port import KnownCase, Looked
from channels_app.providers.events import ProviderEvent
from channels_app.providers.zendesk import looking, setup, tickets, webhooks
from channels_app.providers.zendesk.api import Api
from channels_app.providers.zendesk.forms import ZendeskForm
from deployments.desks import Case
from deployments.models import Conversation, Message

FIRST_LOOK_SECONDS = 30.0


class Zendesk(Provider):
    """Tickets."""

    kind = "zendesk"
    label = "Zendesk"
    company = "Zendesk"
    purpose = (
        "Hand conversations over to agents at Zendesk: they answer in a ticket, visitors read it where they wrote."
    )
    channel = "webhook"
    icon = "headset"
    capabilities = frozenset({Capability.LOOK_UP, Capability.DESK, Capability.DESK_LOOKS, Capability.REGISTERS_WEBHOOK})
    config_form = ZendeskForm
    hosts = ("zendesk.com",)
    turns_wait = 2.5
    set_by_hand = (
        "In Zendesk's Admin Center: Apps and integrations, Webhooks, Create webhook, Trigger or automation. Endpoint: "
        "the inbound address; POST, JSON, no authentication. Write its signing secret into the connection's settings. "
        "Then Objects and rules, Triggers, Add trigger: Ticket is updated, Tags contain convoship, Current user is not "
        f"the OAuth client's user; action Notify active webhook, with the body {setup.BODY}"
    )

    def validate_request(self, request: InboundRequest) -> None:
        """Zendesk's webhook signature."""
        webhooks.check([self.account.credentials.get("webhook_secret", "")], request)

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """Which ticket something happened in."""
        return webhooks.parse(request)

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """Nothing: visitors are elsewhere."""
        return []

    def plan_opened(self, case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
        """A ticket, and the transcript in it."""
        return tickets.opened(self.account.config, case, messages, page)

    def plan_turn(self, case: Case, message: Message) -> list[Planned]:
        """A comment."""
        return tickets.turn(message)

    def plan_files(self, case: Case, message: Message) -> list[Planned]:
        """A comment with the files."""
        return tickets.files_came(message)

    def plan_closed(self, case: Case, outcome: str, words: str) -> list[Planned]:
        """A note."""
        return tickets.closed(self.account.config, case, outcome, words)

    def plan_undelivered(self, said: str, words: str) -> list[Planned]:
        """A note."""
        return tickets.undelivered(said, words)

    def join_turns(self, earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """One comment: Zendesk takes some thirty changes of a ticket in ten minutes."""
        return tickets.joined(earlier, later)

    async def send(self, outgoing: Outgoing) -> Receipt:
        """A ticket, a comment or a note."""
        return await tickets.send(Api(self.account), outgoing)

    async def look_up(self, outgoing: Outgoing) -> Receipt | None:
        """By `external_id`, or among the ticket's last comments."""
        return await tickets.look_up(Api(self.account), outgoing)

    @classmethod
    def first_look(cls, config: Mapping[str, Any]) -> float | None:
        """Soon."""
        return FIRST_LOOK_SECONDS

    async def look_at(self, case: KnownCase) -> Looked:
        """Its comments and its status."""
        return await looking.look_at(Api(self.account), case)

    async def check(self) -> Health:
        """Credentials, the webhook and its trigger, and a test ticket."""
        return await setup.check(self.account)

    async def register_webhook(self) -> Health:
        """The webhook and its trigger."""
        return await setup.register(self.account)
