"""What comes after a relay session: where its socket failed the call goes on sentence by sentence, nothing twice."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from django.utils import timezone

from channels_app.models import Call, CallTurn, Connection
from channels_app.voice import relay_ledger
from convoship.lib.threads import in_thread
from deployments.models import Message, Turn
from deployments.responders import llm_content
from tests.channels.relays import Telephone, answered_by, let_go, make_telephone
from tests.models.model_end import ModelEnd, Says, running
from workspaces.models import Membership

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(autouse=True)
async def hub_of_this_loop(transactional_db: None) -> AsyncIterator[None]:
    """Each test has an event loop of its own, and so a hub of its own, which ends with it."""
    yield
    await let_go()


@pytest.fixture
def model(settings: Any) -> Any:
    """An endpoint on this machine."""
    with running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}
        yield end


@pytest.fixture
def phone(transactional_db: None, model: ModelEnd) -> Telephone:
    """A connection whose calls a model answers."""
    made = make_telephone(silence_seconds=20, transfer_to="+14155550199")
    answered_by(made, "llm", llm_content.validate({"base_url": model.base_url, "model": "test-model"}))
    return made


def words_of(twiml: Any) -> str:
    return " ".join(one.text or "" for one in twiml.iter("Say"))


async def lost(phone: Telephone) -> None:
    """Until the end of the socket is written down."""
    await phone.until(lambda: Call.objects.get(sid=phone.sid).steps.filter(kind="relay_lost").exists())


async def followed(phone: Telephone, twiml: Any) -> Any:
    """Where it leads, to where it listens again."""
    while (redirect := twiml.find("Redirect")) is not None and twiml.find("Gather") is None:
        assert redirect.text is not None
        twiml = await phone.twiml(redirect.text)
    return twiml


async def test_who_hangs_up_ends_the_call_and_its_answer(phone: Telephone, model: ModelEnd) -> None:
    gate = threading.Event()
    model.script(Says(["It is ", "blue. "], gates={1: gate}))
    session = await phone.call()
    await session.words()
    await session.say("Which colour?")
    await phone.until(lambda: Message.objects.filter(status="streaming").exists())
    await session.break_off(1000)
    twiml = await phone.relay_done("completed", CallStatus="completed")
    assert twiml.find("Gather") is None
    row = await phone.row()
    assert (row.state, row.outcome, row.conversation.status) == ("ended", "hung_up", "abandoned")
    await phone.until(lambda: not Turn.objects.filter(status__in=("queued", "running")).exists())
    gate.set()


async def test_a_socket_that_can_not_be_opened_falls_back_at_once_and_says_so(phone: Telephone) -> None:
    await phone.ring()
    twiml = await phone.relay_done("failed", ErrorCode="64102", ErrorMessage="Unable to connect to WebSocket URL")
    # Where it was never open nothing was cut off.
    assert "cut off" not in words_of(twiml)
    assert words_of(twiml)
    listening = await followed(phone, twiml)
    assert listening.find("Gather") is not None
    row = await phone.row()
    assert (row.mode, row.state) == ("gather", "active")
    [step] = await phone.steps("fallback")
    # In plain words, with Twilio's code, and in one line of the story.
    assert "Twilio could not connect to Convoship" in step.words
    assert "(Twilio's error 64102)" in step.words
    assert step.remedy
    assert await phone.steps("error") == []
    assert "proxy" in step.remedy
    connection = await phone.inside(lambda: Connection.objects.get())
    assert "64102" in connection.fault
    assert connection.fault_remedy


async def test_what_was_not_heard_when_the_socket_broke_is_said_sentence_by_sentence(
    phone: Telephone, model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.script(Says(["The first sentence is this. ", "The second one is that. ", "And a third. "]))
    session = await phone.call()
    await session.words()
    await session.say("Tell me.")
    await session.words()
    await phone.until(lambda: CallTurn.objects.filter(number=1, finished_at__isnull=False).exists())
    # As long as a voice takes for the first sentence, and a word.
    heard = len("The first sentence is this. The ")
    monkeypatch.setattr(relay_ledger.Ledger, "_by_time", lambda *_: heard)
    await session.break_off(1006)
    await lost(phone)
    *_, whole = await phone.speeches()
    assert (await phone.speeches())[whole] == ("cut", "The first sentence is this. The")
    twiml = await phone.relay_done("failed", ErrorCode="64105")
    listening = await followed(phone, twiml)
    assert words_of(listening) == "The second one is that. And a third."
    # It is whole after all.
    assert (await phone.speeches())[whole][0] == "spoken"
    assert (await phone.messages())[-1].text == whole
    # The same request again gets the same.
    again: Any = twiml.find("Redirect")
    assert words_of(await followed(phone, await phone.twiml(again.text))) == words_of(listening)
    # And the call goes on.
    model.script(Says(["Certainly. "]))
    gather = listening.find("Gather")
    said = {"SpeechResult": "More", "Confidence": "1"}
    answer = await followed(phone, await phone.twiml(gather.attrib["action"], said))
    assert words_of(answer) == "Certainly."


async def test_an_answer_under_way_when_the_socket_broke_is_finished_and_its_rest_said(
    phone: Telephone, model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    model.script(Says(["The first sentence is this. ", "The second ", "one is that. "], gates={1: gate}))
    session = await phone.call()
    await session.words()
    await session.say("Tell me.")
    assert await session.token() == "The first sentence is this. "
    monkeypatch.setattr(relay_ledger.Ledger, "_by_time", lambda self, _now: len(self._spoken()))
    await session.break_off(1006)
    await lost(phone)
    twiml = await phone.relay_done("failed", ErrorCode="64105")
    gate.set()
    assert words_of(await followed(phone, twiml)) == "The second one is that."
    assert len(model.asked) == 1
    assert (await phone.messages())[-1].text.strip() == "The first sentence is this. The second one is that."


async def test_a_process_that_died_is_taken_over_and_its_beginning_not_said_again(
    phone: Telephone, model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No word of its own was written down: what was heard is told by how long a voice takes."""
    from channels_app.voice import relay_acts

    gate = threading.Event()
    texts = ["The first sentence is this. ", "The second one is that. "]
    model.script(Says(texts, gates={1: gate}), Says(texts))
    monkeypatch.setattr(relay_acts, "broke", lambda *_: None)
    session = await phone.call()
    await session.words()
    await session.say("Tell me.")
    await session.token()
    await phone.until(lambda: Message.objects.filter(status="streaming").exists())
    await phone.until(lambda: CallTurn.objects.get(number=1).spoken_at is not None)
    await session.break_off(1006)
    monkeypatch.setattr(relay_ledger.Ledger, "_by_time", lambda self, _now: len(self._spoken()))
    twiml = await phone.relay_done("failed", ErrorCode="64105")
    assert words_of(await followed(phone, twiml)) == "The second one is that."
    gate.set()
    assert len(model.asked) == 2
    states = await phone.inside(lambda: list(Turn.objects.values_list("status", "attempts")))
    assert states == [("done", 2)]


