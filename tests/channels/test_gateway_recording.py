"""Calls whose sound is ours are recorded where their caller agrees: asked over the line, kept, or said why not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from django.core.files.storage import storages
from django.db import OperationalError
from django.utils import timezone

from channels_app import connections
from channels_app.models import Call, CallRecording, CallStep, CallTurn, RecordingPart
from channels_app.providers.base import ProviderError
from channels_app.voice import audio, own_recordings
from channels_app.voice.engines import registry
from channels_app.voice.media import socket, taping
from channels_app.voice.media.consent import Asking
from channels_app.voice.media.events import RATE, SILENCE
from channels_app.voice.media.recorder import Recorder
from channels_app.voice.relay_frames import Prompt
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import erasing, files
from deployments.models import File, Message, Person
from tests import factories
from tests.channels import relays, streams
from tests.channels.far_end import FarEnd
from tests.channels.gateway import Gateway
from tests.channels.hearing import BOOKING, share_heard
from tests.channels.streams import Line, words_of
from tests.channels.test_gateway_streams import call, make, until

pytestmark = pytest.mark.asyncio

QUESTION = "May we record this call? Press one or say yes."
GREETING = "Hello, I would like to help you."
LONG = "We are open from nine to five. " * 6


@pytest_asyncio.fixture(autouse=True)
async def loop_of_its_own(transactional_db: None) -> AsyncIterator[None]:
    yield
    await streams.let_go()
    await registry.close()
    await relays.let_go()


@pytest.fixture
def gateway(transactional_db: None, far: FarEnd) -> Gateway:
    return make(far, record="with_consent", consent_words=QUESTION)


async def evidence(gateway: Gateway) -> list[dict[str, Any]]:
    """What is kept of asking."""

    def read() -> list[dict[str, Any]]:
        return list(CallStep.objects.filter(data__has_key="consent").values_list("data", flat=True))

    return await gateway.inside(read)


async def recording(gateway: Gateway, **of: Any) -> CallRecording:
    found: CallRecording = await until(
        gateway, lambda: CallRecording.objects.select_related("file", "call").filter(**of).first()
    )
    return found


async def agreed(gateway: Gateway, dialect: str = "media_streams", *, is_greeted: bool = False) -> Line:
    """A call whose caller has agreed, and is about to be greeted, or was."""
    line = await call(gateway, dialect)
    await line.hears()
    place = line.place
    await line.presses("1")
    await recording(gateway, state="made")
    if is_greeted:
        await line.hears(since=place)
    return line


async def kept(gateway: Gateway) -> tuple[CallRecording, bytes, bytes]:
    """The recording once its call is over and the worker has been: the caller's track, and ours."""
    await recording(gateway, seconds__isnull=False)
    await gateway.drain()
    row = await recording(gateway, state="kept")
    return row, *await in_thread(tracks, row)


def tracks(row: CallRecording) -> tuple[bytes, bytes]:
    """Of the file as it is given out: a WAV of mu-law, two channels."""
    assert row.file is not None
    _, content = files.opened(row.workspace_id, row.file.id)
    with content:
        raw = content.read()
    assert (raw[:4], raw[8:16], row.file.content_type) == (b"RIFF", b"WAVEfmt ", "audio/wav")
    assert int.from_bytes(raw[4:8], "little") == len(raw) - 8
    assert [int.from_bytes(raw[at : at + 2], "little") for at in (20, 22, 34)] == [7, 2, 8]
    at = raw.index(b"data")
    assert int.from_bytes(raw[at + 4 : at + 8], "little") == len(raw) - at - 8
    return raw[at + 8 :: 2], raw[at + 9 :: 2]


def share_sounding(track: bytes) -> float:
    return sum(one not in b"\xff\x7f" for one in track) / len(track)


