"""The people of a rehearsed desk, for the conformance suite: what they do goes over the screen and the network."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, ClassVar

from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone

from channels_app.models import Delivery, DeskCase, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal import calling, rehearsing
from channels_app.rehearsal.desk import DeskStandIn, ShownCase
from convoship.lib.tenancy import tenant
from deployments.models import Handoff, Message
from tests import factories
from tests.channels.conftest import Bridge


class RehearsedDesk:
    """A desk's stand-in and the agent on its screen."""

    kind = ""
    # What the agent presses.
    accepts, replies, notes, closes = "assign", "reply", "note", "solve"
    # The fault that forbids us everything.
    forbids = "no_access"
    # Notes that tell the agent that the case is over begin so.
    over = "Convoship: "

    config: ClassVar[dict[str, str]] = {}
    # Whether what was said can be read there, and what we sent is known again.
    is_read = is_known_again = tells_summary = True

    def __init__(self, bridge: Bridge, **config: Any) -> None:
        self.bridge, self.workspace = bridge, bridge.workspace
        with tenant(self.workspace.id):
            assistant = factories.make_assistant(self.workspace)
            made = rehearsing.begin(bridge.who, kind=self.kind, assistant_id=assistant.id)
            made.connection.config = {**made.connection.config, **self.config, **config}
            made.connection.save()
        self.connection, self.ref = made.connection, str(made.connection.id)
        self.client = Client()
        self.client.force_login(factories.owner_of(self.workspace))
        self.said: set[str] = set()

    def leaves_cases(self) -> None:
        """What ends here stays open at the desk."""

    # --- What they see --------------------------------------------------------------------------------------------

    def cases(self) -> list[ShownCase]:
        with tenant(self.workspace.id):
            stand_in = rehearsing.held(self.connection.id)
            assert isinstance(stand_in, DeskStandIn)
            return stand_in.cases()

    async def case(self) -> ShownCase:
        return (await sync_to_async(self.cases)())[0]

    async def settle(self) -> None:
        """Everything that waits for its turn has it, whether or not its time has come."""
        for _ in range(3):
            await self.bridge.now()
            await self.bridge.drain()
            await sync_to_async(self._report)()
            await self.bridge.inside(self._look)
            await self.bridge.drain()

    def _look(self) -> None:
        DeskCase.objects.filter(look_at__isnull=False).update(look_at=timezone.now() - dt.timedelta(seconds=1))

    async def told(self) -> list[str]:
        await self.settle()
        case = await self.case()
        customers = [one.text for one in case.entries if one.role == "customer"]
        lines = [f"open: {customers[0]}", *customers[1:]] if customers else []
        if any(one.text.startswith(self.over) for one in case.entries if one.role == "note"):
            ended = await self.bridge.inside(lambda: Handoff.objects.exclude(outcome="").latest("requested_at"))
            lines.append(f"closed: {ended.outcome}")
        return lines

    def is_it(self, row: DeskCase, shown: ShownCase) -> bool:
        """Whether we call the case as the desk does."""
        return shown.ref in {row.ref, row.number}

    async def undelivered(self) -> bool:
        """Whether the agent was told that what they wrote reached nobody."""
        notes = [one.text for one in (await self.case()).entries if one.role == "note"]
        return any("did not reach the visitor" in text for text in notes)

    async def customers(self) -> list[str]:
        """What stands there as the customer's."""
        return [one.text for one in (await self.case()).entries if one.role == "customer"]

    # --- What they do ---------------------------------------------------------------------------------------------

    async def does(self, what: str, text: str = "", name: str = "Olga", **more: str) -> Any:
        """A button of the screen; what follows of it is done."""
        await self.settle()
        form = {"address": (await self.case()).ref, "does": what, "text": text, "name": name, **more}
        path = f"/app/channels/{self.connection.id}/rehearsal/say"
        answer = await sync_to_async(self.client.post)(path, form)
        await sync_to_async(self._report)()
        await self.bridge.drain()
        await self.settle()
        return answer

    def _report(self) -> None:
        with tenant(self.workspace.id):
            RehearsalLine.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - dt.timedelta(seconds=1))
        calling.call_due(self.workspace.id, self.connection.id)

    async def again(self) -> None:
        """The desk calls us once more with what it said last."""

        def call() -> None:
            with tenant(self.workspace.id):
                last = RehearsalLine.objects.filter(connection=self.connection, kind=LineKind.SAID)
                line = last.exclude(url="").latest("created_at")
                RehearsalLine.objects.filter(id=line.id).update(due_at=timezone.now())
            calling.call_one(self.workspace.id, self.connection.id, line.id)

        await sync_to_async(call)()
        await self.bridge.drain()

    async def accept(self) -> None:
        await self.does(self.accepts)

    async def say(self, text: str, key: str) -> None:
        if key in self.said:
            await self.again()
            return
        self.said.add(key)
        await self.does(self.replies, text)

    async def give_back(self, summary: str) -> None:
        await self.does(self.notes, f"/bot {summary}")

    async def close(self) -> None:
        await self.does(self.closes)


