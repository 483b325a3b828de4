"""*Call me*: a test call to a number that a member gives, bounded, and told of wherever it ends."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from dataclasses import replace
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from channels_app.models import Call, Connection
from channels_app.pages import call_me as call_me_page
from channels_app.providers.twilio import sdk
from convoship.asgi import application
from convoship.lib.threads import in_thread
from deployments.models import Identity
from tests import factories
from tests.channels import twilio_end
from tests.channels.callers import Line, told
from tests.channels.far_end import Said
from tests.channels.twilio_end import NUMBER, problem

pytestmark = pytest.mark.asyncio

MINE = "+14155550199"


async def call_me(line: Line, to: str = MINE, scopes: tuple[str, ...] = ("connections:write",)) -> Any:
    key = await in_thread(lambda: factories.make_api_key(line.workspace, scopes))
    return await AsyncClient().post(
        f"/v1/connections/{line.connection.id}/call-me",
        {"to": to},
        content_type="application/json",
        headers={"authorization": f"Bearer {key.token}"},
    )


async def test_twilio_is_asked_to_ring_the_number_and_what_it_then_asks_is_answered(line: Line) -> None:
    answer = await call_me(line)
    assert answer.status_code == 201, answer.content
    ((sid, asked),) = line.twilio.told
    assert (asked["To"], asked["From"]) == (MINE, NUMBER)
    assert asked["Url"] == line.url()
    assert asked["FallbackUrl"] == line.url("fallback")
    assert asked["StatusCallback"] == line.url("status")
    assert asked["TimeLimit"] == "1800"
    line.sid = sid
    call = await line.call()
    assert answer.json() == {"id": str(call.id), "conversation_id": str(call.conversation_id), "state": "ringing"}
    assert (call.direction, call.called, call.conversation.is_test) == ("outbound", MINE, True)
    more = {"Direction": "outbound-api", "From": NUMBER, "To": MINE}
    greeted = await line.ask(line.url(), **more)
    assert greeted.words
    await line.report("completed", CallDuration="10", **more)
    assert (await line.call()).outcome == "hung_up"
    # Nobody's number is taken for a caller's.
    assert await line.inside(lambda: Identity.objects.filter(kind="phone").count()) == 0


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_a_call_that_was_not_answered_says_so(line: Line, status: str) -> None:
    await call_me(line)
    line.sid = line.twilio.told[0][0]
    await line.report(status, Direction="outbound-api", From=NUMBER, To=MINE)
    call = await line.call()
    assert (call.state, call.outcome) == ("ended", status.replace("-", "_"))
    assert call.reason


async def test_twilio_may_be_faster_than_the_answer_to_our_asking(line: Line) -> None:
    line.sid = "CA" + "b" * 32
    more = {"Direction": "outbound-api", "From": NUMBER, "To": MINE}
    await line.report("initiated", **more)
    assert told(await line.form(line.facts(**more), line.url())).has("Gather")
    assert await line.inside(Call.objects.count) == 1


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("12345", "Write the number with +"),
        ("+49 30 901820", "is a number of DE"),
        ("+19005550123", "premium-rate"),
        (NUMBER, "own number"),
    ],
)
async def test_numbers_that_may_not_be_called_are_refused_where_they_are_typed(line: Line, to: str, says: str) -> None:
    answer = await call_me(line, to)
    assert answer.status_code == 422
    assert says in str(answer.json()["errors"]["to"])
    assert line.twilio.told == []


async def test_one_number_is_called_so_often_in_an_hour_and_no_more(line: Line) -> None:
    for _ in range(3):
        assert (await call_me(line)).status_code == 201
    answer = await call_me(line)
    assert answer.status_code == 422
    assert "the limit" in str(answer.json())
    assert len(line.twilio.told) == 3


async def test_test_calls_count_among_the_days_minutes(line: Line) -> None:
    await line.allow(daily_minutes=1)
    assert (await call_me(line)).status_code == 201
    answer = await call_me(line, "+14155550188")
    assert answer.status_code == 422
    assert "used up" in str(answer.json())


async def test_what_twilio_refuses_is_said_with_what_to_do(line: Line) -> None:
    line.twilio.call_wrongs.append(problem(21215, 400))
    answer = await call_me(line)
    assert answer.status_code == 409
    assert "Geo permissions" in answer.json()["hint"]
    assert await line.inside(Call.objects.count) == 0


async def test_a_call_that_twilio_has_no_time_for_is_told_as_one_to_try_again_oneself(line: Line) -> None:
    line.twilio.call_wrongs.append(problem(20429, 429))
    answer = await call_me(line)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("The call was not made. ")
    assert answer.json()["hint"] == "Try again in a moment."


@pytest.mark.parametrize("wrong", [problem(20500, 500), Said(cut=True), Said(after=threading.Event())])
async def test_a_call_that_twilio_may_have_made_is_told_as_one_to_look_for_first(
    line: Line, wrong: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "SECONDS", 0.5)
    line.twilio.call_wrongs.append(wrong)
    answer = await call_me(line)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("It is not known whether the call was made. ")
    assert "Look in Calls before you try again" in answer.json()["hint"]
    assert "tried again" not in str(answer.json())
    if wrong.after:
        wrong.after.set()


async def test_a_call_is_made_and_kept_though_who_asked_for_it_has_left_meanwhile(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    made, sid = threading.Event(), "CA" + "c" * 32
    facts = {"sid": sid, "status": "queued", "duration": None}
    line.twilio.call_wrongs.append(replace(twilio_end.answer(facts, 201), after=made))
    key = await in_thread(lambda: factories.make_api_key(line.workspace, ("connections:write",)))
    body, before = json.dumps({"to": MINE}).encode(), len(line.twilio.seen)
    caller = ApplicationCommunicator(
        application,
        {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": f"/v1/connections/{line.connection.id}/call-me",
            "query_string": b"",
            "headers": [
                (b"host", b"127.0.0.1"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"authorization", f"Bearer {key.token}".encode()),
            ],
        },
    )
    await caller.send_input({"type": "http.request", "body": body})
    await in_thread(line.twilio.wait, before + 1)
    await caller.send_input({"type": "http.disconnect"})
    await caller.receive_nothing(0.2)
    made.set()
    await caller.wait(10)
    line.sid = sid
    async with asyncio.timeout(10):
        while not await line.inside(lambda: Call.objects.filter(sid=sid).exists()):  # noqa: ASYNC110 (the database rings no bell)
            await asyncio.sleep(0.05)
    assert (await line.call()).conversation.is_test
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_a_number_that_twilio_does_not_know_is_told_of_in_words_of_calls(line: Line) -> None:
    line.twilio.call_wrongs.append(problem(21211, 400))
    answer = await call_me(line)
    assert answer.status_code == 409
    assert "this is no number that can be called" in answer.json()["detail"]
    assert answer.json()["hint"] == "Check the number, then call again."


async def test_a_paused_connection_calls_nobody(line: Line) -> None:
    await line.inside(lambda: Connection.objects.update(state="paused"))
    assert (await call_me(line)).status_code == 409
    assert line.twilio.told == []


async def test_a_connection_that_speaks_no_calls_has_no_such_address(phone: Any) -> None:
    assert (await call_me(phone)).status_code == 404


async def test_the_button_calls_and_says_what_is_wrong(line: Line) -> None:
    def press(to: str, **headers: str) -> Any:
        client = Client()
        client.force_login(factories.owner_of(line.workspace))
        path = reverse("connection_call_me", args=[line.connection.id])
        return client.post(path, {"to": to}, headers=headers), client.get(path.removesuffix("call-me"))

    answer, page = await in_thread(press, "12")
    assert answer.status_code == 422
    assert b"Write the number with +" in answer.content
    assert b"Call me at" in page.content
    answer, _ = await in_thread(lambda: press(MINE, **{"HX-Request": "true"}))
    assert b"Your phone rings" in answer.content
    assert len(line.twilio.told) == 1


def _browser(line: Line) -> Client:
    client = Client()
    client.force_login(factories.owner_of(line.workspace))
    return client


async def looked_at_again(line: Line, seen: str = "ringing") -> Any:
    """What the page's own look at the newest call finds."""
    call = await line.call()
    path = reverse("connection_called", args=[line.connection.id, call.conversation_id])
    return await in_thread(lambda: _browser(line).get(f"{path}?seen={seen}", headers={"HX-Request": "true"}))