async def test_a_caller_is_asked_before_anything_else_and_with_a_yes_both_sides_are_recorded(gateway: Gateway) -> None:
    line = await call(gateway)
    question = await line.hears()
    assert await gateway.inside(lambda: Message.objects.filter(status="queued").count()) > 0, "the greeting waits"
    place = line.place
    await line.says("Yes, I agree.")
    await line.hears(since=place)
    place = line.place
    await line.says(BOOKING)
    await line.hears(since=place)
    await line.hangs_up()
    row, theirs, ours = await kept(gateway)
    [said] = await evidence(gateway)
    assert (said["consent"], said["asked"], said["keys"]) == ("given", QUESTION, "")
    assert "yes" in said["said"].lower()
    assert (row.is_own, row.kind, row.reason, row.missing) == (True, "recording", "", "")
    assert row.seconds == round(len(theirs) / RATE) > 3
    assert row.file is not None
    assert row.file.message_id is not None, "it would be swept as a file of no message"
    assert await gateway.inside(RecordingPart.objects.count) == 0
    assert share_heard(BOOKING, await words_of(theirs)) > 0.5
    assert len((await words_of(ours)).split()) > 4
    assert share_heard(QUESTION, await words_of(question)) > 0.5
    assert share_heard("press one or say yes", await words_of(ours)) < 0.5, "it began with the yes"


@pytest.mark.parametrize("answer", ["key", "words"])
async def test_who_declines_is_not_recorded_and_the_call_goes_on(gateway: Gateway, answer: str) -> None:
    line = await call(gateway)
    await line.hears()
    place = line.place
    if answer == "key":
        await line.presses("2")
    else:
        await line.says("No, please do not.")
    await line.hears(since=place)
    await until(gateway, lambda: Message.objects.filter(status="delivered").first())
    await line.hangs_up()
    await until(gateway, lambda: Call.objects.filter(state="ended").first())
    assert [one["consent"] for one in await evidence(gateway)] == ["declined"]
    assert await gateway.inside(CallRecording.objects.count) == 0
    assert await gateway.inside(RecordingPart.objects.count) == 0


async def test_who_says_nothing_is_asked_twice_and_the_call_goes_on_without(gateway: Gateway) -> None:
    config = {**gateway.connection.config, "silence_seconds": 1}
    await gateway.inside(lambda: type(gateway.connection).objects.update(config=config))
    line = await call(gateway)
    await line.hears()
    place = line.place
    again = await line.hears(since=place)
    await until(gateway, lambda: Message.objects.filter(status="delivered").first(), 30)
    await line.hangs_up()
    [said] = await evidence(gateway)
    assert (said["consent"], said["keys"], said["said"]) == ("none", "", "")
    assert await gateway.inside(CallRecording.objects.count) == 0
    assert share_heard(QUESTION, await words_of(again)) > 0.5


