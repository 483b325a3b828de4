"""Whoever dies in the middle of a hand-over (worker, web, desk), in whatever state: nobody waits past the limit.

Each conversation stands in one of the four open states when its process is killed. Once, their limits are set to
seconds; that each step then comes in time and with words for the visitor is left to the processes that live.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.machine.state import ROOT
from deployments import conversations, handoff, handoff_rules, visits
from deployments.models import AssistantVersion, Conversation, Handoff, Message
from deployments.models.handoff import OPEN, HandoffState
from deployments.visits import VisitorMessage
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd
from tests.driver import wait_for
from tests.reliability.processes import OwnValkey, database_url, web_processes
from workspaces.permissions import Role

pytestmark = pytest.mark.django_db(transaction=True)

STATES = (HandoffState.REQUESTED, HandoffState.OFFERED, HandoffState.ACCEPTED, HandoffState.LIVE)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    """A broker of the test's own."""
    with OwnValkey(tmp_path) as own:
        yield own


@pytest.fixture
def far(settings: Any) -> Iterator[FarEnd]:
    """The desk's program."""
    from tests.channels import far_end

    with far_end.running() as end:
        settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", end.port)})
        yield end


@contextmanager
def working(valkey: OwnValkey, folder: Path, far: FarEnd) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A worker and the clock that rings it, as `make run` starts them."""
    environment = os.environ | {
        "DATABASE_URL": database_url("default"),
        "MIGRATE_DATABASE_URL": database_url("owner"),
        "REDIS_URL": valkey.url,
        "CONVOSHIP_PRIVATE_ALLOWLIST": f"127.0.0.1:{far.port}",
    }
    celery = [sys.executable, "-m", "celery", "-A"]
    commands = (
        [*celery, "convoship", "worker", "--pool", "threads", "--concurrency", "2"],
        [*celery, "convoship.clock", "beat", "--scheduler", "celery.beat:Scheduler", "--pidfile", ""],
    )
    with ExitStack() as stack:
        processes = []
        for number, command in enumerate(commands):
            log = stack.enter_context((folder / f"worker{number}.log").open("ab"))
            processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()
                process.wait()


class Rooms:
    """A conversation in each open state, at a desk outside the house that the inbox stands behind."""

    def __init__(self, far: FarEnd) -> None:
        self.bridge: Bridge = make_bridge(factories.make_workspace(), far, desk=True, events=["conversation.ended"])
        self.workspace = self.bridge.workspace
        self.ids: dict[HandoffState, Any] = {}

    def begin(self, state: HandoffState) -> None:
        """Bring one into its state."""
        form = ["email"] if state == HandoffState.REQUESTED else []
        desk = str(self.bridge.connection.id)
        rules = {"desks": [desk, "inbox"], "form": form, "longest_wait_seconds": 86_400}
        made = factories.make_deployment(self.workspace)
        version = made.deployment.assistant.published
        assert version is not None
        with tenant(self.workspace.id):
            content = {**version.content, "handoff": handoff_rules.validate(rules)}
            version.delete()
            made.deployment.assistant.published = AssistantVersion.objects.create(
                assistant=made.deployment.assistant, number=1, content=content
            )
            made.deployment.assistant.save(update_fields=["published"])
        self.made, self.opened = made, factories.start_session(made)
        visit = visits.resolve(self.opened.token, self.opened.session.id)
        self.ids[state] = self.opened.session.conversation_id
        visits.ask_for_person(visit, factories.caller(), "")
        with tenant(self.workspace.id):
            row = conversations.lock(self.ids[state])
            case = handoff.current(row)
            assert case is not None
            if state in (HandoffState.ACCEPTED, HandoffState.LIVE):
                handoff.accept(row, case, name="Olga")
            if state == HandoffState.LIVE:
                handoff.said_at_desk(row, case, name="Olga", text="Hello.", client_id="d1")
        if state == HandoffState.LIVE:
            visits.post(visit, factories.caller(), VisitorMessage(client_id="c1", text="Are you there?"))
        assert self.states()[state] == state

    def states(self) -> dict[HandoffState, str]:
        """Where each stands now: the state of its open hand-over, or "" where none is open."""
        with tenant(self.workspace.id):
            rows = {
                row.conversation_id: row.state
                for row in Handoff.objects.filter(conversation_id__in=self.ids.values(), ended_at=None)
            }
        return {state: rows.get(conversation_id, "") for state, conversation_id in self.ids.items()}

    def hasten(self) -> None:
        """Seconds instead of minutes for everybody, from now on: rules don't go below half a minute."""
        now, soon = timezone.now(), dt.timedelta(seconds=3)
        with tenant(self.workspace.id):
            open_ones = Handoff.objects.filter(ended_at=None)
            open_ones.update(longest_wait=soon, longest_silence=soon, due_at=now + soon)
            # Longer than until the sweeper's next look, so that the next desk has its part of the wait.
            open_ones.exclude(wait_until=None).update(wait_until=now + 6 * soon)

    def is_over(self) -> bool:
        """Whether everybody is back with the assistant. Only looks."""
        with tenant(self.workspace.id):
            rows = Conversation.objects.filter(id__in=self.ids.values())
            return not Handoff.objects.filter(state__in=OPEN).exists() and all(
                row.control == "assistant" and row.is_active for row in rows
            )

    def last_words(self) -> set[str]:
        """What each visitor was told last."""
        with tenant(self.workspace.id):
            return {
                Message.objects.filter(conversation_id=conversation_id).latest("seq").text
                for conversation_id in self.ids.values()
            }


