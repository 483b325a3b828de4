"""Genesys Cloud as a desk: an agent answers an interaction, and the visitor reads it where they wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers.base import Capability, Health, InboundRequest, Outgoing, Planned, Provider, Receipt
from channels_app.providers.desk_port import KnownCase, Looked, Paste
from channels_app.providers.events import ProviderEvent
from channels_app.providers.genesys import looking, planning, sending, setup, webhooks
from channels_app.providers.genesys.api import Api
from channels_app.providers.genesys.forms import GenesysForm
from channels_app.providers.genesys.regions import DOMAINS
from deployments.desks import Case
from deployments.models import Conversation, Message

FIRST_LOOK_SECONDS = 30.0


class Genesys(Provider):
    """Interactions of an Open Messaging integration."""

    kind = "genesys"
    label = "Genesys"
    company = "Genesys"
    purpose = (
        "Hand conversations over to agents at Genesys Cloud: they answer an interaction, visitors read it where they "
        "wrote."
    )
    assistant_hint = "It answers who rehearses or tests; what visitors read is said by the assistant that hands over."
    # A notification has the integration's name, and no agent's.
    names_who_writes = False
    gives_back_by = "send the message: /bot and what was done"
    channel = "webhook"
    icon = "headset"
    capabilities = frozenset(
        {
            Capability.KEYED,
            Capability.DESK,
            Capability.DESK_LOOKS,
            Capability.REGISTERS_WEBHOOK,
        }
    )
    config_form = GenesysForm
    hosts = tuple(DOMAINS.values())
    parts = (webhooks.RETURN,)
    set_by_hand = (
        "In Genesys Cloud: Admin, Message, Platforms, the Open Messaging integration. Outbound Notification Webhook "
        "URL: the inbound address; Outbound Notification Webhook Signature Secret Token: any 16 characters or more, "
        "which you also write into the connection's settings."
    )

    def validate_request(self, request: InboundRequest) -> None:
        """Genesys' signature; of a data action the header with the secret."""
        webhooks.check(self.account.credentials.get("webhook_secret", ""), request)

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """What an agent did, or what became of a message of ours."""
        return webhooks.parse(request)

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """Nothing: visitors are elsewhere."""
        return []

    def plan_opened(self, case: Case, messages: Sequence[Message], page: str) -> list[Planned]:
        """The transcript, as messages of the customer's."""
        return planning.opened(case, messages, page)

    def plan_turn(self, case: Case, message: Message) -> list[Planned]:
        """A message, or several where it is long."""
        return planning.turn(case, message)

    def plan_files(self, case: Case, message: Message) -> list[Planned]:
        """A message with the files."""
        return planning.files_came(case, message)

    def plan_closed(self, case: Case, outcome: str, words: str) -> list[Planned]:
        """A message, and the end of the interaction."""
        return planning.closed(self.account.config, case, outcome, words)

    def plan_received(self, case: Case, key: str) -> list[Planned]:
        """A receipt."""
        return planning.receipt(case, key)

    def plan_undelivered(self, case: Case, key: str, said: str, words: str) -> list[Planned]:
        """A receipt that says so beside the agent's message. A message would open the interaction again."""
        return planning.receipt(case, key, words)

    async def send(self, outgoing: Outgoing) -> Receipt:
        """A message, a receipt or the end."""
        return await sending.send(Api(self.account), outgoing)

    @classmethod
    def first_look(cls, config: Mapping[str, Any]) -> float | None:
        """Soon."""
        return FIRST_LOOK_SECONDS

    async def look_at(self, case: KnownCase) -> Looked:
        """Its messages, and who is there."""
        return await looking.look_at(Api(self.account), case)

    async def check(self) -> Health:
        """Credentials, the integration, rights, and a test interaction."""
        return await setup.check(self.account)

    def to_paste(self) -> Sequence[Paste]:
        """The data action by which a flow gives conversations back, or ends them."""
        where = (
            "So that a flow of Architect can give conversations back or end them: Admin, Integrations, a Web Services "
            "Data Action, POST, header X-Convoship-Secret with the webhook's signature secret."
        )
        url, body_at = f"{self.account.inbound_url}/{webhooks.RETURN}", "Configuration, Request body template."
        return (
            Paste("The data action's address", where, url),
            Paste("The data action's body", body_at, setup.DATA_ACTION),
        )

    async def register_webhook(self) -> Health:
        """The integration's address and secret."""
        return await setup.register(self.account)