async def test_who_presses_a_key_into_the_question_is_answered_at_once_and_the_call_begins(gateway: Gateway) -> None:
    line = await call(gateway)
    await line.until(lambda: len(line.sender.heard) > RATE // 2)
    await line.presses("1")
    await recording(gateway, state="made")
    assert line.sender.cleared == 1
    place = line.place
    await line.hears(since=place)
    await line.hangs_up()
    _, _, ours = await kept(gateway)
    assert len((await words_of(ours)).split()) > 2
    assert [one["keys"] for one in await evidence(gateway)] == ["1"]


class _Speaking:
    """A line that is asking, or done with it."""

    def __init__(self, *, is_speaking: bool) -> None:
        self.playout = SimpleNamespace(is_speaking=is_speaking)


@pytest.mark.parametrize(
    ("words", "into_it", "counts"),
    [("okay", True, False), ("mhm", True, False), ("yes", True, True), ("okay", False, True), ("no", True, True)],
)
async def test_who_only_listens_agrees_to_nothing(words: str, into_it: bool, counts: bool) -> None:
    asking = Asking(cast(Any, None), cast(Any, None))
    asking._line = cast(Any, _Speaking(is_speaking=into_it))
    asking.hear(Prompt(words))
    assert asking._answers.empty(), "the question was not heard yet"
    asking.sounded(10)
    asking.hear(Prompt(words))
    assert asking._answers.empty() is not counts


async def test_who_hangs_up_at_the_question_leaves_nothing_and_the_call_ends(gateway: Gateway) -> None:
    line = await call(gateway)
    await line.until(lambda: line.sender.heard)
    await line.hangs_up()
    ended = await until(gateway, lambda: Call.objects.filter(state="ended").first())
    assert ended.reason == "They hung up."
    assert await evidence(gateway) == []
    assert await gateway.inside(CallRecording.objects.count) == 0


@pytest.mark.parametrize("dialect", ["telnyx", "asterisk", "jambonz"])
async def test_it_is_recorded_in_each_dialect(far: FarEnd, dialect: str) -> None:
    gateway = await in_thread(lambda: make(far, dialect=dialect, record="with_consent", consent_words=QUESTION))
    line = await agreed(gateway, dialect, is_greeted=True)
    await line.says(BOOKING)
    await until(gateway, lambda: CallTurn.objects.filter(number=1).first())
    await line.hangs_up()
    _, theirs, ours = await kept(gateway)
    assert share_sounding(ours) > 0.1
    assert share_heard(BOOKING, await words_of(theirs)) > 0.5


async def test_what_was_cut_off_by_the_caller_is_not_on_it(gateway: Gateway) -> None:
    config = {**gateway.connection.config, "greeting": LONG}
    await gateway.inside(lambda: type(gateway.connection).objects.update(config=config))
    line = await agreed(gateway)
    place, heard = line.place, len(line.sender.heard)
    await line.until(lambda: len(line.sender.heard) - heard > 3 * RATE)
    await line.says(BOOKING)
    step = await until(gateway, lambda: CallStep.objects.filter(kind="interrupted").first())
    assert step.data["heard"], "of the greeting"
    assert LONG.startswith(step.data["heard"]), "and not of the question"
    answer = await line.hears(since=place)
    await line.hangs_up()
    _, theirs, ours = await kept(gateway)
    assert line.sender.cleared >= 1
    # As long as what the caller heard of it, and as much.
    assert len(ours) < 30 * RATE
    assert ours.count(SILENCE) < len(ours)
    sounding = len(ours) * share_sounding(ours)
    assert sounding == pytest.approx(len(answer) * share_sounding(answer), rel=0.15)
    assert share_heard(BOOKING, await words_of(theirs)) > 0.5


async def test_after_a_restart_nobody_is_asked_again_and_the_rest_is_recorded_too(gateway: Gateway) -> None:
    line = await agreed(gateway, is_greeted=True)
    await socket.end_all()
    assert await line.closed() == socket.RESTART
    first = await recording(gateway, seconds__isnull=False)
    again = await call(gateway)
    await until(gateway, lambda: CallRecording.objects.filter(seconds=None).first())
    await again.says(BOOKING)
    await again.hangs_up()
    await until(gateway, lambda: CallRecording.objects.filter(seconds__isnull=False).count() == 2)
    await gateway.drain()
    rows = await gateway.inside(lambda: list(CallRecording.objects.order_by("created_at")))
    assert [one.state for one in rows] == ["kept", "kept"]
    assert rows[0].id == first.id
    assert len(await evidence(gateway)) == 1


# --- What goes wrong --------------------------------------------------------------------------------------------------


def dies() -> None:
    """The process dies: nobody writes to its recordings any more."""
    for task in tuple(taping._writing):
        task.cancel()


async def test_of_a_call_whose_process_died_what_there_was_is_kept_and_that_it_broke_off_is_said(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taping, "WRITES_EVERY", 0.5)
    line = await agreed(gateway)
    await line.says(BOOKING)
    await until(gateway, lambda: RecordingPart.objects.filter(number__gte=4).first())
    dies()
    await line.break_off()
    row = await recording(gateway)
    assert (row.state, row.seconds) == ("made", None)
    assert row.due_at > timezone.now()
    await gateway.inside(lambda: CallRecording.objects.update(due_at=timezone.now()))
    await gateway.drain()
    row = await recording(gateway, state="kept")
    theirs, _ = await in_thread(tracks, row)
    assert row.seconds == round(len(theirs) / RATE) >= 1
    assert row.missing.startswith(f"It breaks off after {row.seconds} s: the process that carried the call died")
    steps = await gateway.inside(lambda: list(CallStep.objects.filter(kind="error").values_list("words", flat=True)))
    assert len(steps) == 1
    assert steps[0].startswith(f"The recording broke off after {row.seconds} s: the process that carried the call died")


async def test_where_it_died_before_anything_was_written_the_recording_is_lost_with_the_reason(
    gateway: Gateway,
) -> None:
    line = await agreed(gateway)
    dies()
    await line.break_off()
    await gateway.inside(lambda: CallRecording.objects.update(due_at=timezone.now()))
    await gateway.drain()
    row = await recording(gateway, state="failed")
    assert row.reason.startswith("The recording is lost: the process that carried the call died")
    assert row.remedy


async def test_a_storage_that_fails_is_said_and_it_is_stored_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await agreed(gateway, is_greeted=True)
    await line.hangs_up()
    await recording(gateway, seconds__isnull=False)
    kind = type(storages["files"])

    def broken(*values: Any) -> str:
        raise OSError("The disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(kind, "save", broken)
        await gateway.drain()
        row = await recording(gateway)
        assert (row.state, row.reason) == ("fetching", "The file could not be kept just now.")
        assert row.due_at > timezone.now(), "it is tried again by itself"
        await gateway.inside(lambda: CallRecording.objects.update(attempts=9, due_at=timezone.now()))
        await gateway.drain()
    row = await recording(gateway, state="failed")
    assert row.reason == "The file could not be kept just now."
    assert await gateway.inside(RecordingPart.objects.count) > 0, "nothing of it is lost"
    await gateway.inside(lambda: audio.fetch_again(gateway.who, row.call.conversation_id, row.id))
    await gateway.drain()
    row = await recording(gateway, state="kept")
    assert (row.reason, row.remedy) == ("", "")
    await in_thread(tracks, row)


async def test_while_the_database_is_away_parts_wait_and_nothing_is_lost(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taping, "WRITES_EVERY", 0.2)
    kept_add, is_away = own_recordings.add, asyncio.Event()

    def add(*values: Any) -> bool:
        if is_away.is_set():
            raise OperationalError("the server closed the connection")
        return kept_add(*values)

    monkeypatch.setattr(own_recordings, "add", add)
    line = await agreed(gateway)
    is_away.set()
    await line.says(BOOKING)
    assert await gateway.inside(RecordingPart.objects.count) <= 1
    is_away.clear()
    await line.hangs_up()
    row, theirs, _ = await kept(gateway)
    assert row.missing == ""
    assert share_heard(BOOKING, await words_of(theirs)) > 0.5


async def test_where_the_database_is_away_for_too_long_what_is_lost_is_said(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*values: Any) -> bool:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(taping, "WRITES_EVERY", 0.2)
    monkeypatch.setattr(taping, "AGAIN_AFTER", 0.2)
    monkeypatch.setattr(taping, "MOST_WAITING", own_recordings.SECOND)
    line = await agreed(gateway)
    with monkeypatch.context() as patched:
        patched.setattr(own_recordings, "add", away)
        await line.says(BOOKING)
        await line.says(BOOKING)
    row = await recording(gateway, seconds__isnull=False)
    assert row.missing == "The rest was not recorded: the database was away for too long."
    assert row.call.state == "active"
    assert (row.seconds or 0) >= 1
    await line.hangs_up()


async def test_it_ends_where_a_call_may_be_no_longer(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taping, "WRITES_EVERY", 0.2)
    monkeypatch.setattr(taping, "BEYOND", -30.0 * 60)
    line = await agreed(gateway)
    row = await recording(gateway, seconds__isnull=False)
    assert row.missing.startswith("The recording ends here")
    assert row.call.state == "active"
    await line.hangs_up()


async def test_a_fault_of_the_recorder_ends_no_call_and_is_said(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*values: Any) -> None:
        raise ArithmeticError("none of it adds up")

    line = await agreed(gateway)
    monkeypatch.setattr(Recorder, "heard", broken)
    await line.says(BOOKING)
    await until(gateway, lambda: CallTurn.objects.filter(number=1).first())
    await line.hangs_up()
    ended = await until(gateway, lambda: Call.objects.filter(state="ended").first())
    assert ended.outcome == "hung_up"
    row = await recording(gateway, seconds__isnull=False)
    assert row.missing == "The rest was not recorded: something broke in Convoship."


async def test_where_asking_fails_the_call_goes_on_unrecorded_and_says_so(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels_app.voice import consenting

    def broken(*values: Any) -> None:
        raise ArithmeticError("none of it adds up")

    monkeypatch.setattr(consenting, "answered", broken)
    line = await call(gateway)
    await line.hears()
    place = line.place
    await line.presses("1")
    await line.hears(since=place)
    await line.hangs_up()
    assert await gateway.inside(CallRecording.objects.count) == 0
    [step] = await gateway.inside(lambda: list(CallStep.objects.filter(kind="error")))
    assert step.words == "Whether the call may be recorded could not be asked: it goes on without a recording."


# --- What becomes of it -----------------------------------------------------------------------------------------------


async def test_it_goes_with_its_person_be_it_kept_or_under_way(gateway: Gateway) -> None:
    line = await call(gateway, **{"from": "+14155550177"})
    await line.hears()
    await line.presses("1")
    await recording(gateway)
    await line.hangs_up()
    await kept(gateway)

    def under_way() -> None:
        found = Call.objects.get()
        own_recordings.add(own_recordings.begin(found), 0, b"\xff" * 16)

    await gateway.inside(under_way)
    assert await gateway.inside(File.objects.count) == 1

    def erase() -> None:
        erasing.begin(gateway.who, Person.objects.get())

    await gateway.inside(erase)

    def left() -> tuple[list[str], int, int]:
        states = list(CallRecording.objects.values_list("state", flat=True))
        return states, RecordingPart.objects.count(), File.objects.count()

    assert await gateway.inside(left) == (["deleted", "deleted"], 0, 0)
    ids = await gateway.inside(lambda: list(CallRecording.objects.values_list("id", flat=True)))
    for one in ids:
        assert not await gateway.inside(lambda one=one: own_recordings.add(one, 9, b"\xff\xff"))


async def test_what_is_gone_is_not_put_together(gateway: Gateway) -> None:
    with pytest.raises(ProviderError):
        await gateway.inside(lambda: own_recordings.put_together(gateway.connection.id))


# --- Its settings -----------------------------------------------------------------------------------------------------


def made_with(gateway: Gateway, **config: Any) -> dict[str, Any]:
    with tenant(gateway.workspace.id):
        assistant = factories.make_assistant(gateway.workspace)
        made = connections.create(
            gateway.who, kind="voice_gateway", name="Others", assistant_id=assistant.id, config=config, credentials={}
        )
    return dict(made.connection.config)


async def test_turn_by_turn_nothing_can_be_recorded_and_that_is_said(gateway: Gateway) -> None:
    with pytest.raises(Problem) as problem:
        await in_thread(lambda: made_with(gateway, mode="turns", record="with_consent"))
    [(field, [words])] = problem.value.errors.items()
    assert field.endswith("record")
    assert "only calls whose sound does can be recorded" in words
    assert "record" not in await in_thread(lambda: made_with(gateway, mode="turns", record="off"))
    assert (await in_thread(lambda: made_with(gateway, mode="stream")))["record"] == "off"
