"""A rehearsal on a real server: what the stand-in and the product call each other with goes over the network."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.utils import timezone

from channels_app.drain import Drain
from channels_app.models import Connection, Delivery, DeliveryAttempt, InboundEvent, RefusedRequest, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal import calling, rehearsing
from convoship.lib.tenancy import tenant
from deployments.models import Assistant, Message
from tests import factories
from workspaces.models import Workspace


@dataclass
class Rehearsed:
    """A rehearsal connection, in its owner's browser, with the worker's part in the test's own hands."""

    workspace: Workspace
    connection: Connection
    client: Client = field(default_factory=Client)

    def path(self, what: str = "") -> str:
        return f"/app/channels/{self.connection.id}/rehearsal{f'/{what}' if what else ''}"

    def says(self, text: str, **more: str) -> Any:
        """The other side writes this on the screen."""
        answer = self.client.post(self.path("say"), {"text": text, "does": "say", **more})
        assert answer.status_code == 302, answer.content.decode()[:2000]
        return answer

    def behaves(self, fault: str = "", calls: str = "0", reports: str = "straight", *, reads: bool = True) -> None:
        """Tell the stand-in how to take what is sent."""
        form = {"fault": fault, "calls": calls, "reports": reports, **({"reads": "on"} if reads else {})}
        answer = self.client.post(self.path("behave"), form)
        assert answer.status_code == 302

    def acts(self, what: str, **more: str) -> str:
        """Press a button of the screen; the page that follows."""
        answer = self.client.post(self.path("act"), {"act": what, **more}, follow=True)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def settles(self, *, waits: bool = False) -> None:
        """Work until nothing is due; with `waits` also what is tried again later."""
        for _ in range(60):
            asyncio.run(self.drain())
            with tenant(self.workspace.id):
                RehearsalLine.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - dt.timedelta(1))
                lines = RehearsalLine.objects.filter(due_at__isnull=False).order_by("created_at")
                for number, line in enumerate(lines):
                    line.due_at = timezone.now() - dt.timedelta(seconds=100 - number)
                    line.save(update_fields=["due_at"])
                Connection.objects.filter(failures=0).update(rests_until=None)
            calls = calling.call_due(self.workspace.id, self.connection.id)
            with tenant(self.workspace.id):
                if waits:
                    # What waits for a message of theirs waits in vain, however often it is tried.
                    Delivery.objects.filter(status="queued", awaits_window=False).update(due_at=timezone.now())
                    Connection.objects.update(rests_until=None)
                left = Delivery.objects.filter(status="queued", due_at__lte=timezone.now()).exists()
                left |= InboundEvent.objects.filter(state="received", due_at__lte=timezone.now()).exists()
            if not calls and not left:
                return
        raise AssertionError("it does not settle")

    async def drain(self) -> None:
        """Work off what is due, once."""
        await Drain().idle()

    @property
    def deliveries(self) -> list[Delivery]:
        with tenant(self.workspace.id):
            return list(Delivery.objects.filter(connection=self.connection).order_by("created_at", "position"))

    @property
    def delivery(self) -> Delivery:
        """The one that there is."""
        (found,) = self.deliveries
        return found

    @property
    def attempts(self) -> list[DeliveryAttempt]:
        with tenant(self.workspace.id):
            return list(DeliveryAttempt.objects.filter(delivery__connection=self.connection).order_by("started_at"))

    def lines(self, *kinds: LineKind) -> list[RehearsalLine]:
        with tenant(self.workspace.id):
            rows = RehearsalLine.objects.filter(connection=self.connection).order_by("created_at")
            return list(rows.filter(kind__in=kinds) if kinds else rows)

    @property
    def refusals(self) -> list[RefusedRequest]:
        with tenant(self.workspace.id):
            return list(RefusedRequest.objects.filter(connection=self.connection))

    @property
    def events(self) -> list[InboundEvent]:
        with tenant(self.workspace.id):
            return list(InboundEvent.objects.filter(connection=self.connection).order_by("received_at"))

    @property
    def messages(self) -> list[Message]:
        with tenant(self.workspace.id):
            return list(Message.objects.order_by("conversation", "seq"))

    @property
    def screen(self) -> str:
        return self.client.get(self.path()).content.decode()


def rehearse(kind: str, workspace: Workspace | None = None, assistant: Assistant | None = None) -> Rehearsed:
    """A rehearsal of this kind."""
    workspace = workspace or factories.make_workspace()
    assistant = assistant or factories.make_assistant(workspace)
    with tenant(workspace.id):
        made = rehearsing.begin(factories.actor(workspace), kind=kind, assistant_id=assistant.id)
    found = Rehearsed(workspace, made.connection)
    found.client.force_login(factories.owner_of(workspace))
    return found