async def test_the_button_looks_again_until_the_call_is_answered_or_over(line: Line) -> None:
    path = reverse("connection_call_me", args=[line.connection.id])
    pressed = await in_thread(lambda: _browser(line).post(path, {"to": MINE}, headers={"HX-Request": "true"}))
    line.sid = line.twilio.told[0][0]
    call = await line.call()
    looks = reverse("connection_called", args=[line.connection.id, call.conversation_id])
    assert f'hx-get="{looks}?seen=ringing"' in pressed.content.decode()
    # Nothing new is nothing to put in place, and nothing to read out.
    assert (await looked_at_again(line)).status_code == 204
    await line.report("no-answer", Direction="outbound-api", From=NUMBER, To=MINE)
    over = (await looked_at_again(line)).content.decode()
    assert "Not reached" in over
    assert "Nobody answered" in over
    assert "hx-get" not in over


async def test_the_button_says_that_the_call_was_answered(line: Line) -> None:
    await call_me(line)
    line.sid = line.twilio.told[0][0]
    await line.ask(line.url(), Direction="outbound-api", From=NUMBER, To=MINE)
    found = (await looked_at_again(line)).content.decode()
    assert "The call was answered, and goes on." in found
    assert "hx-get" not in found


async def test_a_call_that_nothing_is_heard_of_is_looked_at_for_some_minutes_only(line: Line) -> None:
    await call_me(line)
    line.sid = line.twilio.told[0][0]
    await line.inside(lambda: Call.objects.update(began_at=timezone.now() - call_me_page.LOOKS_FOR))
    found = (await looked_at_again(line)).content.decode()
    assert "has not said yet" in found
    assert "hx-get" not in found


@pytest.mark.parametrize("gone", [Call, Connection])
async def test_a_call_that_was_deleted_is_looked_at_no_more_and_the_page_says_so(
    line: Line, gone: type[Call] | type[Connection]
) -> None:
    await call_me(line)
    call = await line.inside(Call.objects.get)
    await line.inside(lambda: gone.objects.all().delete())
    path = reverse("connection_called", args=[line.connection.id, call.conversation_id])
    found = await in_thread(lambda: _browser(line).get(f"{path}?seen=ringing", headers={"HX-Request": "true"}))
    assert found.status_code == 286
    assert "This call is not here any more" in found.content.decode()
    assert "hx-get" not in found.content.decode()
    assert (await in_thread(lambda: _browser(line).get(path))).status_code == 404


async def test_without_scripts_a_page_says_what_became_of_the_call_and_can_be_looked_at_again(line: Line) -> None:
    path = reverse("connection_call_me", args=[line.connection.id])
    page = await in_thread(lambda: _browser(line).post(path, {"to": MINE}, follow=True))
    call = await line.inside(Call.objects.get)
    again = reverse("connection_called", args=[line.connection.id, call.conversation_id])
    assert f'<a href="{again}">Look again</a>' in page.content.decode()
    assert "Call me at" in page.content.decode()
