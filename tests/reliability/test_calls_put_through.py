"""A worker dies while it leads a call to people: before Twilio was told, and after; another one sees to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Call, CallCourse, CallTransfer
from channels_app.models.call import CallState, TransferManner
from channels_app.models.connection import Connection
from channels_app.voice import courses, record, transfers
from convoship.lib.tenancy import tenant
from convoship.machine.state import ROOT
from deployments import conversations, handoff
from deployments.models.handoff import HandoffCause
from tests import factories
from tests.channels import twilio_end
from tests.channels.callers import Line, make_line, new_sid
from tests.channels.twilio_end import TwilioEnd
from tests.driver import wait_for
from tests.reliability.processes import OwnValkey, database_url
from tests.reliability.test_handoff import valkey as valkey

pytestmark = pytest.mark.django_db(transaction=True)

# A worker takes long to start on a machine that does much else.
PATIENCE = 180.0


@pytest.fixture
def twilio(settings: Any) -> Iterator[TwilioEnd]:
    """A Twilio on this machine."""
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with twilio_end.running() as end:
        yield end


@contextmanager
def worker(valkey: OwnValkey, folder: Path, failpoints: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """A worker as `make run` starts it, which may die at a place."""
    environment = os.environ | {
        "DATABASE_URL": database_url("default"),
        "MIGRATE_DATABASE_URL": database_url("owner"),
        "REDIS_URL": valkey.url,
        "CONVOSHIP_ALLOW_PRIVATE_NETWORK": "1",
        "CONVOSHIP_FAILPOINTS": failpoints,
    }
    command = [sys.executable, "-m", "celery", "-A", "convoship", "worker", "--pool", "threads", "--concurrency", "2"]
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def waiting_for_a_person(line: Line) -> Call:
    """A call whose conversation asked for a person, and which nobody has led to the telephone yet."""
    with tenant(line.workspace.id):
        connection = Connection.objects.select_related("assistant__published").get(id=line.connection.id)
        call = record.open_call(connection, new_sid(), "+14155550123", "+14155552671", "inbound")
        Call.objects.filter(id=call.id).update(state=CallState.ACTIVE)
        row = conversations.lock(call.conversation_id)
        handoff.request(row, "They asked.", HandoffCause.VISITOR)
        CallCourse.objects.update(due_at=timezone.now())
    return call


@pytest.mark.parametrize("place", ["F3", "F4"])
def test_a_worker_that_dies_with_a_call_in_hand_leaves_it_to_the_next(
    valkey: OwnValkey, twilio: TwilioEnd, tmp_path: Path, place: str
) -> None:
    line = make_line(factories.make_workspace(), twilio, transfer_to="+14155550177", manner="warm")
    call = waiting_for_a_person(line)
    twilio.has_call(call.sid)
    with worker(valkey, tmp_path, f"{place}=exit") as process:
        wait_for("the worker to die", lambda: process.poll() is not None, PATIENCE)
    with tenant(line.workspace.id):
        course, transfer = CallCourse.objects.get(), CallTransfer.objects.get()
        assert (course.claim is not None, transfer.dialled_at, transfer.ended_at) == (True, None, None)
        # Its lease runs out.
        CallCourse.objects.update(leased_until=timezone.now())
    before = len(twilio.told)
    assert before == (0 if place == "F3" else 1)
    with worker(valkey, tmp_path):
        wait_for("Twilio to be told where the call belongs", lambda: len(twilio.told) > before, PATIENCE)
    sid, form = twilio.told[-1]
    assert (sid, "/lead?at=" in form["Url"]) == (call.sid, True)
    with tenant(line.workspace.id):
        held = record.lock(call.id)
        way = courses.way_of(held.conversation, held)
        assert way.transfer is not None
        assert way.transfer.manner == TransferManner.WARM
        assert transfers.open_of(held) == way.transfer
