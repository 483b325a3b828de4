"""Recording a call: its caller is asked first, and without a yes nothing is recorded."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import CallRecording, CallStep
from channels_app.voice import consenting
from tests.channels.callers import Line, Told
from tests.channels.told_calls import MP3, sid
from tests.channels.twilio_end import problem

RE = sid("RE")


async def asked(line: Line, **config: Any) -> Told:
    """A call to a line that records with consent: what the caller is asked."""
    await line.allow(record="with_consent", **config)
    return await line.ring()


async def consents(line: Line) -> list[tuple[str, dict[str, Any]]]:
    """What is kept of asking: the words on the page, and the evidence."""

    def read() -> list[tuple[str, dict[str, Any]]]:
        rows = CallStep.objects.filter(kind="recording", data__has_key="consent")
        return list(rows.values_list("words", "data"))

    return await line.inside(read)


async def begin(line: Line, answer: Told) -> Told:
    """What follows an answer to the question: the call itself."""
    return await line.follow(answer)


@pytest.mark.asyncio
async def test_a_caller_is_asked_before_anything_else_and_the_call_begins_afterwards(line: Line) -> None:
    question = await asked(line, consent_words="May we record? Press 1 & agree.")
    assert question.words == "May we record? Press 1 & agree."
    assert question.verb("Gather").attrib["numDigits"] == "1"
    assert not line.twilio.recorded
    greeting = await begin(line, await line.press(question, "1"))
    assert greeting.listens_at.endswith("turn=1")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "said", [{"Digits": "1"}, {"SpeechResult": "Yes, that's fine."}, {"SpeechResult": "Ja, gerne"}]
)
async def test_who_agrees_is_recorded_and_that_is_kept_with_what_they_said(line: Line, said: dict[str, str]) -> None:
    question = await asked(line)
    answer = await line.ask(question.listens_at, **said)
    await begin(line, answer)
    [(call, form)] = line.twilio.recorded
    assert (call, form["RecordingChannels"]) == (line.sid, "dual")
    assert form["RecordingStatusCallback"] == line.url("recording")
    [(words, evidence)] = await consents(line)
    assert words.startswith("They agreed to be recorded")
    assert evidence["consent"] == "given"
    assert evidence["asked"] == question.words
    assert evidence["keys"] or evidence["said"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "said",
    [{"Digits": "2"}, {"SpeechResult": "No."}, {"SpeechResult": "Yes, no, please don't"}, {"SpeechResult": "nein"}],
)
async def test_who_declines_is_not_recorded_and_the_call_goes_on(line: Line, said: dict[str, str]) -> None:
    question = await asked(line)
    greeting = await begin(line, await line.ask(question.listens_at, **said))
    assert greeting.has("Gather")
    assert not line.twilio.recorded
    [(words, evidence)] = await consents(line)
    assert words.startswith("They declined to be recorded")
    assert evidence["consent"] == "declined"


@pytest.mark.asyncio
async def test_silence_is_no_consent_after_asking_twice(line: Line) -> None:
    question = await asked(line)
    again = await line.silence(question)
    assert again.words == question.words
    await begin(line, await line.silence(again))
    assert not line.twilio.recorded
    assert [evidence["consent"] for _, evidence in await consents(line)] == ["none"]


@pytest.mark.asyncio
async def test_the_same_answer_again_records_nothing_twice(line: Line) -> None:
    question = await asked(line)
    for _ in range(3):
        await line.press(question, "1")
    assert len(line.twilio.recorded) == 1
    assert len(await consents(line)) == 1


@pytest.mark.asyncio
async def test_where_twilio_does_not_record_the_call_goes_on_and_says_so(line: Line) -> None:
    question = await asked(line)
    line.twilio.recording_wrongs.append(problem(21220, 400))
    greeting = await begin(line, await line.press(question, "1"))
    assert greeting.has("Gather")
    errors = await line.inside(lambda: list(CallStep.objects.filter(kind="error").values_list("words", flat=True)))
    assert errors
    assert errors[0].startswith("The call is not recorded, though they agreed:")


@pytest.mark.asyncio
async def test_a_recording_is_fetched_once_it_is_complete_and_not_while_the_call_goes_on(line: Line) -> None:
    await begin(line, await line.press(await asked(line), "1"))
    row = await line.inside(CallRecording.objects.get)
    assert (row.kind, row.state, row.due_at > timezone.now()) == ("recording", "made", True)
    line.twilio.recordings[row.sid] = MP3
    await line.hang_up()
    await line.ask(line.url("recording"), RecordingSid=row.sid, RecordingStatus="completed", RecordingDuration="31")
    await line.drain()
    kept = await line.inside(lambda: CallRecording.objects.select_related("file").get())
    assert (kept.state, kept.seconds) == ("kept", 31)
    assert kept.file is not None
    assert kept.file.message_id is not None, "it would be swept as a file of no message"


@pytest.mark.asyncio
async def test_nobody_is_asked_where_nothing_is_recorded(line: Line) -> None:
    assert (await line.ring()).listens_at.endswith("turn=1")


@pytest.mark.parametrize(
    ("form", "agreed"),
    [
        ({"Digits": "1"}, True),
        ({"Digits": "2"}, False),
        ({"Digits": "9"}, None),
        ({}, None),
        ({"SpeechResult": "I agree"}, True),
        ({"SpeechResult": "I don’t agree"}, False),
        ({"SpeechResult": "what was that"}, None),
        ({"SpeechResult": "<Say>yes</Say>"}, True),
    ],
)
def test_a_no_anywhere_counts_and_what_is_neither_is_asked_again(form: dict[str, str], agreed: bool | None) -> None:
    assert consenting.read(form) is agreed