async def test_a_second_failure_puts_the_call_through(phone: Telephone) -> None:
    await phone.ring()
    await phone.relay_done("failed", ErrorCode="64102")
    twiml = await phone.relay_done("failed", ErrorCode="64102")
    assert twiml.find("Dial") is not None
    assert (await phone.row()).state == "transferring"


async def test_a_second_failure_where_only_members_are_there_waits_for_them(transactional_db: None) -> None:
    phone = await in_thread(make_telephone)
    await phone.ring()
    await phone.relay_done("failed", ErrorCode="64102")
    twiml = await phone.relay_done("failed", ErrorCode="64102")
    assert twiml.find("Enqueue") is not None
    assert "can't go on" not in words_of(twiml)


async def test_a_second_failure_where_nobody_is_there_says_goodbye(transactional_db: None) -> None:
    phone = await in_thread(make_telephone)
    await phone.inside(lambda: Membership.objects.update(away_since=timezone.now()))
    await phone.ring()
    await phone.relay_done("failed", ErrorCode="64102")
    twiml = await phone.relay_done("failed", ErrorCode="64102")
    assert "can't go on" in words_of(twiml)
    assert twiml.find("Hangup") is not None
    assert (await phone.row()).outcome == "failed"


@pytest.mark.parametrize("handed", ["", "nonsense", "[]", '{"then":7}', '{"other":"x"}', '{"then":"<Dial>"}'])
async def test_an_end_that_says_nothing_of_ours_goes_on_sentence_by_sentence(phone: Telephone, handed: str) -> None:
    await phone.ring()
    twiml = await phone.relay_done("ended", HandoffData=handed)
    assert (await followed(phone, twiml)).find("Gather") is not None


async def test_the_end_of_a_call_that_nobody_knows_is_answered(phone: Telephone) -> None:
    phone.sid = "CA" + "e" * 32
    twiml = await phone.relay_done("ended")
    assert twiml.find("Redirect") is not None


async def test_a_call_that_has_ended_stays_so(phone: Telephone) -> None:
    session = await phone.call()
    await session.break_off(1000)
    await phone.relay_done("completed", CallStatus="completed")
    twiml = await phone.relay_done("failed", ErrorCode="64105")
    assert twiml.find("Hangup") is not None
    assert (await phone.row()).outcome == "hung_up"