class RehearsedZendesk(RehearsedDesk):
    """Tickets."""

    kind = "zendesk"


class RehearsedGenesys(RehearsedDesk):
    """Open messaging: the transcript comes as messages of the customer's, and so does the end, in words."""

    kind = "genesys"
    accepts, replies, closes, forbids = "accept", "reply", "end", "no_permission"
    # An agent there has no notes: what one would only do for themselves.
    notes = "typing"

    def leaves_cases(self) -> None:
        with tenant(self.workspace.id):
            self.connection.config = {**self.connection.config, "on_end": "tell"}
            self.connection.save(update_fields=["config"])

    async def told(self) -> list[str]:
        await self.settle()
        texts = [one.text for one in (await self.case()).entries if one.role == "customer"]
        opened = [text for text in texts if text.startswith("Handed over by Convoship.")]
        if not opened:
            return []
        # Where the conversation comes again, it comes with all that was said before.
        first = await self.bridge.inside(lambda: Message.objects.filter(author_kind="visitor").earliest("created_at"))
        assert f": {first.text}" in opened[0]
        said = texts[texts.index(opened[-1]) + 1 :]
        ended = await self.bridge.inside(lambda: Handoff.objects.exclude(outcome="").order_by("-requested_at").first())
        return [
            f"open: {first.text}",
            *(f"closed: {ended.outcome}" if text.startswith(self.over) and ended else text for text in said),
        ]

    async def undelivered(self) -> bool:
        def told() -> bool:
            rows = Delivery.objects.filter(what="handoff.receipt", content__has_key="why_not")
            return rows.filter(status__in=("accepted", "delivered")).exists()

        return await self.bridge.inside(told)

    async def customers(self) -> list[str]:
        return [line for one in (await self.case()).entries if one.role == "customer" for line in one.text.split("\n")]

    async def give_back(self, summary: str) -> None:
        await self.does("return", summary)


class RehearsedServicenow(RehearsedDesk):
    """Incidents: what the visitor says is a comment with their name before it."""

    kind = "servicenow"
    closes, forbids = "resolve", "no_rights"

    async def told(self) -> list[str]:
        return [_without_name(line) for line in await super().told()]

    async def customers(self) -> list[str]:
        return [_without_name(line) for line in await super().customers()]


class RehearsedInteractions(RehearsedServicenow):
    """Interactions, the same way."""

    config: ClassVar[dict[str, str]] = {"mode": "interaction"}


class RehearsedLiveAgent(RehearsedDesk):
    """The Virtual Agent's live agent: a chat, whose transcript is its history. Nothing of it can be read, or is known
    again by a key, and nobody writes into one that is over.
    """

    kind = "servicenow"
    config: ClassVar[dict[str, str]] = {"mode": "virtual_agent"}
    accepts, closes, forbids, notes = "accept", "end", "no_rights", "typing"
    is_read = is_known_again = tells_summary = False

    async def told(self) -> list[str]:
        """The history comes with what was said last once more, as the message that it goes with."""
        lines = await super().told()
        case = await self.bridge.inside(lambda: Handoff.objects.latest("requested_at"))
        lines = [lines[0], *lines[2:]] if lines[1:2] == [lines[0].removeprefix("open: ")] else lines
        is_over = "closed" in (await self.case()).status.lower() and case.outcome and case.outcome != "resolved"
        return [*lines, f"closed: {case.outcome}"] if is_over else lines

    async def say(self, text: str, key: str) -> None:
        await self.settle()
        if not (await self.case()).writes:
            await self.does(self.accepts)
        await super().say(text, key)

    async def give_back(self, summary: str) -> None:
        await self.does("leave")

    def is_it(self, row: DeskCase, shown: ShownCase) -> bool:
        return ("Client session", row.ref) in shown.facts


def _without_name(line: str) -> str:
    """What was said, without who said it."""
    if line.startswith("closed: "):
        return line
    begin = "open: " if line.startswith("open: ") else ""
    return begin + re.sub(r"^[^:]{1,60}: ", "", line.removeprefix("open: "))


REHEARSED: dict[str, type[RehearsedDesk]] = {
    "zendesk": RehearsedZendesk,
    "genesys": RehearsedGenesys,
    "servicenow": RehearsedServicenow,
    "servicenow_interactions": RehearsedInteractions,
    "servicenow_live_agent": RehearsedLiveAgent,
}


def stage(settings: Any, url: str, host: str, port: int) -> None:
    """The product on this machine, which may call itself."""
    settings.PUBLIC_BASE_URL = url
    settings.OUTBOUND_ALLOWLIST = frozenset({(host, port)})
