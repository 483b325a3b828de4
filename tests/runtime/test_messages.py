"""Sending, reading, handing over and ending, over HTTP."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments.models import Message
from tests.runtime.conftest import Site

pytestmark = pytest.mark.asyncio


async def stored(site: Site, session: Any) -> list[tuple[int, str, str]]:
    def look() -> list[tuple[int, str, str]]:
        with tenant(site.workspace_id):
            rows = Message.objects.filter(conversation_id=session["session"]["conversation_id"]).order_by("seq")
            return [(row.seq, row.author_kind, row.text) for row in rows]

    return await in_thread(look)


async def test_a_message_is_answered_in_the_same_call(site: Site) -> None:
    session = (await site.start()).data
    answer = await site.say(session, "hello")
    assert answer.status_code == 201
    body = answer.data
    assert body["message"]["text"] == "hello"
    assert body["message"]["author"] == {"kind": "visitor"}
    assert body["message"]["status"] == "received"
    assert body["pending"] is False
    assert [reply["author"]["kind"] for reply in body["replies"]] == ["assistant"]
    assert body["head_seq"] == body["replies"][-1]["seq"]
    assert body["rev"] == body["replies"][-1]["rev"]
    rows = await stored(site, session)
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))


async def test_a_tapped_button_sends_its_payload(site: Site) -> None:
    session = (await site.start()).data
    buttons = next(block for block in session["messages"][0]["blocks"] if block["type"] == "buttons")["buttons"]
    tapped = next(button for button in buttons if "payload" in button)
    answer = await site.say(session, tapped["label"], payload=tapped["payload"])
    assert answer.status_code == 201
    assert answer.data["replies"]


async def test_the_same_client_id_posts_once_however_often_and_however_parallel(site: Site) -> None:
    session = (await site.start()).data
    client_id = str(uuid.uuid4())
    answers = await asyncio.gather(*(site.say(session, "hello", client_id=client_id) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.data["message"]["id"] for answer in answers}) == 1
    visitors = [row for row in await stored(site, session) if row[1] == "visitor"]
    assert len(visitors) == 1


async def test_the_same_client_id_with_another_text_is_a_conflict(site: Site) -> None:
    session = (await site.start()).data
    await site.say(session, "hello", client_id="one")
    other = await site.say(session, "bye", client_id="one")
    assert (other.status_code, other.data["code"]) == (409, "idempotency_conflict")


async def test_a_refused_message_leaves_its_client_id_free(site: Site) -> None:
    session = (await site.start()).data
    assert (await site.say(session, "", client_id="one")).status_code == 422
    assert (await site.say(session, "hello", client_id="one")).status_code == 201


async def test_messages_are_read_by_seq_and_changes_by_rev(site: Site) -> None:
    session = (await site.start()).data
    for text in ("hello", "opening hours", "hello"):
        await site.say(session, text)
    path = f"/sessions/{session['session']['id']}/messages"
    everything = (await site.call("GET", path, session["session_token"])).data
    assert [message["seq"] for message in everything["messages"]] == list(range(1, everything["head_seq"] + 1))
    first = (await site.call("GET", f"{path}?rev=0&limit=2", session["session_token"])).data
    assert (len(first["messages"]), first["has_more"], first["rev"]) == (2, True, first["messages"][-1]["rev"])
    seen = [message["rev"] for message in first["messages"]]
    page = first
    while page["has_more"]:
        page = (await site.call("GET", f"{path}?rev={page['rev']}&limit=2", session["session_token"])).data
        seen += [message["rev"] for message in page["messages"]]
    assert seen == sorted(seen)
    assert page["rev"] == everything["rev"]
    later = (await site.call("GET", f"{path}?after={everything['head_seq'] - 1}", session["session_token"])).data
    assert [message["seq"] for message in later["messages"]] == [everything["head_seq"]]


async def test_asking_for_a_person_waits_and_stops_the_assistant(site: Site) -> None:
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/handoff"
    asked = await site.call("POST", path, session["session_token"], {"reason": "I want to complain"})
    assert (asked.status_code, asked.data["session"]["control"]) == (202, "waiting")
    again = await site.call("POST", path, session["session_token"], {})
    assert again.data["session"]["head_seq"] == asked.data["session"]["head_seq"]
    said = await site.say(session, "hello")
    assert (said.status_code, said.data["replies"], said.data["pending"]) == (201, [], False)


@pytest.mark.parametrize(
    ("body", "field"), [([], None), ("now", None), ({"reason": 7}, "reason"), ({"why": "x"}, "why"), (["reason"], None)]
)
async def test_asking_for_a_person_takes_a_reason_and_nothing_else(site: Site, body: Any, field: str | None) -> None:
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/handoff"
    refused = await site.call("POST", path, session["session_token"], body)
    assert (refused.status_code, refused.data["code"]) == (422, "invalid")
    assert field is None or field in refused.data["errors"]
    assert (await site.call("POST", path, session["session_token"])).data["session"]["control"] == "waiting"


async def test_an_ended_conversation_takes_no_more_messages(site: Site) -> None:
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/end"
    ended = await site.call("POST", path, session["session_token"])
    assert (ended.status_code, ended.data["session"]["status"]) == (200, "completed")
    assert (await site.call("POST", path, session["session_token"])).data == ended.data
    refused = await site.say(session, "hello")
    assert (refused.status_code, refused.data["code"]) == (409, "conversation_ended")


async def test_a_token_opens_its_own_session_and_no_other(site: Site) -> None:
    mine, yours = (await site.start()).data, (await site.start()).data
    answer = await site.call("GET", f"/sessions/{yours['session']['id']}", mine["session_token"])
    nothing = await site.call("GET", f"/sessions/{uuid.uuid4()}", mine["session_token"])
    assert answer.status_code == nothing.status_code == 404
    assert answer.content == nothing.content


async def test_a_visitor_who_sends_too_quickly_is_told_when_to_go_on(site: Site, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"visitor_messages": "3/10"}
    session = (await site.start()).data
    answers = await asyncio.gather(*(site.say(session, "hello") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 5
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.data["code"] == "rate_limited"
    assert 1 <= int(refused["Retry-After"]) <= 11
    assert refused["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"{", 422, "invalid"),
        (b"\xff\xfe", 422, "invalid"),
        (b'{"client_id": "a", "text": "\\u0000"}', 422, "invalid"),
        (b'{"client_id": "a", "text": "\\ud800"}', 422, "invalid"),
        (b'{"client_id": "a\\u0000", "text": "x"}', 422, "invalid"),
        (b'{"client_id": "a", "text": "x", "payload": "\\ud800"}', 422, "invalid"),
        (b'{"client_id": "a", "text": NaN}', 422, "invalid"),
        (b'{"client_id": "a", "text": 5}', 422, "invalid"),
        (b'{"client_id": "a", "text": {"$gt": ""}}', 422, "invalid"),
        (b'{"client_id": 5, "text": "x"}', 422, "invalid"),
        (b'{"text": "x"}', 422, "invalid"),
        (b'{"client_id": "a"}', 422, "invalid"),
        (b'{"client_id": "a", "text": "   "}', 422, "invalid"),
        (b'{"client_id": "' + b"a" * 65 + b'", "text": "x"}', 422, "invalid"),
        (b'{"client_id": "a", "text": "' + b"x" * 8001 + b'"}', 413, "payload_too_large"),
        (b'{"client_id": "a", "text": "' + b"x" * 1_000_000 + b'"}', 413, "payload_too_large"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 422, "invalid"),
        (b"[" * 10_000, 422, "invalid"),
    ],
)
async def test_bad_input_gets_a_clear_answer_and_never_a_500(site: Site, raw: bytes, status: int, code: str) -> None:
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/messages"
    answer = await site.call("POST", path, session["session_token"], raw)
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert answer.data["detail"]


async def test_a_body_that_is_not_json_is_an_unsupported_media_type(site: Site) -> None:
    session = (await site.start()).data
    response = await site.client.post(
        f"/v1/public/runtime/sessions/{session['session']['id']}/messages",
        b"text=hello",
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Bearer {session['session_token']}", "Origin": "https://shop.example"},
    )
    assert (response.status_code, response["Content-Type"]) == (415, "application/problem+json")


async def test_a_method_that_is_not_there_and_a_route_that_is_not_there_are_problems(site: Site) -> None:
    answer = await site.call("DELETE", "/sessions", site.token)
    assert (answer.status_code, answer.data["code"]) == (405, "method_not_allowed")
    answer = await site.call("GET", "/sessions/not-a-uuid", site.token)
    assert (answer.status_code, answer.data["code"]) == (404, "not_found")


async def test_what_comes_with_a_later_issue_is_absent(site: Site) -> None:
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/feedback"
    assert (await site.call("POST", path, session["session_token"], {})).status_code == 404


async def test_a_preflight_needs_no_token_and_echoes_any_origin(site: Site) -> None:
    response = await site.client.options(
        "/v1/public/runtime/sessions",
        headers={
            "Origin": "https://anywhere.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,prefer,last-event-id",
        },
    )
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == "https://anywhere.example"
    allowed = response["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in ("authorization", "content-type", "prefer", "last-event-id"))
