"""A call word by word: streamed answers, callers who interrupt, keys, languages, silences, and how a session ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from django.utils import timezone

from channels_app import accounts, connections
from channels_app.models import Call, CallSpeech, CallStep, CallTurn
from channels_app.voice import relay_acts, relay_keys, relay_session
from convoship.lib.actors import SYSTEM
from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import conversations, handoff, turns
from deployments.conversations import NewMessage
from deployments.models import Conversation, Message, Turn
from deployments.responders import llm_content
from tests.channels.relays import Session, Telephone, answered_by, let_go, make_telephone
from tests.models.model_end import ModelEnd, Refuses, Says, running

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(autouse=True)
async def hub_of_this_loop(transactional_db: None) -> AsyncIterator[None]:
    """Each test has an event loop of its own, and so a hub of its own, which ends with it."""
    yield
    await let_go()


@pytest.fixture
def phone(transactional_db: None) -> Telephone:
    """A connection whose calls a scripted assistant answers."""
    return make_telephone(silence_seconds=20)


@pytest.fixture
def model(settings: Any) -> Any:
    """An endpoint on this machine."""
    with running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}
        yield end


@pytest.fixture
def thinking(phone: Telephone, model: ModelEnd) -> Telephone:
    """A connection whose calls a model answers."""
    answered_by(phone, "llm", llm_content.validate({"base_url": model.base_url, "model": "test-model"}))
    return phone


async def greeted(phone: Telephone) -> Session:
    session = await phone.call()
    if phone.connection.assistant is not None and await phone.messages():
        await session.words()
    return session


async def whole(phone: Telephone, number: int) -> CallTurn:
    """The turn, once it is over."""
    rows = {"call__sid": phone.sid, "number": number, "finished_at__isnull": False}
    found: CallTurn = await phone.until(lambda: CallTurn.objects.filter(**rows).first())
    return found


async def last(phone: Telephone) -> Any:
    return (await phone.messages())[-1]


# --- Streamed answers -------------------------------------------------------------------------------------------------


async def test_a_models_answer_is_said_while_it_is_written_without_its_marks(
    thinking: Telephone, model: ModelEnd
) -> None:
    gate = threading.Event()
    model.script(Says(["Of **course**", " I can.", " Your order 4711", " left us.", " Bye"], gates={3: gate}))
    session = await greeted(thinking)
    await session.say("Where is my order?")
    assert await session.token() == "Of course I can. "
    # It is heard before the rest is written.
    assert not gate.is_set()
    gate.set()
    assert await session.words() == "Your order 4711 left us. Bye"
    done = await whole(thinking, 1)
    message = await last(thinking)
    assert (message.text, message.status) == ("Of **course** I can. Your order 4711 left us. Bye", "delivered")
    said = await thinking.speeches()
    assert said["Of course I can. Your order 4711 left us. Bye"][0] == "spoken"
    stamps: list[Any] = [done.heard_at, done.asked_at, done.first_word_at, done.spoken_at, done.finished_at]
    assert stamps == sorted(stamps)
    assert None not in (done.platform_ms, done.responder_ms)
    await session.break_off(1000)


async def test_the_next_question_is_answered_with_what_was_said_before(thinking: Telephone, model: ModelEnd) -> None:
    session = await greeted(thinking)
    model.script(Says(["It is blue. "]), Says(["As I said. "]))
    await session.say("Which colour?")
    assert await session.words() == "It is blue."
    await session.say("Again?")
    assert await session.words() == "As I said."
    chat = [one["content"] for one in model.asked[-1].body["messages"]]
    assert chat[-3:] == ["Which colour?", "It is blue.", "Again?"]
    assert [one.number for one in await thinking.turns()][-1] == 2
    await session.break_off(1000)


async def test_a_failure_of_the_model_is_told_in_the_call(thinking: Telephone, model: ModelEnd) -> None:
    model.script(Refuses(401, "Bad key."))
    session = await greeted(thinking)
    await session.say("hello")
    assert await session.words(30)
    turn = await thinking.until(lambda: Turn.objects.filter(status="failed").first())
    assert turn.reason
    await session.break_off(1000)


# --- Interrupted ------------------------------------------------------------------------------------------------------


async def test_an_answer_that_is_spoken_over_stops_and_is_cut_to_what_was_heard(
    thinking: Telephone, model: ModelEnd
) -> None:
    gate = threading.Event()
    model.script(
        Says(["Your order left us on Monday. ", "It arrives ", "tomorrow. ", "And so on. "], gates={3: gate}),
        Says(["Fine, I stop. "]),
    )
    session = await greeted(thinking)
    await session.say("Where is my order?")
    assert await session.token() == "Your order left us on Monday. "
    assert await session.token() == "It arrives tomorrow. "
    await session.interrupt("Your order left us on", 1600)
    await session.say("Stop, stop.")
    assert await session.words() == "Fine, I stop."
    # The model was told to stop: its other end left in the middle of its answer.
    assert await asyncio.to_thread(model.left.wait, 10)
    said = await thinking.speeches()
    assert said["Your order left us on Monday. It arrives tomorrow."] == ("cut", "Your order left us on")
    cut = next(one for one in await thinking.messages() if one.text.startswith("Your order"))
    assert (cut.text, cut.status) == ("Your order left us on", "delivered")
    assert cut.reason
    # And what the model is told afterwards is what was heard.
    chat = [one["content"] for one in model.asked[-1].body["messages"]]
    assert chat[-3:] == ["Where is my order?", "Your order left us on", "Stop, stop."]
    [step] = await thinking.steps("interrupted")
    assert (step.data["heard"], step.data["after_ms"]) == ("Your order left us on", 1600)
    assert not any("And so on" in frame.get("token", "") for frame in session.frames)
    gate.set()
    await session.break_off(1000)


async def test_an_answer_that_is_whole_is_cut_as_well(phone: Telephone) -> None:
    session = await greeted(phone)
    await session.say("hello")
    answer = await session.words()
    await whole(phone, 1)
    heard = answer.split(" ")[0]
    await session.interrupt(heard, 300)
    await phone.until(lambda: Call.objects.get(sid=phone.sid).steps.filter(kind="interrupted").exists())
    message = await last(phone)
    assert message.text == heard.rstrip()
    assert (await phone.speeches())[answer] == ("cut", heard.rstrip())
    await session.break_off(1000)


@pytest.mark.parametrize("is_stored", [True, False])
async def test_an_answer_that_a_key_cut_off_says_so_and_not_that_somebody_spoke(
    thinking: Telephone, model: ModelEnd, is_stored: bool
) -> None:
    gate = threading.Event()
    model.script(Says(["It is blue. ", "And round. ", "And so on. "], gates={} if is_stored else {2: gate}))
    session = await greeted(thinking)
    await session.say("Which colour?")
    assert await session.token() == "It is blue. "
    if is_stored:
        await whole(thinking, 1)
    await session.interrupt("It is", 300)
    await session.press("7#")
    gate.set()
    reason = "The caller pressed a key before its end: they heard this much of it."
    await thinking.until(lambda: Message.objects.filter(conversation__call__sid=thinking.sid, reason=reason).exists())
    [step] = await thinking.steps("interrupted")
    assert step.words == "The caller pressed a key."
    await session.break_off(1000)


async def spoken_over(phone: Telephone) -> Session:
    """Somebody spoke over the first answer, as it stands in the call."""
    session = await greeted(phone)
    await session.say("hello")
    answer = await session.words()
    await whole(phone, 1)
    await session.interrupt(answer.split(" ")[0], 300)
    await phone.until(lambda: Call.objects.get(sid=phone.sid).steps.filter(kind="interrupted").exists())
    return session


async def test_a_key_long_after_somebody_spoke_does_not_say_that_it_was_the_key(
    phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_session, "KEY_WITHIN", 0.0)
    session = await spoken_over(phone)
    await session.press("7#")
    await phone.until(lambda: Call.objects.get(sid=phone.sid).steps.filter(kind="dtmf").exists())
    [step] = await phone.steps("interrupted")
    assert step.words == "The caller spoke over it."
    assert (await phone.messages())[2].reason == relay_acts.SPOKEN_OVER
    await session.break_off(1000)


async def test_a_key_says_so_only_of_what_it_cut_off(phone: Telephone) -> None:
    session = await spoken_over(phone)
    call_id = (await phone.steps("interrupted"))[0].call_id

    def add() -> None:
        locked = conversations.lock(Call.objects.get(id=call_id).conversation_id)
        conversations.post_message(locked, NewMessage(author_kind="system", text="One more thing to say."))

    await phone.inside(add)
    assert await session.words() == "One more thing to say."
    await session.interrupt("One more", 300)
    await session.press("7")
    await phone.until(lambda: Message.objects.filter(text="One more", reason=relay_acts.KEY_OVER).exists())
    assert [one.words for one in await phone.steps("interrupted")] == [
        "The caller spoke over it.",
        "The caller pressed a key.",
    ]
    assert (await phone.messages())[2].reason == relay_acts.SPOKEN_OVER
    await session.break_off(1000)


async def test_what_nobody_heard_is_not_said_to_have_been_said(thinking: Telephone, model: ModelEnd) -> None:
    model.script(Says(["It is blue. "]), Says(["Fine. "]))
    session = await greeted(thinking)
    await session.say("Which colour?")
    await session.words()
    await whole(thinking, 1)
    await session.interrupt("", 0)
    await session.say("Hello?")
    assert await session.words() == "Fine."
    assert (await thinking.speeches())["It is blue."] == ("unheard", "")
    message = next(one for one in await thinking.messages() if one.seq == 3)
    assert (message.text, message.status) == ("", "suppressed")
    assert [one["content"] for one in model.asked[-1].body["messages"]][-2:] == ["Which colour?", "Hello?"]
    await session.break_off(1000)


async def hung_up(phone: Telephone) -> None:
    """Twilio's word of it, which may come before the socket's end."""
    form = {"CallSid": phone.sid, "AccountSid": phone.connection.config["account_sid"]}
    answer = await phone.post(
        accounts.inbound_url(phone.connection, "status"), {**form, "CallStatus": "completed", "CallDuration": "9"}
    )
    assert answer.status_code < 300, answer.content


LONG = "We are open from Monday to Friday, from nine in the morning until six, and on Saturdays from ten to two. "


async def test_who_hangs_up_in_the_middle_of_an_answer_has_not_heard_its_end(
    thinking: Telephone, model: ModelEnd
) -> None:
    model.script(Says([LONG]))
    session = await greeted(thinking)
    await session.say("When are you open?")
    await session.words()
    await whole(thinking, 1)
    await hung_up(thinking)
    await session.break_off(1000)
    _, heard = await thinking.until(
        lambda: (
            CallSpeech.objects.filter(whole__startswith="We are", state__in=("cut", "unheard"))
            .values_list("state", "heard")
            .first()
        )
    )
    assert len(heard) < len(LONG.strip())
    message = next(one for one in await thinking.messages() if one.seq == 3)
    assert message.text == heard.strip()
    assert message.reason == (relay_acts.HUNG_UP if heard else relay_acts.NOT_HEARD)
    assert (await thinking.row()).outcome == "hung_up"
    assert not await thinking.steps("relay_lost")


@pytest.mark.parametrize("is_stored", [False, True], ids=["said alone", "stored so far"])
async def test_who_hangs_up_while_the_answer_is_being_made_has_heard_what_was_said_of_it(
    thinking: Telephone, model: ModelEnd, is_stored: bool
) -> None:
    gate = threading.Event()
    model.script(Says([LONG, "And so on. "], gates={1: gate}))
    session = await greeted(thinking)
    await session.say("When are you open?")
    await session.token()
    # The voice has begun to speak: by how long it takes, a word of it at least was heard.
    begun = time.monotonic()
    await thinking.until(lambda: time.monotonic() - begun > 1.2)
    if is_stored:
        await thinking.until(lambda: Message.objects.filter(status="streaming").exists())
    await hung_up(thinking)
    step = await thinking.until(
        lambda: (
            CallStep.objects.filter(call__sid=thinking.sid, kind="interrupted").first()
            or CallSpeech.objects.filter(whole__startswith="We are").first()
        )
    )
    gate.set()
    heard = step.data["heard"] if isinstance(step, CallStep) else step.heard
    assert heard
    assert LONG.startswith(heard)
    assert not await thinking.inside(lambda: Message.objects.filter(status="streaming").exists())
    if is_stored:
        row = await thinking.until(lambda: CallSpeech.objects.filter(state="cut").select_related("message").first())
        assert (row.message.text, row.message.reason) == (heard.strip(), relay_acts.HUNG_UP)
    await session.break_off(1000)


async def test_who_hangs_up_while_they_wait_for_a_person_was_missed(phone: Telephone) -> None:
    session = await greeted(phone)
    await phone.inside(
        lambda: Conversation.objects.filter(call__sid=phone.sid).update(
            control="waiting", handoff_reason="Asked.", waiting_since=timezone.now()
        )
    )
    await hung_up(phone)
    row = await phone.row()
    assert (row.outcome, row.reason) == ("no_answer", "They hung up while they waited for a person.")
    assert row.remedy.startswith("Call them back at +")
    await session.break_off(1000)


async def test_who_speaks_again_before_the_answer_is_answered_once(thinking: Telephone, model: ModelEnd) -> None:
    gate = threading.Event()
    model.script(Says(["Never said. "], gates={0: gate}), Says(["To both. "]))
    session = await greeted(thinking)
    await session.say("Where is my order?")
    await thinking.until(lambda: model.asked)
    await session.say("It has the number 4711.")
    assert await session.words() == "To both."
    gate.set()
    chat = [one["content"] for one in model.asked[-1].body["messages"]]
    assert chat[-2:] == ["Where is my order?", "It has the number 4711."]
    assert not any("Never" in frame.get("token", "") for frame in session.frames)
    await thinking.until(lambda: not Turn.objects.filter(status__in=("queued", "running")).exists())
    await session.break_off(1000)


async def test_an_answer_that_another_process_took_over_is_heard_once(thinking: Telephone, model: ModelEnd) -> None:
    gate = threading.Event()
    texts = ["Your order left us on Monday. ", "It arrives tomorrow. ", "Keep the parcel's number at hand."]
    model.script(Says(texts, gates={1: gate}), Says(texts))
    session = await greeted(thinking)
    await session.say("Where is my order?")
    said = await session.token()

    def claimed() -> Any:
        """As the sweeper does it where a process has not been heard of for a lease."""
        Turn.objects.update(leased_until=timezone.now())
        return turns.claim_due(Conversation.objects.get(call__sid=thinking.sid).id)

    claim = await thinking.inside(claimed)
    await turns.take_turn(claim)
    await thinking.until(lambda: Message.objects.filter(text="".join(texts), status="delivered").exists(), 30)
    while "at hand." not in said:
        said += await session.token(30)
    assert said == "".join(texts)
    gate.set()
    await session.break_off(1000)


# --- While it thinks, and into silences -------------------------------------------------------------------------------


async def test_a_caller_is_asked_to_hold_on_while_it_thinks(
    thinking: Telephone, model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_session, "HOLD_AFTER", 0.2)
    gate = threading.Event()
    model.script(Says(["There it is. "], gates={0: gate}))
    session = await greeted(thinking)
    await session.say("Where is my order?")
    assert await session.words() == "One moment, please."
    gate.set()
    assert await session.words() == "There it is."
    await thinking.until(lambda: CallStep.objects.filter(call__sid=thinking.sid, kind="hold").exists())
    # They are words of the call, and no message.
    assert "One moment" not in " ".join(one.text for one in await thinking.messages())
    await session.break_off(1000)


async def test_silences_are_asked_into_and_end_with_what_the_connection_says(transactional_db: None) -> None:
    phone = await in_thread(
        lambda: make_telephone(
            silence_seconds=1, most_silences=2, silence_words="Anybody?", then="transfer", transfer_to="+14155550199"
        )
    )
    session = await phone.call()
    await session.words()
    # Half a sentence is a sign of life.
    await session.say("Hm", last=False)
    assert await session.words(30) == "Anybody?"
    data = await session.ended(30)
    assert data["then"] == "transfer"
    assert [one.data["count"] for one in await phone.steps("silence")] == [1, 2]
    twiml = await phone.relay_done("ended", HandoffData=str(session.frames[-1]["handoffData"]))
    assert twiml.find(".//Dial") is not None
    assert (await phone.row()).state == "transferring"


async def test_a_call_that_is_deleted_is_said_goodbye_to(phone: Telephone) -> None:
    session = await phone.call()
    await session.words()
    await phone.inside(lambda: Call.objects.all().delete())
    assert "can't take your call" in await session.words(30)
    assert (await session.ended(30))["then"] == "gone"
    twiml = await phone.relay_done("ended", HandoffData=str(session.frames[-1]["handoffData"]))
    assert twiml.find("Redirect") is not None  # (it begins anew, for who holds the line)


async def test_a_connection_is_not_deleted_while_calls_go_on_over_it(phone: Telephone) -> None:
    session = await phone.call()
    await session.words()

    def delete() -> None:
        connections.delete(phone.who, connections.held(phone.connection.id))

    with pytest.raises(Problem, match="Calls go on"):
        await phone.inside(delete)
    await session.break_off(1000)
    await phone.relay_done("completed", CallStatus="completed")
    await phone.inside(delete)


async def test_an_end_that_broke_here_spends_no_fall_back(phone: Telephone) -> None:
    await phone.ring()
    twiml = await phone.twiml(accounts.inbound_url(phone.connection, "relay-done") + "?again=1")
    assert twiml.find("Gather") is not None
    assert not await phone.steps("fallback")


async def test_the_longest_call_is_ended(phone: Telephone) -> None:
    await phone.ring()
    await phone.inside(lambda: Call.objects.update(ends_by=timezone.now()))
    session = await phone.connect(await phone.ring())
    data = await session.ended()
    assert data["then"] == "too_long"
    twiml = await phone.relay_done("ended", HandoffData=str(session.frames[-1]["handoffData"]))
    assert twiml.find("Hangup") is not None
    row = await phone.row()
    assert (row.state, row.outcome) == ("ended", "too_long")
    assert row.remedy


# --- Keys -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_keys, "MENU_PAUSE", 0.2)
    monkeypatch.setattr(relay_keys, "NUMBER_PAUSE", 0.4)


async def menu(**config: Any) -> Telephone:
    keys = "1 = What are your opening hours?\n0 = transfer"
    return await in_thread(lambda: make_telephone(menu=keys, transfer_to="+14155550199", silence_seconds=20, **config))


async def test_a_key_of_the_menu_is_what_it_stands_for(transactional_db: None, quick_keys: None) -> None:
    phone = await menu()
    session = await greeted(phone)
    await session.press("1")
    assert await session.words()
    said = [one.text for one in await phone.messages() if one.author_kind == "visitor"]
    assert said == ["What are your opening hours?"]
    [step] = await phone.steps("dtmf")
    assert step.data["keys"] == "1"
    assert (await whole(phone, 1)).keys == "1"
    await session.press("0")
    assert (await session.ended())["then"] == "transfer"


async def test_a_number_ends_with_the_hash_key_or_with_a_pause(transactional_db: None, quick_keys: None) -> None:
    phone = await menu()
    session = await greeted(phone)
    await session.press("1147#")
    assert await session.words()
    await session.press("22")
    assert await session.words()
    assert [one.text for one in await phone.messages() if one.author_kind == "visitor"] == ["1147", "22"]
    await session.break_off(1000)


# --- Languages --------------------------------------------------------------------------------------------------------


async def test_the_callers_language_is_spoken_once_they_speak_another(phone: Telephone) -> None:
    session = await greeted(phone)
    await session.say("Guten Tag", lang="de-DE")
    frame = await session.frame("language")
    assert (frame["ttsLanguage"], frame["transcriptionLanguage"]) == ("de-DE", "de-DE")
    assert await session.words()
    await session.say("Noch etwas", lang="de-AT")
    assert await session.words()
    assert len([one for one in session.frames if one["type"] == "language"]) == 1
    row = await phone.row()
    assert (row.language, row.conversation.locale) == ("de-DE", "de-DE")
    assert await phone.steps("language")
    await session.break_off(1000)


async def test_a_conversation_that_is_given_another_language_is_spoken_in_it(phone: Telephone) -> None:
    session = await greeted(phone)
    await phone.inside(lambda: Conversation.objects.update(locale="fr"))
    assert (await session.frame("language"))["ttsLanguage"] == "fr"
    await session.break_off(1000)


# --- What others do meanwhile -----------------------------------------------------------------------------------------


async def test_what_a_member_writes_meanwhile_is_said(phone: Telephone) -> None:
    session = await greeted(phone)
    row = await phone.row()

    def write() -> None:
        handoff.reply(SYSTEM, None, conversations.lock(row.conversation_id), "I looked it up: **yes**.", None)

    await phone.inside(write)
    said = [await session.words(), await session.words()]
    assert "I looked it up: yes." in said
    await phone.until(lambda: not phone_unsaid(row))
    await session.break_off(1000)


def phone_unsaid(row: Call) -> bool:
    return Message.objects.filter(conversation=row.conversation_id, status="queued").exists()


async def test_what_a_program_posts_is_said_though_no_bell_rings(
    phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_session.Session, "_ring", lambda *_: None)
    session = await greeted(phone)
    row = await phone.row()
    new = NewMessage(author_kind="system", text="The line closes at six.")
    await phone.inside(lambda: conversations.post_message(conversations.lock(row.conversation_id), new))
    assert await session.words() == "The line closes at six."
    await session.break_off(1000)


async def test_a_call_that_is_to_be_put_through_ends_its_session(phone: Telephone) -> None:
    session = await greeted(phone)

    def transfer() -> None:
        handoff.request(conversations.lock(Call.objects.get().conversation_id), "A member asked for it.")

    await phone.inside(transfer)
    data = await session.ended()
    assert data["then"] == "people"


async def test_what_is_said_while_the_session_ends_is_kept(transactional_db: None) -> None:
    phone = await in_thread(lambda: make_telephone(transfer_to="+14155550199"))
    session = await greeted(phone)
    await session.say("I want to talk to a person")
    await session.words()
    await session.say("It is about order 4711" + ", please" * 60)
    assert (await session.ended())["then"] == "people"
    [step] = await phone.steps("interrupted")
    assert "“It is about order 4711, please" in step.words
    assert "…”" in step.words
    assert step.data["said"] == "It is about order 4711" + ", please" * 60


async def test_who_asks_for_a_person_hears_so_and_is_put_through(transactional_db: None) -> None:
    phone = await in_thread(lambda: make_telephone(transfer_to="+14155550199", silence_seconds=20))
    session = await greeted(phone)
    await session.say("I want to talk to a person")
    words = await session.words()
    data = await session.ended()
    assert data["then"] == "people"
    twiml = await phone.relay_done("ended", HandoffData=str(session.frames[-1]["handoffData"]))
    dial = twiml.find("Dial")
    assert dial is not None
    assert words not in "".join(twiml.itertext()), "said once"


async def test_an_assistant_that_says_goodbye_hangs_up(phone: Telephone) -> None:
    session = await greeted(phone)
    row = await phone.row()

    def finish() -> None:
        conversation = conversations.lock(row.conversation_id)
        conversations.post_message(conversation, NewMessage(author_kind="assistant", text="See you soon."))
        conversations.end(conversation, "completed", "It was done.", "")

    await phone.inside(finish)
    assert await session.words() == "See you soon."
    data = await session.ended()
    assert data["then"] == "goodbye"
    twiml = await phone.relay_done("ended", HandoffData=str(session.frames[-1]["handoffData"]))
    assert twiml.find("Hangup") is not None
    # Said once.
    assert "See you soon." not in "".join(twiml.itertext())


async def test_an_error_of_twilios_is_told_on_the_calls_page_and_the_call_goes_on(phone: Telephone) -> None:
    session = await greeted(phone)
    await session.tell("error", description="Invalid message received: token")
    await session.say("hello")
    assert await session.words()
    [step] = await phone.steps("error")
    assert "Invalid message received: token" in step.words
    assert step.remedy
    await session.break_off(1000)


async def test_a_database_that_is_away_for_a_moment_ends_no_call(
    phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels_app.voice import relay_acts

    session = await greeted(phone)
    take, broken = relay_acts.take, [True]

    def breaks(*values: Any) -> Any:
        if broken:
            broken.pop()
            raise RuntimeError("away")
        return take(*values)

    monkeypatch.setattr(relay_acts, "take", breaks)
    await session.say("hello")
    assert await session.words() == "Sorry, please say that again."
    await session.say("hello")
    assert await session.words()
    assert [one.text for one in await phone.messages() if one.author_kind == "visitor"] == ["hello"]
    await session.break_off(1000)
