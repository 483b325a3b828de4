"""A rehearsed telephone on a real server: our webhooks answer its calls, and the real SDK finds its API."""

from __future__ import annotations

import asyncio
import datetime as dt
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from channels_app import accounts
from channels_app.models import Call, Connection, RehearsalCall, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import Account, ProviderError
from channels_app.providers.twilio import calls as rest
from channels_app.providers.twilio import sdk
from channels_app.rehearsal import calling
from channels_app.rehearsal.telephone import wire
from channels_app.rehearsal.telephone.exchange import Telephone
from channels_app.rehearsal.telephone.voice import Pace
from convoship.lib.tenancy import in_tenant, tenant
from deployments.models import Conversation
from tests.channels.rehearsals import Rehearsed, rehearse

CALLER = "+14155550123"
ASKED = "+14155550177"


@pytest.fixture(autouse=True)
def stage(live_server: LiveServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product on this machine, which may call itself. To whoever does answer, a busy machine may be slow."""
    monkeypatch.setattr(sdk, "SECONDS", 60.0)
    monkeypatch.setattr(wire, "PATIENCE", 60.0)
    parts = urlsplit(live_server.url)
    settings.PUBLIC_BASE_URL = live_server.url
    settings.OUTBOUND_ALLOWLIST = frozenset({(parts.hostname, parts.port)})


class Screen:
    """A telephone's screen, and its owner's hands."""

    def __init__(self, it: Rehearsed) -> None:
        self.it = it
        self.shown: list[Mapping[str, Any]] = []
        self.came = asyncio.Event()
        self.telephone = Telephone(it.workspace.id, it.connection.id, self._show, pace=Pace(speech=100, waits=0.2))
        self.telephone.open()

    def _show(self, what: Mapping[str, Any]) -> None:
        self.shown.append(what)
        self.came.set()

    async def sees(self, kind: str, times: int = 1, **what: Any) -> Mapping[str, Any]:
        """Wait until this was shown so many times."""
        async with asyncio.timeout(20):
            while True:
                found = [
                    one
                    for one in self.shown
                    if one["type"] == kind and all(one.get(name) == value for name, value in what.items())
                ]
                if len(found) >= times:
                    return found[times - 1]
                self.came.clear()
                await self.came.wait()

    def spoken(self) -> str:
        return " ".join(str(one["text"]) for one in self.shown if one["type"] == "speech")

    def say(self, words: str, who: str = "caller") -> None:
        leg = self.telephone.leg_of(who)
        assert leg is not None
        leg.say(words)


def plays(it: Rehearsed, scene: Callable[[Screen], Awaitable[None]]) -> Screen:
    """A scene at the telephone, from its screen's opening to its closing."""

    async def played() -> Screen:
        screen = Screen(it)
        try:
            await scene(screen)
        finally:
            await screen.telephone.close()
        return screen

    return asyncio.run(played())


@pytest.fixture
def it(transactional_db: None) -> Rehearsed:
    return rehearsed()


def rehearsed(**config: Any) -> Rehearsed:
    found = rehearse("twilio_voice")
    with tenant(found.workspace.id):
        row = Connection.objects.get(id=found.connection.id)
        row.config = {**row.config, "mode": "gather", **config}
        row.save()
    return found


def call_of(it: Rehearsed) -> Call:
    with tenant(it.workspace.id):
        return Call.objects.select_related("conversation").get()


def account_of(it: Rehearsed) -> Account:
    with tenant(it.workspace.id):
        return accounts.to_send(Connection.objects.get(id=it.connection.id)).account


def row_of(it: Rehearsed, sid: str) -> RehearsalCall:
    with tenant(it.workspace.id):
        return RehearsalCall.objects.get(sid=sid)


def test_a_whole_call_is_answered_and_ends_as_both_sides_know(it: Rehearsed) -> None:
    async def scene(screen: Screen) -> None:
        await screen.telephone.call(CALLER)
        await screen.sees("listens", on=True)
        screen.say("how much is shipping")
        await screen.sees("listens", 2, on=True)
        screen.telephone.hang_up("caller")
        await screen.sees("ended", who="caller", how="hung_up")

    screen = plays(it, scene)
    assert "14.90" in screen.spoken()
    call = call_of(it)
    assert (call.state, call.outcome) == ("ended", "hung_up")
    assert call.seconds
    assert call.conversation.is_test
    row = row_of(it, call.sid)
    assert (row.status, row.direction, row.caller) == ("completed", "inbound", CALLER)
    asked = it.lines(LineKind.ASKS)
    assert {line.answer_status for line in asked} == {200}
    assert all("x-twilio-signature" in line.headers for line in asked)
    (report,) = it.lines(LineKind.REPORT)
    assert report.status == "completed"
    assert "CallDuration=" in report.body
    assert "SequenceNumber=0" in report.body
    assert "told that they said" in it.screen


def test_what_is_signed_wrongly_is_refused_and_the_caller_hears_an_application_error(it: Rehearsed) -> None:
    async def scene(screen: Screen) -> None:
        screen.telephone.tricks.wrongly = True
        await screen.telephone.call(CALLER)
        await screen.sees("ended", who="caller")

    screen = plays(it, scene)
    assert "application error" in screen.spoken()
    assert [one["code"] for one in screen.shown if one["type"] == "trouble"][:1] == [11200]
    with tenant(it.workspace.id):
        assert not Call.objects.exists()
    assert it.refusals


def test_what_is_sent_twice_has_one_effect(it: Rehearsed) -> None:
    async def scene(screen: Screen) -> None:
        screen.telephone.tricks.twice = True
        await screen.telephone.call(CALLER)
        await screen.sees("listens", on=True)
        screen.say("hello")
        await screen.sees("listens", 2, on=True)
        screen.telephone.hang_up("caller")
        await screen.sees("ended")

    plays(it, scene)
    call = call_of(it)
    with tenant(it.workspace.id):
        said = [one for one in it.messages if one.author_kind == "visitor"]
    assert [one.text for one in said] == ["hello"]
    assert call.turn == 1
    assert len(it.lines(LineKind.REPORT)) == 2


def test_answers_that_are_lost_lead_to_the_fallback_and_are_noted_as_11200(it: Rehearsed) -> None:
    async def scene(screen: Screen) -> None:
        screen.telephone.tricks.network = "lost"
        await screen.telephone.call(CALLER)
        await screen.sees("trouble", code=11200)
        screen.telephone.tricks.network = ""
        await screen.sees("listens", on=True)
        screen.telephone.hang_up("caller")
        await screen.sees("ended")

    plays(it, scene)
    call = call_of(it)
    with tenant(it.workspace.id):
        assert "fallback" in set(call.steps.values_list("kind", flat=True))
    # And Twilio's own log says so, where Test looks.
    answer = it.client.post(f"/app/channels/{it.connection.id}/test", headers={"HX-Request": "true"}).content.decode()
    assert "11200" in answer


def test_a_line_that_drops_is_told_by_nobody_and_found_out_by_asking(it: Rehearsed) -> None:
    async def scene(screen: Screen) -> None:
        await screen.telephone.call(CALLER)
        await screen.sees("listens", on=True)
        screen.telephone.hang_up("caller", drop=True)
        await screen.sees("ended", how="dropped")

    plays(it, scene)
    assert not it.lines(LineKind.REPORT)
    call = call_of(it)
    assert call.state != "ended"
    found = asyncio.run(rest.fetch(account_of(it), call.sid))
    assert found is not None
    assert (found.status, found.is_over) == ("completed", True)


def test_a_telephone_that_is_gone_has_dropped_its_calls(it: Rehearsed) -> None:
    async def scene(screen: Screen) -> None:
        await screen.telephone.call(CALLER)
        await screen.sees("listens", on=True)
        # As a web server that is killed: nothing is said to anybody any more.
        for task in [*screen.telephone.tasks, screen.telephone._polling]:
            if task is not None:
                task.cancel()
        await asyncio.sleep(0)

        def later() -> None:
            RehearsalCall.objects.update(seen_at=timezone.now() - dt.timedelta(seconds=30))

        await in_tenant(later)(it.workspace.id)
        other = Screen(it)
        await other.sees("lost")
        await other.telephone.close()

    plays(it, scene)
    found = asyncio.run(rest.fetch(account_of(it), call_of(it).sid))
    assert found is not None
    assert found.status == "completed"


# --- The API, by the real SDK -----------------------------------------------------------------------------------------


def test_a_call_of_ours_rings_on_the_telephone_and_is_answered(it: Rehearsed) -> None:
    account = account_of(it)

    async def scene(screen: Screen) -> None:
        made = await rest.start(account, ASKED, longest_seconds=600)
        assert made.status == "queued"
        rings = await screen.sees("rings", to=ASKED)
        await screen.telephone.pick(rings["sid"], "answered")
        await screen.sees("listens", on=True)
        found = await rest.fetch(account, made.sid)
        assert found is not None
        assert found.status == "in-progress"
        screen.say("hello")
        await screen.sees("listens", 2, on=True)
        assert await rest.redirect(account, made.sid, twiml="<Response><Hangup/></Response>")
        await screen.sees("ended", how="hung_up_on")
        found = await rest.fetch(account, made.sid)
        assert found is not None
        assert found.is_over
        assert found.seconds is not None
        assert not await rest.redirect(account, made.sid, twiml="<Response><Hangup/></Response>")

    plays(it, scene)
    assert [line.status for line in it.lines(LineKind.REPORT)] == ["initiated", "ringing", "in-progress", "completed"]
    call = call_of(it)
    assert (call.direction, call.state) == ("outbound", "ended")


@pytest.mark.parametrize("how", ["busy", "no-answer", "failed"])
def test_a_call_of_ours_that_is_not_taken_is_reported_as_what_it_is(it: Rehearsed, how: str) -> None:
    account = account_of(it)

    async def scene(screen: Screen) -> None:
        made = await rest.start(account, ASKED, longest_seconds=600)
        await screen.sees("rings")
        await screen.telephone.pick(made.sid, how)
        found = await rest.fetch(account, made.sid)
        assert found is not None
        assert found.status == how

    plays(it, scene)
    assert it.lines(LineKind.REPORT)[-1].status == how


def test_a_call_that_nobody_sees_is_not_answered_and_the_worker_tells(it: Rehearsed) -> None:
    made = asyncio.run(rest.start(account_of(it), ASKED, longest_seconds=600))
    (waiting,) = it.lines(LineKind.REPORT)
    assert waiting.due_at is not None
    assert (waiting.due_at - timezone.now()).total_seconds() > 20
    with tenant(it.workspace.id):
        RehearsalCall.objects.update(rings_until=timezone.now())
        RehearsalLine.objects.filter(id=waiting.id).update(due_at=timezone.now())
    assert calling.call_due(it.workspace.id, it.connection.id) == 1
    found = asyncio.run(rest.fetch(account_of(it), made.sid))
    assert found is not None
    assert found.status == "no-answer"
    assert it.lines(LineKind.REPORT)[0].answer_status in {200, 204}


def test_the_screen_knows_where_the_call_can_be_read_as_soon_as_it_is_answered(it: Rehearsed) -> None:
    async def scene(screen: Screen) -> None:
        await screen.telephone.call(CALLER)
        known = await screen.sees("conversation")
        assert known["id"] == str((await in_tenant(Call.objects.get)(it.workspace.id)).conversation_id)
        screen.telephone.hang_up("caller")
        await screen.sees("ended")

    screen = plays(it, scene)
    assert len([one for one in screen.shown if one["type"] == "conversation"]) == 1


def test_who_calls_themselves_is_sent_to_the_phone_that_rings_in_a_tab_of_its_own(it: Rehearsed) -> None:
    pressed = it.client.post(
        f"/app/channels/{it.connection.id}/call-me", {"to": ASKED}, headers={"HX-Request": "true"}
    ).content.decode()
    phone = f'<a href="/app/channels/{it.connection.id}/rehearsal" target="_blank"'
    assert "The stand-in’s phone rings." in pressed
    assert phone in pressed
    with tenant(it.workspace.id):
        RehearsalCall.objects.update(rings_until=timezone.now())
        RehearsalLine.objects.filter(kind=LineKind.REPORT).update(due_at=timezone.now())
    calling.call_due(it.workspace.id, it.connection.id)
    path = f"/app/channels/{it.connection.id}/called/{call_of(it).conversation_id}"
    over = it.client.get(f"{path}?seen=ringing", headers={"HX-Request": "true"}).content.decode()
    assert "Nobody answered" in over
    assert "Open its phone first" in over
    assert phone in over


def test_the_api_sends_a_call_elsewhere(it: Rehearsed) -> None:
    account = account_of(it)

    async def scene(screen: Screen) -> None:
        await screen.telephone.call(CALLER)
        await screen.sees("listens", on=True)
        leg = screen.telephone.leg_of("caller")
        assert leg is not None
        assert await rest.redirect(account, leg.facts.sid, twiml="<Response><Say>Here.</Say></Response>")
        await screen.sees("speech", text="Here.")
        await screen.sees("ended")

    plays(it, scene)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("no_number", "21211"),
        ("no_permission", "21215"),
        ("credentials", "20003"),
        ("limited", "20429"),
        ("broken", ""),
    ],
)
def test_a_call_that_is_refused_rings_nowhere(it: Rehearsed, fault: str, code: str) -> None:
    it.behaves(fault, calls="1")
    with pytest.raises(ProviderError) as refused:
        asyncio.run(rest.start(account_of(it), ASKED, longest_seconds=60))
    assert refused.value.code == code
    with tenant(it.workspace.id):
        assert not RehearsalCall.objects.exists()
    assert len(it.lines(LineKind.TURNED_AWAY)) == 1


