"""The socket of a rehearsed telephone: our own origin, a member who may, a rehearsal of calls of their workspace."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session

from channels_app.models import RehearsalCall
from channels_app.rehearsal.telephone import exchange
from channels_app.rehearsal.telephone.forms import PERSON
from convoship.asgi import application
from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from tests import factories
from tests.channels.rehearsals import Rehearsed, rehearse
from tests.security.test_app_socket import cookie_of
from tests.widget.conftest import hub_of_this_loop
from workspaces.models import Membership, User
from workspaces.permissions import Role

__all__ = ["hub_of_this_loop"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


class Page:
    """An open telephone."""

    def __init__(self, connection_id: object, cookie: str | None, origin: str | None) -> None:
        headers = [(b"host", b"127.0.0.1")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if cookie is not None:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        path = f"/app/channels/{connection_id}/rehearsal/telephone"
        self.socket = WebsocketCommunicator(application, path, headers=headers)

    async def opens(self) -> bool:
        accepted, _ = await self.socket.connect(timeout=10)
        return bool(accepted)

    async def say(self, **frame: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(frame))

    async def hear(self, kind: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = json.loads(await self.socket.receive_from(10))
            if frame["type"] == kind:
                return frame

    async def close_code(self) -> int:
        while True:
            event = await self.socket.receive_output(12)
            if event["type"] == "websocket.close":
                return int(event["code"])


def member_of(it: Rehearsed, role: Role) -> User:
    user = factories.make_user()
    with tenant(it.workspace.id):
        Membership.objects.create(user=user, role=role)
    return user


async def page_of(it: Rehearsed, user: User, origin: str | None = settings.PUBLIC_BASE_URL) -> Page:
    return Page(it.connection.id, await in_thread(cookie_of, user), origin)


@pytest.fixture
def it(transactional_db: None) -> Rehearsed:
    return rehearse("twilio_voice")


async def closed(page: Page) -> None:
    await page.socket.disconnect()
    while exchange._finishing:
        await asyncio.wait(set(exchange._finishing))


async def test_a_member_who_may_has_a_telephone(it: Rehearsed) -> None:
    page = await page_of(it, await in_thread(factories.owner_of, it.workspace))
    assert await page.opens()
    await page.say(type="ping")
    assert await page.hear("pong")
    await page.say(type="call", caller="what")
    assert "number" in (await page.hear("refused"))["detail"]
    await page.say(type="nonsense")
    assert await page.hear("refused")
    await closed(page)


async def test_the_number_that_is_called_calls_nobody(it: Rehearsed) -> None:
    page = await page_of(it, await in_thread(factories.owner_of, it.workspace))
    assert await page.opens()
    await page.say(type="call", caller=str(it.connection.config["from_number"]))
    assert "own number: it would call itself" in (await page.hear("refused"))["detail"]
    await page.say(type="call", caller="")
    assert (await page.hear("status"))["other"] == PERSON
    await closed(page)


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
async def test_a_foreign_page_with_the_member_s_cookie_is_refused(it: Rehearsed, origin: str | None) -> None:
    page = await page_of(it, await in_thread(factories.owner_of, it.workspace), origin)
    assert not await page.opens()


@pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
async def test_who_may_not_change_connections_has_none(it: Rehearsed, role: Role) -> None:
    page = await page_of(it, await in_thread(member_of, it, role))
    assert not await page.opens()


async def test_another_workspace_s_telephone_is_as_if_it_did_not_exist(it: Rehearsed) -> None:
    theirs = await in_thread(rehearse, "twilio_voice")
    page = await page_of(theirs, await in_thread(factories.owner_of, it.workspace))
    assert not await page.opens()
    assert not await Page(theirs.connection.id, None, settings.PUBLIC_BASE_URL).opens()


async def test_a_rehearsal_of_another_kind_and_a_real_connection_have_none(it: Rehearsed) -> None:
    owner = await in_thread(factories.owner_of, it.workspace)
    other = await in_thread(lambda: rehearse("twilio_sms", it.workspace))
    assert not await (await page_of(other, owner)).opens()

    def is_real() -> None:
        it.connection.is_rehearsal = False
        it.connection.save(update_fields=["is_rehearsal"])

    await in_tenant(is_real)(it.workspace.id)
    assert not await (await page_of(it, owner)).opens()


async def test_a_sign_out_and_a_lost_role_end_it(it: Rehearsed) -> None:
    admin = await in_thread(member_of, it, Role.ADMIN)
    page = await page_of(it, admin)
    assert await page.opens()

    def lowered() -> None:
        Membership.objects.filter(user=admin).update(role=Role.VIEWER)

    await in_tenant(lowered)(it.workspace.id)
    assert await page.close_code() == 4403
    page = await page_of(it, await in_thread(factories.owner_of, it.workspace))
    assert await page.opens()
    await in_thread(lambda: Session.objects.all().delete())
    assert await page.close_code() == 4401


async def test_a_flood_of_frames_ends_it(it: Rehearsed) -> None:
    page = await page_of(it, await in_thread(factories.owner_of, it.workspace))
    assert await page.opens()
    for _ in range(250):
        await page.say(type="ping")
    assert await page.close_code() == 4429


async def test_one_caller_at_a_time_and_closing_the_page_hangs_up(it: Rehearsed) -> None:
    page = await page_of(it, await in_thread(factories.owner_of, it.workspace))
    assert await page.opens()
    await page.say(type="call", caller="+14155550123")
    assert (await page.hear("status"))["status"] == "ringing"
    await page.say(type="call", caller="+14155550124")
    assert "hang up" in (await page.hear("refused"))["detail"]
    await closed(page)

    def status() -> list[str]:
        return list(
            RehearsalCall.objects.filter(connection_id=UUID(str(it.connection.id))).values_list("status", flat=True)
        )

    # Nothing answers in this test, so it was never up.
    assert await in_tenant(status)(it.workspace.id) in (["no-answer"], ["completed"])
