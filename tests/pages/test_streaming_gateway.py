"""The page of a voice gateway that streams: where it is called, and what is offered of it."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app import connections
from channels_app.models import Connection
from convoship.lib.tenancy import tenant
from deployments.models import Assistant
from tests import factories
from tests.pages.conftest import Browser, text, words
from workspaces.models import Workspace


def make(workspace: Workspace, **config: Any) -> Connection:
    who = factories.actor(workspace)
    with tenant(workspace.id):
        made = connections.create(
            who,
            kind="voice_gateway",
            name="Our telephones",
            assistant_id=Assistant.objects.get().id,
            config={"mode": "stream", **config},
            credentials={},
        )
    return made.connection


@pytest.fixture
def assistant(member: Browser) -> Assistant:
    return factories.make_assistant(member.workspace)


def test_it_says_where_tickets_are_asked_for_and_what_the_socket_is(member: Browser, assistant: Assistant) -> None:
    row = make(member.workspace, dialect="jambonz")
    page = member.get(f"/app/channels/{row.id}/")
    at = f"/v1/public/channels/voice_gateway/{row.id}"
    assert f"{at}/ticket</pre>" in text(page)
    assert f"{at}/stream</pre>" in text(page)
    assert f"{at}</pre>" not in text(page)
    assert "the ticket in metadata of the verb listen" in words(page)


def test_by_sip_it_says_where_a_trunk_calls_and_that_nothing_is_encrypted(
    member: Browser, assistant: Assistant, settings: Any
) -> None:
    row = make(member.workspace, dialect="sip", sip_allowed_ips="192.0.2.7")
    page = member.get(f"/app/channels/{row.id}/")
    assert f"sip:{row.id}@ADDRESS_OF_THE_EDGE:{settings.SIP_PORT};transport=udp" in text(page)
    assert "no TLS, no SRTP" in words(page)
    assert "session border controller" in words(page)
    settings.SIP_PUBLIC_HOST = "192.0.2.20"
    assert f"sip:{row.id}@192.0.2.20:" in text(member.get(f"/app/channels/{row.id}/"))


def test_nobody_is_offered_a_call_that_a_gateway_cant_make(member: Browser, assistant: Assistant) -> None:
    row = make(member.workspace)
    assert "Call me" not in words(member.get(f"/app/channels/{row.id}/"))