def test_a_recording_is_begun_listed_fetched_and_deleted(it: Rehearsed) -> None:
    account = account_of(it)
    client = sdk.client(account)

    async def scene(screen: Screen) -> None:
        await screen.telephone.call(CALLER)
        await screen.sees("listens", on=True)
        leg = screen.telephone.leg_of("caller")
        assert leg is not None
        made = await client.calls(leg.facts.sid).recordings.create_async(
            recording_status_callback=f"{account.inbound_url}/recording", recording_channels="dual"
        )
        assert (made.status, made.channels) == ("processing", 2)
        screen.telephone.hang_up("caller")
        await screen.sees("ended")
        (listed,) = await client.recordings.list_async(call_sid=leg.facts.sid)
        assert (listed.sid, listed.status) == (made.sid, "completed")

    plays(it, scene)
    done = [line for line in it.lines(LineKind.REPORT) if "RecordingSid" in line.body]
    assert len(done) == 1
    assert "RecordingStatus=completed" in done[0].body
    with tenant(it.workspace.id):
        (one,) = RehearsalCall.objects.get().recordings
    url = f"/rehearsal/{it.connection.id}/2010-04-01/Accounts/{account.config['account_sid']}/Recordings/{one['sid']}"
    assert Client().get(url).status_code == 401
    key = b64encode(f"{account.config['account_sid']}:{account.credentials['auth_token']}".encode()).decode()
    for form, head in (("", b"RIFF"), (".wav", b"RIFF"), (".mp3", b"\xff\xfb")):
        answer = Client().get(url + form, headers={"Authorization": f"Basic {key}"})
        assert answer.status_code == 200
        assert answer.content.startswith(head)


