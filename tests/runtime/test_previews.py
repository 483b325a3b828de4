"""Preview tokens: the widget on our own pages, where nothing counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import deploying, previewing, sweeping, tallies
from deployments.models import Conversation, Deployment, Person, PreviewToken, TokenUse
from deployments.pages import queries
from tests import factories
from tests.runtime.conftest import Site, act
from workspaces.models import ApiKey, Membership, Workspace
from workspaces.permissions import Role


async def preview_of(site: Site) -> str:
    return str((await act(site, previewing.mint)).token)


async def start(site: Site, token: str, **more: Any) -> Any:
    return await site.call("POST", "/sessions", token, {"agent_id": site.agent_id, **more})


async def test_a_preview_opens_on_our_own_origin_and_nowhere_else(site: Site) -> None:
    token = await preview_of(site)
    refused = await start(site, token)
    assert (refused.status_code, refused.data["code"]) == (403, "origin_not_allowed")
    site.origin = settings.PUBLIC_BASE_URL
    assert (await site.call("GET", f"/config?agent_id={site.agent_id}", token)).status_code == 200
    session = (await start(site, token)).data
    assert (await site.say(session, "hello")).status_code == 201
    site.origin = "https://shop.example"  # allowed for visitors, not for a test
    assert (await site.say(session, "hello")).data["code"] == "origin_not_allowed"


async def test_after_fifteen_minutes_a_preview_opens_nothing_more(site: Site) -> None:
    token = await preview_of(site)
    site.origin = settings.PUBLIC_BASE_URL
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16)):
        # The door asks PostgreSQL's clock, so the row is aged as well.
        await in_thread(lambda: age(site))
        answer = await start(site, token)
    assert (answer.status_code, answer.data["code"]) == (401, "token_expired")
    assert "15 minutes" in answer.data["detail"]


def age(site: Site) -> None:
    with tenant(site.workspace_id):
        PreviewToken.objects.update(expires_at=timezone.now() - dt.timedelta(hours=1))


async def test_a_tests_conversation_is_over_after_an_hour_however_much_is_said(site: Site) -> None:
    site.origin = settings.PUBLIC_BASE_URL
    session = (await start(site, await preview_of(site))).data
    assert (await site.say(session, "hello")).status_code == 201
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=61)):
        answer = await site.say(session, "still?")
    assert (answer.status_code, answer.data["code"]) == (401, "token_expired")


async def test_a_test_counts_nowhere_and_calls_nobody(site: Site) -> None:
    site.origin = settings.PUBLIC_BASE_URL
    session = (await start(site, await preview_of(site), visitor_id="one")).data
    path = f"/sessions/{session['session']['id']}/handoff"
    assert (await site.call("POST", path, session["session_token"], {})).status_code == 202
    await sweeping.sweep()

    def look() -> None:
        tallies.flush()
        with tenant(site.workspace_id):
            conversation = Conversation.objects.get()
            assert conversation.is_test
            assert queries.waiting_count() == 0
            assert queries.figures() == queries.Figures(0, 0, 0)
            assert not queries.any_conversation()
            assert not TokenUse.objects.exists()
            assert Deployment.objects.get().last_used_at is None
            assert Person.objects.get().visitor_id == ""

    await in_thread(look)
    assert not mail.outbox


async def test_a_preview_works_while_the_deployment_is_paused_and_ends_with_a_revoke(site: Site) -> None:
    token = await preview_of(site)
    site.origin = settings.PUBLIC_BASE_URL
    await act(site, deploying.pause)
    session = (await start(site, token)).data
    assert (await site.say(session, "hello")).status_code == 201
    await act(site, deploying.revoke)
    assert (await site.say(session, "hello")).data["code"] == "token_revoked"
    assert (await start(site, token)).data["code"] == "token_revoked"


async def test_a_visitors_session_is_not_resumed_by_a_preview_nor_the_other_way_round(site: Site) -> None:
    visitors = (await site.start()).data
    site.origin = settings.PUBLIC_BASE_URL
    answer = await start(site, await preview_of(site), resume=visitors["session_token"])
    assert answer.status_code == 201
    assert answer.data["session"]["id"] != visitors["session"]["id"]
    site.origin = "https://shop.example"
    answer = await site.start(resume=answer.data["session_token"])
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("needs", "role", "opens"),
    [
        ("deployments.write", Role.DEVELOPER, True),
        ("deployments.write", Role.VIEWER, False),
        ("deployments.read", Role.VIEWER, True),
        ("deployments.read", None, False),
    ],
)
async def test_a_preview_ends_with_its_makers_right_to_make_one(
    site: Site, needs: str, role: Role | None, opens: bool
) -> None:
    """`role`: what its maker, an owner, is turned into; None: taken out of the workspace."""
    token = (await act(site, previewing.mint, permission=needs)).token
    site.origin = settings.PUBLIC_BASE_URL
    assert (await start(site, token)).status_code == 201

    def demote() -> None:
        with tenant(site.workspace_id):
            members = Membership.objects.filter(user=PreviewToken.objects.get().made_by)
            assert (members.update(role=role) if role else members.delete()[0]) == 1

    await in_thread(demote)
    answer = await start(site, token)
    assert (answer.status_code, answer.data.get("code")) == ((201, None) if opens else (401, "token_revoked"))


async def test_a_preview_that_an_api_key_made_ends_with_the_key(site: Site) -> None:
    def mint() -> str:
        workspace = Workspace.objects.get(id=site.workspace_id)
        key = factories.make_api_key(workspace).key
        who = Actor(kind="api_key", id=key.id, label=key.name)
        return previewing.mint(who, Deployment.objects.get(), permission="deployments.write").token

    def revoke() -> None:
        with tenant(site.workspace_id):
            ApiKey.objects.update(revoked_at=timezone.now())

    def inside() -> str:
        with tenant(site.workspace_id):
            return mint()

    token = await in_thread(inside)
    site.origin = settings.PUBLIC_BASE_URL
    assert (await start(site, token)).status_code == 201
    await in_thread(revoke)
    assert (await start(site, token)).data["code"] == "token_revoked"


async def test_a_preview_goes_with_the_account_that_made_it(site: Site) -> None:
    token = (await act(site, previewing.mint)).token
    site.origin = settings.PUBLIC_BASE_URL

    def delete() -> None:
        with tenant(site.workspace_id):
            maker = PreviewToken.objects.get().made_by
            assert maker is not None
            Membership.objects.filter(user=maker).delete()
            maker.delete()

    await in_thread(delete)
    assert (await start(site, token)).status_code == 401
