"""Assistants over the API: drafts, publishing, trying."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.test import AsyncClient

from convoship.lib.tenancy import TenantManager, tenant
from deployments.models import AssistantVersion, Conversation
from tests import factories
from tests.api.conftest import Program, program
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db

SCRIPT = {
    "welcome": {"text": "Welcome!"},
    "intents": [{"name": "Hours", "phrases": ["when are you open"], "answers": [{"text": "Always."}]}],
    "small_talk": False,
    "fallback": {"text": "Pardon?"},
}


def test_a_new_assistant_is_a_draft_that_nobody_meets(api: Program) -> None:
    made = api.made("/assistants", {"name": "  Ada ", "template": "faq"})
    assert made["name"] == "Ada"
    assert (made["responder"], made["published_version"], made["has_unpublished_changes"]) == ("scripted", None, True)
    assert {"llm", "webhook"}.isdisjoint(made)
    assert made["scripted"]["intents"]
    assert api.get(f"/assistants/{made['id']}").data == made


def test_a_new_assistant_may_bring_its_script(api: Program) -> None:
    made = api.made("/assistants", {"name": "Ada", "scripted": SCRIPT})
    assert made["scripted"]["welcome"]["text"] == "Welcome!"


def test_a_change_is_a_draft_until_it_is_published(api: Program) -> None:
    made = api.made("/assistants", {"name": "Ada", "template": "faq"})
    path = f"/assistants/{made['id']}"
    published = api.post(f"{path}/publish", {"note": "first"})
    assert published.status_code == 200
    assert (published.data["published_version"], published.data["has_unpublished_changes"]) == (1, False)
    changed = api.patch(path, {"scripted": SCRIPT, "name": "Bea"}).data
    assert (changed["name"], changed["published_version"], changed["has_unpublished_changes"]) == ("Bea", 1, True)
    with tenant(api.workspace.id):
        assert AssistantVersion.objects.get(number=1).content["name"] == "Ada"
    assert api.post(f"{path}/publish").data["published_version"] == 2


def test_publishing_what_visitors_meet_already_makes_no_further_version(api: Program) -> None:
    path = f"/assistants/{api.made('/assistants', {'name': 'Ada', 'template': 'faq'})['id']}"
    first, again = (api.post(f"{path}/publish", {"note": note}) for note in ("First", "Again"))
    assert again.status_code == 200
    assert again.data == first.data
    with tenant(api.workspace.id):
        assert AssistantVersion.objects.get().note == "First"
        assert AuditEvent.objects.filter(action="assistant.published").count() == 1


def test_every_change_leaves_a_line_in_the_audit_log(api: Program) -> None:
    path = f"/assistants/{api.made('/assistants', {'name': 'Ada', 'template': 'faq'})['id']}"
    api.patch(path, {"name": "Bea"})
    api.post(f"{path}/publish")
    api.call("DELETE", path)
    with tenant(api.workspace.id):
        lines = AuditEvent.objects.filter(action__startswith="assistant.").order_by("created_at")
        assert [line.action.split(".")[1] for line in lines] == ["created", "changed", "published", "deleted"]
        assert {line.actor_kind for line in lines} == {"api_key"}


def test_deleting_takes_the_assistant_away_and_what_hangs_on_it(api: Program) -> None:
    new = factories.make_deployment(api.workspace)
    factories.start_session(new)
    path = f"/assistants/{new.deployment.assistant_id}"
    answer = api.call("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(path).status_code == 404
    with tenant(api.workspace.id):
        assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nam": "Ada"}, "nam"),
        ({"id": "x"}, "id"),
        ({"published_version": 3}, "published_version"),
        ({"llm": {}}, "llm.base_url"),
        ({"name": 5}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"responder": "llm"}, "responder"),
        ({"scripted": None}, "scripted"),
        ({"scripted": []}, "scripted"),
        ({"scripted": {"welcom": {}}}, "scripted.welcom"),
        ({"scripted": {"intents": [{"name": "a", "phrases": "x", "answers": []}]}}, "scripted.intents[0].phrases"),
    ],
)
def test_what_can_not_be_taken_is_named_and_nothing_changes(api: Program, change: Any, field: str) -> None:
    made = api.made("/assistants", {"name": "Ada"})
    answer = api.patch(f"/assistants/{made['id']}", change)
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert field in answer.data["errors"]
    assert api.get(f"/assistants/{made['id']}").data == made


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'"x"', 422),
        (b"null", 422),
        (b"\xff\xfe", 422),
        (b'{"name": "a\\u0000b"}', 422),
        (b'{"name": "a\\ud800b"}', 422),
        (b'{"name": NaN}', 422),
        (b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}", 422),
        (b'{"scripted": {"welcome": ' + b'{"a":' * 30 + b"1" + b"}" * 30 + b"}}", 422),
        (b'{"name": "' + b"x" * 1_000_000 + b'"}', 413),
        (b'{"name": 1e999}', 422),
    ],
)
def test_a_broken_body_gets_a_clear_answer(api: Program, body: bytes, status: int) -> None:
    answer = api.post("/assistants", body)
    assert answer.status_code == status
    assert answer.data["detail"]
    assert api.get("/assistants").data["results"] == []


def test_another_content_type_is_refused(api: Program) -> None:
    answer = api.client.post("/v1/assistants", {"name": "x"}, headers={"Authorization": f"Bearer {api.token}"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_template_that_is_not_there_is_named(api: Program) -> None:
    answer = api.post("/assistants", {"name": "Ada", "template": "nope"})
    assert answer.status_code == 422
    assert "template" in answer.data["errors"]


# --- Trying -------------------------------------------------------------------------------------------------------


async def try_it(caller: Program, assistant_id: Any, body: Any) -> Any:
    answer: Any = await AsyncClient().post(
        f"/v1/assistants/{assistant_id}/try",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {caller.token}"},
    )
    answer.data = json.loads(answer.content)
    return answer


@pytest.mark.django_db(transaction=True)
class TestTrying:
    """Through the asynchronous client, as the server runs it."""

    @pytest.fixture
    def caller(self) -> Program:
        return program()

    async def test_the_draft_answers_one_turn_and_nothing_is_stored(self, caller: Program) -> None:
        assistant = await sync_to_async(factories.make_assistant)(caller.workspace, published=False)
        before = await sync_to_async(_row_counts)(caller)
        answer = await try_it(caller, assistant.id, {"text": "where is my order"})
        assert answer.status_code == 200
        assert "Your order is on its way" in answer.data["replies"][0]["text"]
        assert answer.data["trace"]["intent"] == "Order status"
        after = await sync_to_async(_row_counts)(caller)
        assert after == before

    async def test_it_tells_what_the_assistant_would_do(self, caller: Program) -> None:
        assistant = await sync_to_async(factories.make_assistant)(caller.workspace)
        assert "hand_over" in (await try_it(caller, assistant.id, {"text": "talk to a person"})).data
        assert "end" in (await try_it(caller, assistant.id, {"text": "goodbye"})).data
        tapped = await try_it(caller, assistant.id, {"text": "Delivery", "payload": "intent:Delivery"})
        assert tapped.data["replies"][0]["blocks"]

    async def test_who_may_read_an_assistant_may_try_it(self, caller: Program) -> None:
        assistant = await sync_to_async(factories.make_assistant)(caller.workspace)
        reader = await sync_to_async(program)(("assistants:read",), caller.workspace)
        assert (await try_it(reader, assistant.id, {"text": "hi"})).status_code == 200

    async def test_it_needs_a_text_a_scope_and_an_assistant_of_ones_own(self, caller: Program) -> None:
        assistant = await sync_to_async(factories.make_assistant)(caller.workspace)
        for body in ({}, {"text": ""}, {"text": 5}, {"text": "a", "x": 1}, {"text": "x" * 8001}):
            assert (await try_it(caller, assistant.id, body)).status_code == 422
        stranger = await sync_to_async(program)(("deployments:read",), caller.workspace)
        assert (await try_it(stranger, assistant.id, {"text": "hi"})).status_code == 403
        other = await sync_to_async(program)()
        foreign = await try_it(other, assistant.id, {"text": "hi"})
        missing = await try_it(other, "00000000-0000-4000-8000-000000000000", {"text": "hi"})
        assert foreign.status_code == missing.status_code == 404
        assert foreign.content == missing.content


def _row_counts(caller: Program) -> dict[str, int]:
    """How many rows of each kind the workspace has."""
    with tenant(caller.workspace.id):
        return {model.__name__: model._default_manager.count() for model in _tenant_models()}


def _tenant_models() -> list[Any]:
    return [model for model in apps.get_models() if isinstance(model._default_manager, TenantManager)]
