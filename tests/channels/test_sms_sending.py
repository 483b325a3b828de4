"""What Twilio refuses, loses and slows: each ends in a state that says why, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import claims, pacing, releasing, settling
from channels_app.drain import Drain
from channels_app.models import Connection, Delivery
from channels_app.providers.base import ProviderError
from channels_app.providers.twilio import codes, sdk, texts
from convoship.lib.outbound.sending import Answered
from tests import factories
from tests.channels.far_end import Said
from tests.channels.phones import ROOMY, Phone, make_phone
from tests.channels.twilio_end import PERSON, TwilioEnd, problem

OF_CLASS = {
    "stop": [20003, 21212, 21606, 21659, 21660, 21703, 21609, 30002, 30034],
    "address": [21211, 21614, 21610, 30003, 30004, 30005, 30006],
    "message": [20404, 21408, 21608, 21612, 21617, 21619, 21620, 21654, 21655, 21656, 30007, 30023],
    "retry": [20429, 21611, 30001, 30008, 30022],
}
CASES = [pytest.param(code, kind, id=str(code)) for kind, some in OF_CLASS.items() for code in some]


def answered(said: Said) -> Answered:
    return Answered(said.status, {name.lower(): value for name, value in said.headers.items()}, said.body)


@pytest.mark.parametrize(("code", "kind"), CASES)
def test_each_code_has_its_class_its_words_and_a_remedy(code: int, kind: str) -> None:
    error = codes.error_of(answered(problem(code, 429 if code == 20429 else 400)))
    wanted = {"stop": (True, "connection"), "address": (True, "address"), "message": (True, "message")}
    assert (error.permanent, error.blame) == wanted.get(kind, (False, "provider"))
    assert (error.code, error.ambiguous, error.opted_out) == (str(code), False, code == 21610)
    assert error.words.endswith(".")
    assert error.remedy.endswith(".")
    assert str(code) not in error.words
    assert error.most_retries == (1 if code == 30008 else None)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 25
    assert set(codes.CODES) >= {code for some in OF_CLASS.values() for code in some}


@pytest.mark.parametrize(
    ("status", "permanent", "ambiguous", "blame"),
    [
        (400, True, False, "message"),
        (401, True, False, "connection"),
        (403, True, False, "connection"),
        (404, True, False, "message"),
        (408, False, False, "provider"),
        (429, False, False, "provider"),
        (500, False, True, "provider"),
        (503, False, True, "provider"),
    ],
)
def test_a_code_that_nobody_knows_goes_by_its_status(status: int, permanent: bool, ambiguous: bool, blame: str) -> None:
    error = codes.error_of(answered(problem(99999, status, {"Retry_After": "7"})))
    assert (error.permanent, error.ambiguous, error.blame, error.retry_after) == (permanent, ambiguous, blame, 7)
    assert "99999" in error.words
    for body in (b"", b"<html>", b"[]", b'{"code": true}', b'{"code": "x", "message": 7}'):
        assert codes.error_of(Answered(status, {}, body)).permanent is permanent


@pytest.mark.parametrize(
    ("uri", "base", "wanted"),
    [
        ("https://api.twilio.com/2010-04-01/x", "https://api.twilio.com", "https://api.twilio.com/2010-04-01/x"),
        ("https://api.twilio.com/x", "https://api.dublin.ie1.twilio.com", "https://api.dublin.ie1.twilio.com/x"),
        (
            "https://messaging.twilio.com/x",
            "https://api.dublin.ie1.twilio.com",
            "https://messaging.dublin.ie1.twilio.com/x",
        ),
        ("https://messaging.twilio.com/v1", "http://127.0.0.1:9", "http://127.0.0.1:9/v1"),
    ],
)
def test_the_api_is_where_the_connection_says(uri: str, base: str, wanted: str) -> None:
    assert sdk.placed(uri, base) == wanted


@pytest.mark.parametrize(
    "uri", ["https://evil.example/x", "https://api.twilio.com.evil.example/x", "https://twilio.com/"]
)
def test_the_credentials_go_nowhere_else(uri: str) -> None:
    with pytest.raises(ValueError, match="no host of Twilio's"):
        sdk.placed(uri, "https://api.twilio.com")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "status", "state", "is_fault"),
    [(21211, 400, "failed", False), (20003, 401, "parked", True), (20429, 429, "queued", True)],
)
async def test_a_refusal_shows_at_what_has_to_be_mended(
    phone: Phone, code: int, status: int, state: str, is_fault: bool
) -> None:
    phone.twilio.refuse(code, status, times=2)
    await phone.text("hello")
    await phone.drain()
    first = (await phone.deliveries())[0]
    assert (first.standing, first.code, first.reason) == (state, str(code), codes.CODES[code].words)
    assert bool((await phone.refresh()).fault) is is_fault


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["cut", "html", "broke"])
async def test_after_a_lost_reply_the_message_is_found_and_not_sent_again(phone: Phone, how: str) -> None:
    if how == "cut":
        phone.twilio.lose()
    else:
        page = Said(200, {"Content-Type": "text/html"}, b"<html>") if how == "html" else problem(20500, 500)
        phone.twilio.say(page, taken=True)
    await phone.text("hello")
    await phone.drain()
    first = (await phone.deliveries())[0]
    assert (first.status, first.is_in_doubt) == ("queued", True)
    await phone.now()
    await phone.drain()
    bodies = [one.body for one in phone.twilio.taken]
    assert len(bodies) == len(set(bodies)) == len(await phone.deliveries())
    first = (await phone.deliveries())[0]
    assert (first.status, first.provider_id) == ("accepted", phone.twilio.taken[0].sid)


@pytest.mark.asyncio
async def test_what_never_arrived_is_sent_again(phone: Phone) -> None:
    phone.twilio.say(problem(20500, 503))
    await phone.text("hello")
    await phone.drain()
    assert phone.twilio.taken == []
    await phone.now()
    await phone.drain()
    assert [one.body for one in phone.twilio.taken] == [one.content["text"] for one in await phone.deliveries()]


@pytest.mark.asyncio
async def test_the_same_words_said_before_are_not_taken_for_those_that_were_lost(phone: Phone) -> None:
    def queue(text: str) -> None:
        last = Delivery.objects.count()
        Delivery.objects.create(
            connection=phone.connection,
            lane=phone.connection.id,
            position=last + 1,
            address=PERSON,
            what="SMS",
            content={"text": text},
            due_at=timezone.now(),
        )

    await phone.allow(**ROOMY)
    for number in range(8):
        await phone.inside(queue, f"before {number}")
    await phone.inside(queue, "Pardon?")
    await phone.drain()
    phone.twilio.say(problem(20500, 500))
    await phone.inside(queue, "Pardon?")
    await phone.drain()
    await phone.now()
    await phone.drain()
    said = [one for one in phone.twilio.taken if one.body == "Pardon?"]
    assert len(said) == 2
    assert [row.provider_id for row in await phone.deliveries()][-2:] == [one.sid for one in said]


@pytest.mark.asyncio
async def test_a_lost_one_is_found_behind_a_page_of_others_and_an_older_one_is_not(phone: Phone) -> None:
    phone.twilio.lose()
    await phone.text("hello")
    await phone.drain()
    lost = phone.twilio.taken[0]
    for number in range(12):
        other = dict(lost.form, Body=f"by another program {number}")
        phone.twilio.taken.append(type(lost)(f"SM9{number:031x}", other))
    await phone.now()
    await phone.drain()
    assert (await phone.deliveries())[0].provider_id == lost.sid
    assert [one.body for one in phone.twilio.taken].count(lost.body) == 1


@pytest.mark.asyncio
async def test_an_unknown_end_that_is_replayed_is_looked_up_first(phone: Phone) -> None:
    phone.twilio.lose()
    await phone.text("hello")
    await phone.drain()

    def give_up() -> None:
        row = Delivery.objects.select_related("message", "connection").order_by("position")[0]
        settling.end(row, "unknown", reason="Nobody knows.")
        releasing.replay(row)

    await phone.inside(give_up)
    await phone.now()
    await phone.drain()
    assert len({one.body for one in phone.twilio.taken}) == len(phone.twilio.taken)
    assert (await phone.deliveries())[0].status == "accepted"


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed(phone: Phone) -> None:
    phone.twilio.say(Said(307, {"Location": "http://169.254.169.254/latest"}))
    await phone.text("hello")
    await phone.drain()
    first = (await phone.deliveries())[0]
    assert (first.status, "redirects are not followed" in first.reason) == ("queued", True)
    assert {seen.path.split("?")[0].rpartition("/")[2] for seen in phone.twilio.seen} <= {"Messages.json"}


@pytest.mark.asyncio
async def test_the_auth_token_stands_in_no_row(phone: Phone) -> None:
    phone.twilio.say(Said(500, {}, b'{"auth_token": "the-auth-token-of-this-account"}'))
    await phone.text("hello")
    await phone.drain()
    rows = await phone.inside(lambda: [str(one.__dict__) for row in Delivery.objects.all() for one in row.tried.all()])
    assert rows
    assert not [row for row in rows if "the-auth-token" in row]


# --- The sender's rate ----------------------------------------------------------------------------------------------


async def queue(phone: Phone, many: int) -> None:
    def run() -> None:
        for number in range(many):
            Delivery.objects.create(
                connection=phone.connection,
                lane=uuid4(),
                position=1,
                address=f"+1415555{number:04}",
                what="SMS",
                content={"text": "hello"},
                due_at=timezone.now(),
            )

    await phone.inside(run)


@pytest.mark.asyncio
@pytest.mark.parametrize(("rate", "at_once"), [(None, 1), (1, 1), (3, 1), (20, 5), (100, 25)])
async def test_no_more_is_claimed_than_the_sender_may_send(
    transactional_db: None, twilio: TwilioEnd, rate: float | None, at_once: int
) -> None:
    workspace = await asyncio.to_thread(factories.make_workspace)
    phone = await asyncio.to_thread(lambda: make_phone(workspace, twilio, rate=rate, **ROOMY))
    await queue(phone, 30)
    before = timezone.now()
    first = await phone.inside(lambda: claims.claim(workspace.id, 30))
    assert len(first) == at_once
    assert await phone.inside(lambda: claims.claim(workspace.id, 30)) == []
    rests = (await phone.refresh()).rests_until
    assert rests is not None
    wanted = dt.timedelta(seconds=at_once / (rate or 1))
    assert wanted <= rests - before <= wanted + dt.timedelta(seconds=5)
    assert {one.rest for one in first} == {wanted.total_seconds()}
    # A success ends what failures began, and not the pause between two messages.
    await phone.inside(lambda: settling.finish(first[0], settling.Outcome(error=ProviderError("It broke."))))
    assert (await phone.refresh()).rests_until is not None
    await phone.inside(lambda: Connection.objects.update(rests_until=timezone.now()))
    assert len(await phone.inside(lambda: claims.claim(workspace.id, 30))) == min(at_once, 30 - at_once)


@pytest.mark.asyncio
async def test_a_worker_goes_on_by_itself_when_the_next_may_leave(transactional_db: None, twilio: TwilioEnd) -> None:
    workspace = await asyncio.to_thread(factories.make_workspace)
    phone = await asyncio.to_thread(lambda: make_phone(workspace, twilio, rate=5, **ROOMY))
    await queue(phone, 6)
    drain = Drain()
    running = asyncio.create_task(drain.run())
    try:
        await asyncio.to_thread(twilio.wait, 6, 60)
    finally:
        await drain.stop()
        await running
    made = sorted(one.created for one in twilio.taken)
    assert (made[-1] - made[0]).total_seconds() >= 0.9 * 5 / 5


def test_what_has_no_rate_is_not_held_up() -> None:
    assert set(pacing.kinds()) == {"twilio_sms", "twilio_whatsapp"}


# --- Texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" * 5, "GSM-7", 162, 2),
        ("ä" * 160, "GSM-7", 160, 1),
        ("ж" * 70, "UCS-2", 70, 1),
        ("ж" * 71, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 67, "UCS-2", 134, 3),
        ("", "GSM-7", 0, 1),
    ],
)
def test_segments_are_counted(text: str, encoding: str, units: int, segments: int) -> None:
    assert texts.count(text) == texts.Count(encoding, units, segments)


def unspaced(pieces: Any) -> str:
    return "".join("".join(pieces).split())


@pytest.mark.parametrize(
    "text",
    [
        "Short.",
        "One sentence. " * 400,
        "一句话。" * 900,
        "word " * 1200,
        "x" * 4000,
        "😀" * 2000,
        "e\u0301" * 2000,
        "https://example.com/" + "a" * 1600 + " and more. " * 300,
        "Line\n" * 900,
        ("Paragraph. " * 60 + "\n\n") * 6,
    ],
)
def test_a_text_is_cut_without_losing_anything(text: str) -> None:
    pieces = texts.split(text)
    assert unspaced(pieces) == unspaced([text])
    assert all(len(piece.encode("utf-16-le")) // 2 <= 1500 and piece == piece.strip() for piece in pieces)
    assert all(piece[0] != "\u0301" for piece in pieces)


def test_a_cut_is_made_at_the_end_of_a_sentence() -> None:
    pieces = texts.split('He said "stop it." Then 3.50 was paid, e.g. in cash. ' * 60)
    assert all(piece.endswith((".", '."')) for piece in pieces)
    assert texts.split("") == []