NOBODY = {"Nobody is free right now, so the assistant is back. Your messages are kept."}


def test_a_worker_is_killed_in_every_state(valkey: OwnValkey, far: FarEnd, tmp_path: Path) -> None:
    rooms = Rooms(far)
    with working(valkey, tmp_path, far) as processes:
        for state in STATES:
            rooms.begin(state)
        far.wait(1, 60)
        for process in processes:
            process.kill()
            process.wait()
    before = rooms.states()
    assert before == {state: state for state in STATES}
    rooms.hasten()
    assert rooms.states() == before  # nobody is there to move them
    with working(valkey, tmp_path, far):
        wait_for("everybody to be back with the assistant", rooms.is_over)
    assert rooms.last_words() == NOBODY


def test_the_web_is_killed_in_every_state(valkey: OwnValkey, far: FarEnd, tmp_path: Path) -> None:
    rooms = Rooms(far)
    with working(valkey, tmp_path, far):
        with web_processes(1, valkey.url, tmp_path) as [address]:
            for state in STATES:
                rooms.begin(state)
            # One more is asked for by the process that dies, and answered once that is stored (2xx after COMMIT).
            rooms.made = factories.make_deployment(rooms.workspace)
            rooms.opened = factories.start_session(rooms.made)
            session = rooms.opened.session
            request = urllib.request.Request(
                f"{address}/v1/public/runtime/sessions/{session.id}/handoff",
                data=json.dumps({}).encode(),
                headers={
                    "Authorization": f"Bearer {rooms.opened.token}",
                    "Origin": factories.SHOP,
                    "Content-Type": "application/json",
                },
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                assert answer.status == 202
            rooms.ids[HandoffState.CLOSED] = session.conversation_id
        rooms.hasten()
        # It is stopped; whatever it held is gone, and no page of a member's gives a sign any more.
        wait_for("everybody to be back with the assistant", rooms.is_over)
    assert rooms.last_words() == NOBODY


def test_the_desk_is_gone_in_every_state(valkey: OwnValkey, far: FarEnd, tmp_path: Path) -> None:
    rooms = Rooms(far)
    factories.member(rooms.workspace, Role.AGENT)
    with working(valkey, tmp_path, far):
        for state in STATES:
            rooms.begin(state)
        far.wait(1, 60)
        far.server.shutdown()
        far.server.server_close()
        rooms.hasten()
        wait_for("everybody to be back with the assistant", rooms.is_over)
    assert rooms.last_words() == NOBODY
    with tenant(rooms.workspace.id):
        # The inbox stood behind it and was asked as well, before anybody was told that nobody came.
        case = Handoff.objects.get(conversation_id=rooms.ids[HandoffState.OFFERED])
    assert [one["desk"] for one in case.tried] == [str(rooms.bridge.connection.id), "inbox"]