def test_the_addresses_are_set_at_the_number_and_test_finds_them(it: Rehearsed) -> None:
    answer = it.client.post(f"/app/channels/{it.connection.id}/test", headers={"HX-Request": "true"}).content.decode()
    assert "Calls come to this connection" in answer
    assert 'class="bad' not in answer

    client = sdk.client(account_of(it))

    async def moved() -> None:
        (row,) = await client.incoming_phone_numbers.list_async()
        await client.incoming_phone_numbers(row.sid).update_async(voice_url="https://elsewhere.example/")

    asyncio.run(moved())
    answer = it.client.post(f"/app/channels/{it.connection.id}/test", headers={"HX-Request": "true"}).content.decode()
    assert "elsewhere.example" in answer
    # And calls do go there now, which the stand-in does not call: it asks at the fallback address.
    screen = plays(it, _calls_elsewhere)
    assert "Hi there" in screen.spoken()
    it.client.post(f"/app/channels/{it.connection.id}/register")
    with tenant(it.workspace.id):
        number = wire.number_of(UUID(str(it.connection.id)))
    assert number.voice_url == accounts.inbound_url(it.connection)


async def _calls_elsewhere(screen: Screen) -> None:
    await screen.telephone.call(CALLER)
    trouble = await screen.sees("trouble", code=11200)
    assert "elsewhere.example" in trouble["text"]
    await screen.sees("listens", on=True)
    screen.telephone.hang_up("caller")
    await screen.sees("ended")


def test_nobody_without_the_auth_token_has_the_api(it: Rehearsed) -> None:
    root = f"/rehearsal/{it.connection.id}/2010-04-01/Accounts/{it.connection.config['account_sid']}"
    assert Client().post(f"{root}/Calls.json", {"To": ASKED, "Url": "x"}).status_code == 401
    assert Client().get(f"{root}/Calls.json").status_code == 401
    with tenant(it.workspace.id):
        assert not RehearsalCall.objects.exists()
        assert not Conversation.objects.exists()
