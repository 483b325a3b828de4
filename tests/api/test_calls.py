"""Calls by the API: those of a connection, how fast it answers, and the call that a conversation is."""

from __future__ import annotations

import pytest

from channels_app.models import Connection
from convoship.lib.tenancy import tenant
from deployments import erasing
from deployments.models import Conversation
from tests import factories
from tests.api.conftest import Program
from tests.channels import told_calls
from tests.channels.twilio_end import PERSON


@pytest.fixture
def line(api: Program) -> Connection:
    return told_calls.make_line(api.workspace)


def test_a_conversation_tells_the_call_that_it_is(api: Program, line: Connection) -> None:
    made = told_calls.make_story(line)
    call = api.get(f"/conversations/{made.conversation.id}").data["call"]
    assert (call["caller"], call["state"], call["outcome"], call["mode"]) == (PERSON, "active", None, "gather")
    first, second = call["turns"]
    assert (first["responder_ms"], first["platform_ms"], first["confidence"]) == (620, 40, 0.91)
    assert second["keys"] == "3"
    assert [speech["state"] for speech in call["speeches"]] == ["spoken", "cut", "unheard"]
    assert call["speeches"][1]["heard"] == "We are open from nine to five."
    assert [step["kind"] for step in call["steps"]][:3] == ["ringing", "answered", "recording"]
    [recording] = call["recordings"]
    assert (recording["kind"], recording["state"], recording["seconds"]) == ("recording", "kept", 12)
    assert "/files/" in recording["url"]


def test_a_conversation_that_is_no_call_has_none(api: Program) -> None:
    session = factories.start_session(factories.make_deployment(api.workspace)).session
    assert api.get(f"/conversations/{session.conversation_id}").data["call"] is None


def test_a_connections_calls_come_page_by_page_the_newest_first(api: Program, line: Connection) -> None:
    made = [told_calls.make_call(line, number=number) for number in range(1, 6)]
    found: list[str] = []
    path = f"/connections/{line.id}/calls?limit=2"
    while path:
        answer = api.get(path).data
        found += [call["id"] for call in answer["results"]]
        path = (answer["next"] or "").partition("/v1")[2]
    assert sorted(found) == sorted(str(one.call.id) for one in made)
    assert "turns" in api.get(f"/connections/{line.id}/calls").data["results"][0]


def test_calls_are_narrowed_by_state_outcome_and_number(api: Program, line: Connection) -> None:
    going, done = told_calls.make_call(line, "+4930901820"), told_calls.make_call(line)
    done.end("completed")

    def ids(query: str) -> list[str]:
        return [call["id"] for call in api.get(f"/connections/{line.id}/calls?{query}").data["results"]]

    assert ids("state=active") == [str(going.call.id)]
    assert ids("outcome=completed") == [str(done.call.id)]
    assert ids("number=%2B4930") == [str(going.call.id)]


@pytest.mark.parametrize("query", ["state=gone", "outcome=nice", "number=%00", "surprise=1", "cursor=x", "limit=0"])
def test_a_misspelt_filter_is_refused(api: Program, line: Connection, query: str) -> None:
    assert api.get(f"/connections/{line.id}/calls?{query}").status_code == 422


def test_latency_is_counted_by_connection_and_span(api: Program, line: Connection) -> None:
    made = told_calls.make_call(line)
    for number in range(1, 101):
        made.turn(number, responder_ms=number * 10, platform_ms=number)
    made.end("completed")
    told_calls.make_call(line)
    other = told_calls.make_call(told_calls.make_line(factories.make_workspace()))
    other.turn(1, responder_ms=99_999, platform_ms=99_999)
    day, week = api.get(f"/connections/{line.id}/latency").data["spans"]
    assert (day["span"], week["span"], day["turns"]) == ("24h", "7d", 100)
    assert day["platform_ms"] == {"p50": 50, "p95": 95}
    assert day["responder_ms"] == {"p50": 505, "p95": 950}
    assert (day["calls"], day["going_on"], day["outcomes"]["completed"]) == (2, 1, 1)


def test_where_nothing_was_measured_latency_is_null(api: Program, line: Connection) -> None:
    day, _ = api.get(f"/connections/{line.id}/latency").data["spans"]
    assert (day["turns"], day["platform_ms"], day["calls"]) == (0, {"p50": None, "p95": None}, 0)


def test_calls_of_another_workspace_are_not_there(api: Program, stranger: Program, line: Connection) -> None:
    told_calls.make_call(line)
    for path in ("calls", "latency"):
        missing = stranger.get(f"/connections/{'11111111-1111-4111-8111-111111111111'}/{path}")
        there = stranger.get(f"/connections/{line.id}/{path}")
        assert (there.status_code, there.content) == (404, missing.content)


def test_a_key_without_the_scope_reads_no_calls(api: Program, line: Connection) -> None:
    from tests.api.conftest import program

    weak = program(("people:read",), api.workspace)
    assert weak.get(f"/connections/{line.id}/calls").status_code == 403
    assert weak.get(f"/connections/{line.id}/latency").status_code == 403


def test_an_erased_person_is_in_no_call_any_more(api: Program, line: Connection) -> None:
    made = told_calls.make_story(line)
    made.recording("voicemail", "failed", number=2, transcript="Please call me back at home.")
    made.end("hung_up", f"{PERSON} hung up.")
    with tenant(line.workspace_id):
        erasing.begin(factories.actor(api.workspace), Conversation.objects.get(id=made.conversation.id).person)
    answers = [api.get(f"/conversations/{made.conversation.id}"), api.get(f"/connections/{line.id}/calls")]
    for answer in answers:
        said = answer.content.decode()
        assert PERSON not in said
        assert "call me back" not in said
        assert "opening hours" not in said
    assert {row["state"] for row in answers[0].data["call"]["recordings"]} == {"deleted"}
