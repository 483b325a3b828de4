"""Who a visitor is, at the door: proof opens one's own conversations, a claim opens nothing (R40)."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import pytest

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import deploying, identity
from deployments.models import Conversation, Person
from tests.runtime.conftest import Site, act


@pytest.fixture
async def secret(site: Site) -> str:
    return str((await act(site, identity.make_secret)).value)


def token(secret: str, sub: str = "u-1", **claims: Any) -> str:
    return jwt.encode({"sub": sub, "exp": time.time() + 600, **claims}, secret, algorithm="HS256")


async def people(site: Site) -> list[tuple[str | None, str, int]]:
    def look() -> list[tuple[str | None, str, int]]:
        with tenant(site.workspace_id):
            rows = Person.objects.order_by("created_at")
            return [(person.external_id, person.email, person.conversations.count()) for person in rows]

    return await in_thread(look)


async def identify(site: Site, session: Any, **body: Any) -> Any:
    return await site.call("POST", f"/sessions/{session['session']['id']}/identify", session["session_token"], body)


async def test_a_verified_user_is_one_person_in_whichever_browser(site: Site, secret: str) -> None:
    for _ in range(2):
        answer = await site.start(visitor_id=str(uuid.uuid4()), user_token=token(secret, email="a@example.com"))
        assert answer.status_code == 201
    assert await people(site) == [("u-1", "a@example.com", 2)]


async def test_a_typed_address_meets_nothing_of_the_customer_who_has_it(site: Site, secret: str) -> None:
    browser = str(uuid.uuid4())
    await site.start(visitor_id=browser, user_token=token(secret, email="a@example.com"))
    await site.start(visitor_id=browser, user={"email": "a@example.com", "id": "u-1"})
    assert await people(site) == [("u-1", "a@example.com", 1), (None, "a@example.com", 1)]


async def test_required_identity_refuses_a_name_without_proof_and_lets_nobody_in_particular_chat(
    site: Site, secret: str
) -> None:
    await act(site, deploying.change, {"identity_required": True})
    for user in ({"id": "u-1"}, {"name": "Ada"}, {"email": "a@example.com"}, {"plan": "gold"}):
        answer = await site.start(user=user)
        assert (answer.status_code, answer.data["code"], answer.data["reason"]) == (403, "identity_required", "missing")
    assert (await site.start()).status_code == 201
    assert (await site.start(user={"id": "u-1"}, user_token=token(secret))).status_code == 201


async def test_a_bad_token_is_refused_even_where_none_is_required(site: Site, secret: str) -> None:
    answer = await site.start(user_token=token("another secret of enough bytes to sign with"))
    assert (answer.status_code, answer.data["reason"]) == (403, "signature")
    assert "Identity" in answer.data["hint"] or "secret" in answer.data["hint"]
    assert await people(site) == []


@pytest.mark.parametrize("user", [{"id": "u-2"}, {"email": "b@example.com"}, {"id": "u-1", "email": "b@example.com"}])
async def test_a_swapped_id_or_address_beside_a_good_token_is_refused(
    site: Site, secret: str, user: dict[str, str]
) -> None:
    answer = await site.start(user=user, user_token=token(secret, email="a@example.com"))
    assert (answer.status_code, answer.data["reason"]) == (403, "another_user")


async def test_on_a_shared_device_the_next_user_does_not_see_the_last_ones_chat(site: Site, secret: str) -> None:
    first = (await site.start(user_token=token(secret, "u-1"))).data
    second = await site.start(user_token=token(secret, "u-2"), resume=first["session_token"])
    assert second.status_code == 201
    assert second.data["session"]["conversation_id"] != first["session"]["conversation_id"]
    again = await site.start(user_token=token(secret, "u-1"), resume=first["session_token"])
    assert again.status_code == 200


async def test_an_unproved_claim_to_be_somebody_else_begins_a_new_conversation(site: Site) -> None:
    first = (await site.start(user={"id": "7", "email": "a@example.com"})).data
    other = await site.start(user={"id": "8"}, resume=first["session_token"])
    assert other.status_code == 201
    same = await site.start(user={"id": "7", "plan": "gold"}, resume=first["session_token"])
    assert same.status_code == 200


async def test_a_running_conversation_becomes_the_verified_persons(site: Site, secret: str) -> None:
    session = (await site.start()).data
    answer = await identify(site, session, user={"plan": "gold"}, user_token=token(secret, name="Ada"))
    assert answer.status_code == 200
    assert answer.data["session"]["id"] == session["session"]["id"]

    def look() -> None:
        with tenant(site.workspace_id):
            conversation = Conversation.objects.select_related("person").get()
            assert conversation.person.external_id == "u-1"
            assert conversation.person.verified_at is not None
            assert conversation.visitor_data == {"plan": "gold", "id": "u-1", "name": "Ada"}

    await in_thread(look)


async def test_a_verified_conversation_never_changes_hands(site: Site, secret: str) -> None:
    session = (await site.start(user_token=token(secret, "u-1", email="a@example.com"))).data
    answer = await identify(site, session, user_token=token(secret, "u-2"))
    assert (answer.status_code, answer.data["reason"]) == (403, "another_user")
    assert "logout" in answer.data["hint"]
    answer = await identify(site, session, user={"id": "u-2"})
    assert (answer.status_code, answer.data["reason"]) == (403, "missing")
    answer = await identify(site, session, user={"email": "b@example.com"})
    assert (answer.status_code, answer.data["reason"]) == (403, "missing")
    assert await people(site) == [("u-1", "a@example.com", 1)]


async def test_identify_without_proof_names_the_visitor_and_needs_proof_where_it_is_required(site: Site) -> None:
    session = (await site.start()).data
    assert (await identify(site, session, user={"name": "Ada", "email": "a@example.com"})).status_code == 200
    assert await people(site) == [(None, "a@example.com", 1)]
    await act(site, deploying.change, {"identity_required": True})
    assert (await identify(site, session, user={"name": "Bea"})).data["code"] == "identity_required"


async def test_identify_with_nothing_or_nonsense_is_refused_by_name(site: Site) -> None:
    session = (await site.start()).data
    nonsense: list[tuple[dict[str, Any], str]] = [
        ({}, "user"),
        ({"user": []}, "user"),
        ({"user": {"name": 5}}, "user.name"),
        ({"user_token": 5}, "user_token"),
    ]
    for body, field in nonsense:
        answer = await identify(site, session, **body)
        assert (answer.status_code, list(answer.data["errors"])) == (422, [field])
    stranger = await site.call("POST", f"/sessions/{session['session']['id']}/identify", None, {})
    assert stranger.data["code"] == "token_missing"
