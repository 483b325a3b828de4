"""Zendesk: a desk whose agents answer in tickets, or the channel and desk that its messaging is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers.base import (
    Capability,
    Health,
    InboundRequest,
    Outgoing,
    Planned,
    Provider,
    ProviderError,
    Receipt,
)
from channels_app.providers.desk_port import KnownCase, Looked, Paste
from channels_app.providers.events import ProviderEvent
from channels_app.providers.zendesk import (
    looking,
    messaging,
    messaging_events,
    messaging_setup,
    setup,
    tickets,
    webhooks,
)
from channels_app.providers.zendesk.api import Api
from channels_app.providers.zendesk.forms import ZendeskForm
from channels_app.providers.zendesk.messaging import Messaging
from deployments.desks import Case
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import Control
from deployments.models.handoff import HandoffState

FIRST_LOOK_SECONDS = 30.0


class Zendesk(Provider):
    """Tickets for visitors of every channel; or messaging, whose customers write in Zendesk."""

    kind = "zendesk"
    label = "Zendesk"
    company = "Zendesk"
    purpose = (
        "Hand conversations over to agents at Zendesk: they answer in a ticket, visitors read it where they wrote."
    )
    assistant_hint = "In messaging it answers customers; with tickets it answers who rehearses or tests."
    channel = "webhook"
    icon = "headset"
    capabilities = frozenset({Capability.LOOK_UP, Capability.DESK, Capability.DESK_LOOKS, Capability.REGISTERS_WEBHOOK})
    config_form = ZendeskForm
    hosts = ("zendesk.com",)
    turns_wait = 2.5
    longest_text = messaging.LONGEST_TEXT
    set_by_hand = (
        "In Zendesk's Admin Center: Apps and integrations, Webhooks, Create webhook, Trigger or automation. Endpoint: "
        "the inbound address; POST, JSON, no authentication. Write its signing secret into the connection's settings. "
        "Then Objects and rules, Triggers, Add trigger: Ticket is updated, Tags contain convoship, Current user is not "
        f"the OAuth client's user; action Notify active webhook, with the body {setup.BODY}"
    )

    @property
    def _is_messaging(self) -> bool:
        return is_messaging(self.account.config)

    @property
    def _secrets(self) -> list[str]:
        return [self.account.credentials.get("webhook_secret", "")]

    # --- What comes in --------------------------------------------------------------------------------------------

    def validate_request(self, request: InboundRequest) -> None:
        """Zendesk's webhook signature; in messaging the webhook's secret."""
        if self._is_messaging:
            messaging_events.check(self._secrets, request)
        else:
            webhooks.check(self._secrets, request)

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """Which ticket something happened in; in messaging all that one call says."""
        if self._is_messaging:
            return messaging_events.parse(str(self.account.config.get("integration_id", "")), request)
        return webhooks.parse(request)

    # --- Over a channel of its own ----------------------------------------------------------------------------------

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """In messaging what the assistant says; else visitors are elsewhere."""
        if not self._is_messaging:
            return []
        address, workspace_id = self.account.address, self.account.workspace_id
        have_it = self._agents_have(conversation)
        return messaging.messages(messages, address, workspace_id, agents_have_it=have_it)

    def _agents_have(self, conversation: Conversation) -> bool:
        """Whether it is with Zendesk's agents now, and with no member."""
        mine = Handoff.objects.filter(conversation=conversation, state=HandoffState.LIVE)
        here = str(self.account.connection_id)
        return conversation.control == Control.HUMAN and mine.filter(desk=here).exists()

    def why_unsent(self, message: Message) -> tuple[str, str]:
        """In messaging: that an agent has come shows there."""
        if self._is_messaging:
            return "Zendesk shows customers itself who has the conversation, so this was not sent there.", ""
        return super().why_unsent(message)

    def is_said_there(self, message: Message) -> bool:
        """What agents say in messaging, customers read in messaging."""
        return self._is_messaging and messaging.is_said_there(message)

    @classmethod
    def takes_own_alone(cls, config: Mapping[str, Any]) -> bool:
        """In messaging: agents there see nobody else."""
        return is_messaging(config)

    # --- As a desk --------------------------------------------------------------------------------------------------

    def plan_opened(self, case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
        """A ticket, and the transcript in it; in messaging control is passed on."""
        if self._is_messaging:
            return messaging.opened(case, messages, page, self.account.address)
        return tickets.opened(self.account.config, case, messages, page)

    def plan_turn(self, case: Case, message: Message) -> list[Planned]:
        """A comment; in messaging agents read it themselves."""
        return [] if self._is_messaging else tickets.turn(message)

    def plan_files(self, case: Case, message: Message) -> list[Planned]:
        """A comment with the files."""
        return [] if self._is_messaging else tickets.files_came(message)

    def plan_closed(self, case: Case, outcome: str, words: str) -> list[Planned]:
        """A note; in messaging control comes back."""
        if self._is_messaging:
            return messaging.closed(case, outcome, self.account.address)
        return tickets.closed(self.account.config, case, outcome, words)

    def plan_undelivered(self, case: Case, key: str, said: str, words: str) -> list[Planned]:
        """A note; in messaging customers read all that agents write."""
        return [] if self._is_messaging else tickets.undelivered(said, words)

    def join_turns(self, earlier: Mapping[str, Any], later: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """One comment: Zendesk takes some thirty changes of a ticket in ten minutes."""
        return tickets.joined(earlier, later)

    # --- What goes out ----------------------------------------------------------------------------------------------

    async def send(self, outgoing: Outgoing) -> Receipt:
        """A ticket, a comment or a note; in messaging a message, or a pass of control."""
        self._check_mode(outgoing)
        if self._is_messaging:
            return await messaging.send(Messaging(self.account), outgoing)
        return await tickets.send(Api(self.account), outgoing)

    async def look_up(self, outgoing: Outgoing) -> Receipt | None:
        """A ticket by `external_id`, a comment among the last, a message by its metadata."""
        self._check_mode(outgoing)
        if self._is_messaging:
            return await messaging.look_up(Messaging(self.account), outgoing)
        return await tickets.look_up(Api(self.account), outgoing)

    def _check_mode(self, outgoing: Outgoing) -> None:
        """What was planned in one mode can't go in the other."""
        if ("conversation" in outgoing.content) != self._is_messaging:
            words = "It was written before the connection's mode was changed, and can't go in the mode that it has now."
            remedy = "Put it aside, or change the mode back and replay it."
            raise ProviderError(words, remedy, permanent=True, blame="message")

    @classmethod
    def first_look(cls, config: Mapping[str, Any]) -> float | None:
        """Soon."""
        return FIRST_LOOK_SECONDS

    async def look_at(self, case: KnownCase) -> Looked:
        """Its comments and its status; in messaging who has control."""
        if self._is_messaging:
            return await messaging_events.look_at(Messaging(self.account), case)
        return await looking.look_at(Api(self.account), case)

    async def check(self) -> Health:
        """Credentials, the webhook, and what would be used."""
        if self._is_messaging:
            return await messaging_setup.check(self.account)
        return await setup.check(self.account)

    @property
    def by_hand(self) -> str:
        """A webhook and a trigger; in messaging what the integration tells."""
        return messaging_setup.BY_HAND if self._is_messaging else self.set_by_hand

    @property
    def is_signed(self) -> bool:
        """Of tickets; in messaging a header comes along."""
        return not self._is_messaging

    def to_paste(self) -> Sequence[Paste]:
        """The trigger's body, for who makes it by hand."""
        if self._is_messaging:
            return ()
        return (Paste("The body of the trigger's call", setup.PASTE_BODY_AT, setup.BODY),)

    async def register_webhook(self) -> Health:
        """The webhook, and what calls it."""
        if self._is_messaging:
            return await messaging_setup.register(self.account)
        return await setup.register(self.account)


def is_messaging(config: Mapping[str, Any]) -> bool:
    """Whether customers write in Zendesk."""
    return config.get("mode") == "messaging"
