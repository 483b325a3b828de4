"""People at the widget's door: what is typed merges nobody, who was merged is met again, who is blocked stays out."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import jwt
import pytest

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import blocking, identity, merging
from deployments.models import Conversation, Person
from tests import factories
from tests.runtime.conftest import Site, act
from workspaces.models import Workspace

R = TypeVar("R")


@pytest.fixture
async def secret(site: Site) -> str:
    return str((await act(site, identity.make_secret)).value)


def token(secret: str, sub: str = "u-1", **claims: Any) -> str:
    return jwt.encode({"sub": sub, "exp": time.time() + 600, **claims}, secret, algorithm="HS256")


async def inside(site: Site, fn: Callable[..., R], *args: Any) -> R:
    def run() -> R:
        with tenant(site.workspace_id):
            return fn(*args)

    return await in_thread(run)


async def person_of(site: Site, session: Any) -> Person:
    def found() -> Person:
        rows = Conversation.objects.select_related("person")
        return rows.get(id=session["session"]["conversation_id"]).person

    return await inside(site, found)


async def merge(site: Site, kept: Person, merged: Person) -> None:
    def run() -> None:
        who = factories.actor(Workspace.objects.get(id=site.workspace_id))
        merging.merge(who, kept, merged)

    await inside(site, run)


async def block(site: Site, person: Person) -> None:
    def run() -> None:
        blocking.block(factories.actor(Workspace.objects.get(id=site.workspace_id)), person, "Insults")

    await inside(site, run)


async def test_an_address_typed_in_a_widget_never_merges(site: Site, secret: str) -> None:
    known = (await site.start(user_token=token(secret, email="ada@navy.example"))).data
    ada = await person_of(site, known)
    stranger = (await site.start(visitor_id="b", user={"email": "ada@navy.example", "name": "Ada", "id": "u-1"})).data
    await site.say(stranger, "ada@navy.example")
    path = f"/sessions/{stranger['session']['id']}/identify"
    await site.call("POST", path, stranger["session_token"], {"user": {"email": "ada@navy.example"}})
    other = await person_of(site, stranger)
    assert other.id != ada.id
    assert other.external_id is None
    assert await inside(site, lambda: Person.objects.filter(merged_into=None).count()) == 2


async def test_the_browser_of_somebody_who_was_merged_is_the_kept_ones(site: Site) -> None:
    one = await person_of(site, (await site.start(visitor_id="one")).data)
    two = await person_of(site, (await site.start(visitor_id="two")).data)
    three = await person_of(site, (await site.start(visitor_id="three")).data)
    await merge(site, two, one)
    await merge(site, three, two)
    assert (await person_of(site, (await site.start(visitor_id="one")).data)).id == three.id


async def test_being_at_a_proved_persons_browser_proves_nothing(site: Site, secret: str) -> None:
    proved = await person_of(site, (await site.start(user_token=token(secret))).data)
    session = (await site.start(visitor_id="shared")).data
    await merge(site, proved, await person_of(site, session))
    # The conversation that a member gave them goes on in that browser, a new one is nobody's.
    assert (await site.say(session, "hello")).status_code == 201
    assert (await person_of(site, session)).id == proved.id
    assert (await person_of(site, (await site.start(visitor_id="shared")).data)).id != proved.id


async def test_a_proof_that_went_over_meets_the_kept_one(site: Site, secret: str) -> None:
    browser = await person_of(site, (await site.start(visitor_id="one")).data)
    proved = await person_of(site, (await site.start(user_token=token(secret))).data)
    await merge(site, browser, proved)
    assert (await person_of(site, (await site.start(user_token=token(secret))).data)).id == browser.id


async def test_an_address_of_whom_was_merged_is_the_kept_ones_too(site: Site) -> None:
    anna, bert = {"name": "Anna", "email": "anna@navy.example"}, {"name": "Bert", "email": "bert@navy.example"}
    kept = await person_of(site, (await site.start(visitor_id="a", user=anna)).data)
    await merge(site, kept, await person_of(site, (await site.start(visitor_id="b", user=bert)).data))
    for browser, user in (("b", bert), ("a", anna), ("b", bert | {"name": "Bert Two"})):
        again = await person_of(site, (await site.start(visitor_id=browser, user=user)).data)
        assert (again.id, again.name, again.email) == (kept.id, "Anna", "anna@navy.example")
    # It merges nobody by itself: typed elsewhere it is a stranger's, and another one here is somebody else's.
    for browser, email in (("c", "bert@navy.example"), ("b", "carl@navy.example")):
        other = await person_of(site, (await site.start(visitor_id=browser, user={"email": email})).data)
        assert other.id != kept.id


def refused(answer: Any) -> bool:
    """In words that say nothing of blocking."""
    is_so = (answer.status_code, answer.data.get("code")) == (403, "channel_not_allowed")
    assert not is_so or "block" not in str(answer.data).lower()
    return is_so


async def test_a_blocked_visitor_opens_no_session_from_their_browser(site: Site) -> None:
    session = (await site.start(visitor_id="one")).data
    await block(site, await person_of(site, session))
    assert (await site.say(session, "hello?")).data["code"] == "conversation_ended"
    assert refused(await site.start(visitor_id="one"))
    assert refused(await site.start(visitor_id=str(uuid.uuid4()), resume=session["session_token"]))
    assert (await site.start(visitor_id="two")).status_code == 201
    row = await inside(site, lambda: Conversation.objects.get(id=session["session"]["conversation_id"]))
    assert row.status == "completed"
    assert row.ended_reason.endswith("blocked the person.")


async def test_who_is_merged_with_a_blocked_person_is_answered_no_more(site: Site) -> None:
    session = (await site.start(visitor_id="one")).data
    kept = await person_of(site, session)
    blocked = await person_of(site, (await site.start(visitor_id="two")).data)
    await block(site, blocked)
    await merge(site, kept, blocked)
    assert (await site.say(session, "hello?")).data["code"] == "conversation_ended"
    assert refused(await site.start(visitor_id="one"))
    row = await inside(site, lambda: Conversation.objects.get(id=session["session"]["conversation_id"]))
    assert row.ended_reason.endswith("merged them with a person who is blocked.")


async def test_a_blocked_user_opens_no_session_in_whichever_browser(site: Site, secret: str) -> None:
    await block(site, await person_of(site, (await site.start(user_token=token(secret))).data))
    assert refused(await site.start(visitor_id="fresh", user_token=token(secret)))
    anonymous = (await site.start(visitor_id="fresh")).data
    path = f"/sessions/{anonymous['session']['id']}/identify"
    assert refused(await site.call("POST", path, anonymous["session_token"], {"user_token": token(secret)}))
    assert (await site.start(user_token=token(secret, "u-2"))).status_code == 201
