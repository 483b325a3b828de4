"""`Idempotency-Key`: sent twice, done once."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments.models import Assistant, Deployment, DeploymentToken
from tests import factories
from tests.api.conftest import Program, program
from workspaces.models import IdempotencyKey

pytestmark = pytest.mark.django_db

NEW = {"name": "Shop", "allowed_origins": ["https://shop.example"]}
KEY = {"Idempotency-Key": "5f0c2f0e-one"}


def test_a_repeated_call_answers_the_same_resource(api: Program) -> None:
    first = api.post("/assistants", {"name": "Ada", "template": "faq"}, **KEY)
    again = api.post("/assistants", {"template": "faq", "name": "Ada"}, **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.data == again.data
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    with tenant(api.workspace.id):
        assert Assistant.objects.count() == 1


def test_a_replay_shows_no_token_and_none_is_kept(api: Program) -> None:
    path = f"/assistants/{factories.make_assistant(api.workspace).id}/deployments"
    first = api.post(path, NEW, **KEY).data
    again = api.post(path, NEW, **KEY)
    assert again.status_code == 201
    assert (again.data["token"], again.data["replayed"]) == (None, True)
    assert again.data["deployment"] == first["deployment"]
    assert f"{first['token'][:12]}_PASTE_YOUR_TOKEN" in again.data["embed_snippet"]
    with tenant(api.workspace.id):
        assert first["token"] not in str(IdempotencyKey.objects.get().answer)
        assert Deployment.objects.count() == 1
    rotate = f"/deployments/{first['deployment']['id']}/rotate"
    rotated = api.post(rotate, {}, **KEY).data
    assert api.post(rotate, {}, **KEY).data["token"] is None
    with tenant(api.workspace.id):
        assert DeploymentToken.objects.count() == 2
    assert rotated["token"]


def test_another_body_under_the_same_key_is_a_conflict(api: Program) -> None:
    api.post("/assistants", {"name": "Ada"}, **KEY)
    answer = api.post("/assistants", {"name": "Bea"}, **KEY)
    assert (answer.status_code, answer.data["code"]) == (409, "idempotency_conflict")


def test_a_failure_is_not_kept(api: Program) -> None:
    assert api.post("/assistants", {"name": ""}, **KEY).status_code == 422
    assert api.post("/assistants", {"name": "Ada"}, **KEY).status_code == 201


def test_a_key_counts_for_one_call_in_one_workspace(api: Program, stranger: Program) -> None:
    assert api.post("/assistants", {"name": "Ada"}, **KEY).status_code == 201
    assert stranger.post("/assistants", {"name": "Bea"}, **KEY).data["name"] == "Bea"
    new = factories.make_deployment(api.workspace)
    path = f"/conversations/{factories.start_session(new).session.conversation_id}/messages"
    assert api.post(path, {"text": "Hello"}, **KEY).status_code == 201
    assert api.post(path, {"text": "Hello"}, **KEY).data["text"] == "Hello"
    assert api.get(path.removesuffix("/messages")).data["head_seq"] == 3


def test_after_a_day_the_key_is_free_again(api: Program) -> None:
    api.post("/assistants", {"name": "Ada"}, **KEY)
    api.post("/assistants", {"name": "Ada"}, **{"Idempotency-Key": "another"})
    with time_machine.travel(timezone.now() + dt.timedelta(hours=24, seconds=1)):
        assert api.post("/assistants", {"name": "Bea"}, **KEY).data["name"] == "Bea"
    with tenant(api.workspace.id):
        assert [row.key for row in IdempotencyKey.objects.all()] == [KEY["Idempotency-Key"]]


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\u00e9"])
def test_a_key_has_a_form(api: Program, key: str) -> None:
    answer = api.post("/assistants", {"name": "Ada"}, **{"Idempotency-Key": key})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.data["errors"]


@pytest.mark.django_db(transaction=True)
def test_ten_calls_at_once_under_one_key_make_one() -> None:
    caller = program()
    path = f"/assistants/{factories.make_assistant(caller.workspace).id}/deployments"

    def call(_: int) -> Any:
        try:
            return program_of(caller).post(path, NEW, **KEY)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(call, range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data["deployment"]["id"] for answer in answers}) == 1
    assert len([answer for answer in answers if answer.data["token"]]) == 1
    with tenant(caller.workspace.id):
        assert Deployment.objects.count() == 1


def program_of(caller: Program) -> Program:
    """The same program on a connection of its own."""
    return Program(caller.workspace, caller.token)
