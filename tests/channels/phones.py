"""An SMS connection with both of its ends: a person's phone, and Twilio."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from django.test import AsyncClient
from django.utils import timezone

from channels_app import accounts, connections
from channels_app.drain import Drain
from channels_app.models import Connection, Consent, Delivery
from convoship.lib.tenancy import tenant
from deployments.models import Assistant
from tests import factories
from tests.channels import twilio_end
from tests.channels.conftest import Bridge
from tests.channels.twilio_end import ACCOUNT, NUMBER, PERSON, TOKEN, Taken, TwilioEnd
from workspaces import secret_store
from workspaces.models import Workspace

# For tests of other things than what may be sent.
ROOMY: dict[str, Any] = {"unasked_per_hour": 1000, "new_per_range": 10_000, "daily_segments": 1_000_000}


@dataclass
class Phone(Bridge):
    """The connection; `twilio` is its far end."""

    sids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def twilio(self) -> TwilioEnd:
        assert isinstance(self.far, TwilioEnd)
        return self.far

    @property
    def path(self) -> str:
        return f"/v1/public/channels/{self.connection.kind}/{self.connection.id}"

    @property
    def prefix(self) -> str:
        return "whatsapp:" if self.connection.kind == "twilio_whatsapp" else ""

    async def form(self, form: dict[str, str], url: str = "", headers: dict[str, str] | None = None) -> Any:
        """Post a form as Twilio does."""
        url = url or accounts.inbound_url(self.connection)
        body, good = twilio_end.signed(url, form)
        path = "/" + url.split("/", 3)[3]
        return await AsyncClient().generic(
            "POST",
            path,
            body,
            content_type="application/x-www-form-urlencoded; charset=UTF-8",
            headers=good if headers is None else headers,
        )

    async def text(self, text: str, sender: str = PERSON, **more: str) -> Any:
        """Somebody sends this; it has to be taken, and answered by nothing."""
        form = twilio_end.inbound(text, f"SM{next(self.sids):032x}", f"{self.prefix}{sender}", **more)
        answer = await self.form(form | {"To": f"{self.prefix}{NUMBER}"})
        assert (answer.status_code, answer.content) == (200, b"<Response/>"), answer.content
        return answer

    async def report(self, taken: Taken, status: str, code: int | None = None) -> Any:
        """Twilio reports on what it took, at the address that it was given."""
        answer = await self.form(twilio_end.report(taken, status, code), taken.form["StatusCallback"])
        assert answer.status_code == 200, answer.content
        return answer

    async def drain(self) -> None:
        """Work off what is due, without waiting for the sender's rate."""
        for _ in range(200):
            await Drain().idle()
            if not await self.inside(self._rush):
                return

    def _rush(self) -> bool:
        Connection.objects.filter(failures=0).update(rests_until=None)
        due = Delivery.objects.filter(
            status="queued", claim=None, due_at__lte=timezone.now(), connection__rests_until=None
        )
        return due.filter(connection__state="active").exists()

    async def allow(self, **config: Any) -> None:
        """Set this in the connection's config, at its door for changes."""

        def run() -> None:
            held = connections.held(self.connection.id)
            connections.change(self.who, held, {"config": {**held.config, **config}})

        await self.inside(run)

    async def consent(self, address: str = PERSON) -> str | None:
        """How the ledger stands."""
        return await self.inside(
            lambda: Consent.objects.filter(address=address).values_list("state", flat=True).first()
        )


def make_phone(
    workspace: Workspace,
    far: TwilioEnd,
    assistant: Assistant | None = None,
    *,
    kind: str = "twilio_sms",
    name: str = "Our number",
    **config: Any,
) -> Phone:
    """An SMS, or WhatsApp, connection whose API is `far`."""
    assistant = assistant or factories.make_assistant(workspace)
    who = factories.actor(workspace)
    sender = {} if "messaging_service_sid" in config else {"from_number": NUMBER}
    with tenant(workspace.id):
        secret_store.write(who, "twilio-token", TOKEN)
        made = connections.create(
            who,
            kind=kind,
            name=name,
            assistant_id=assistant.id,
            config={"account_sid": ACCOUNT, "api_base_url": far.base_url, "rate": 100, **sender, **config},
            credentials={"auth_token": "twilio-token"},
        )
    return Phone(workspace, made.connection, dict(made.secrets), far, who, factories.owner_of(workspace).email)
