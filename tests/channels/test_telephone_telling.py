"""What went over a rehearsed telephone's wire, in words."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Connection, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal import rehearsing
from channels_app.rehearsal.telephone import telling, wire
from convoship.lib.tenancy import tenant
from tests.channels.rehearsals import Rehearsed, rehearse

HERE = "https://a.example/v1/public/channels/twilio_voice/0d2d5a0e-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"{HERE}/wait?turn=3", "asked whether the answer is there (wait)"),
        (f"{HERE}/turn?turn=3", "asked what follows, as nothing was said (turn)"),
        (f"{HERE}/talk", "asked what follows (talk)"),
        (HERE, "asked what follows"),
    ],
)
def test_what_a_document_goes_on_to_is_told_by_the_part_of_its_address(url: str, words: str) -> None:
    assert telling.asked_at(url) == words


def test_where_the_api_has_sent_a_call_is_told() -> None:
    assert telling.sent_by_the_api(f"{HERE}/queue") == "asked where Convoship had sent the call by the API (queue)"
    assert telling.sent_by_the_api("") == "asked where Convoship had sent the call by the API"


def test_long_words_are_cut_where_a_word_ends_and_show_it() -> None:
    assert telling.cut("One two three", 13) == "One two three"
    assert telling.cut("One two three four", 13) == "One two…"
    assert telling.cut("One two, three", 9) == "One two…"
    assert telling.cut("x" * 20, 10) == "x" * 9 + "…"


def told(**frame: Any) -> str:
    return wire.told_by(json.dumps(frame))


def test_a_frame_is_one_sentence_with_one_end() -> None:
    assert told(type="text", token="Wait, please.", last=True) == "Speak “Wait, please.”"
    assert told(type="text", token="Delivery", last=True) == "Speak “Delivery”."
    assert told(type="text", token="word " * 60, last=True).endswith(" word…”")
    assert told(type="text", token="", last=True) == "What was to be spoken is whole."
    assert told(type="prompt", voicePrompt="Wait,", last=False) == "They said so far: “Wait,”."
    assert told(type="interrupt", utteranceUntilInterrupt="Hi there! I") == "They interrupted after “Hi there! I”."
    assert told(type="interrupt", utteranceUntilInterrupt=" ") == "They interrupted before a word was spoken."


@pytest.fixture
def it(db: None) -> Rehearsed:
    return rehearse("twilio_voice")


def noted(it: Rehearsed, **values: Any) -> None:
    with tenant(it.workspace.id):
        rehearsing.note(Connection.objects.get(id=it.connection.id), address="+14155550123", **values)


def shown(it: Rehearsed) -> str:
    return " ".join(it.client.get(f"/app/channels/{it.connection.id}/rehearsal/live").content.decode().split())


def test_what_is_asked_many_times_in_a_row_stands_there_once(it: Rehearsed) -> None:
    for _ in range(15):
        noted(it, kind=LineKind.ASKS, note="asked whether the answer is there (wait)", answer_status=200)
    noted(it, kind=LineKind.ASKS, note="asked what follows", answer_status=200)
    noted(it, kind=LineKind.ASKS, note="asked whether the answer is there (wait)", answer_status=200)
    page = shown(it)
    assert page.count("asked whether the answer is there (wait)") == 2
    assert page.count("15 times") == 1


def test_what_was_sent_is_told_in_its_words(it: Rehearsed) -> None:
    noted(it, kind=LineKind.CAUGHT, text="Calls them. It rings on the telephone.")
    assert "Calls them. It rings on the telephone." in shown(it)


def test_what_a_ringing_call_may_still_be_told_of_stands_there_once_it_was_told(it: Rehearsed) -> None:
    later = timezone.now() + timedelta(seconds=30)
    noted(it, kind=LineKind.REPORT, status="no-answer", due_at=later)
    noted(it, kind=LineKind.REPORT, status="ringing", note="Twilio told of the call: ringing")
    assert "no-answer" not in shown(it)
    with tenant(it.workspace.id):
        RehearsalLine.objects.filter(status="no-answer").update(due_at=timezone.now())
        line = rehearsing.take_due(it.connection.id)
        assert line is not None
        rehearsing.finish(line, status=200, answer="", words="")
    page = shown(it)
    assert page.index("no-answer") < page.index("told of the call: ringing")
