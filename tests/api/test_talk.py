"""What members write for each other, through the API: notes, canned replies."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from tests import factories
from tests.api.conftest import Program
from workspaces.models import AuditEvent


@pytest.fixture
def path(api: Program) -> str:
    """A conversation."""
    opened = factories.start_session(factories.make_deployment(api.workspace))
    return f"/conversations/{opened.session.conversation_id}"


def test_a_note_is_written_once_and_listed_with_who_it_names(api: Program, path: str) -> None:
    dana = factories.member(api.workspace, "agent", factories.make_user("dana@acme.example", name="Dana Reyes"))
    first = api.post(f"{path}/notes", {"text": "@Dana **look**", "client_id": "one"})
    again = api.post(f"{path}/notes", {"text": "@Dana **look**", "client_id": "one"})
    other = api.post(f"{path}/notes", {"text": "other", "client_id": "one"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert other.data["code"] == "idempotency_conflict"
    assert again.data == first.data
    assert first.data["author"] == {"id": None, "name": "Tests"}
    assert first.data["after_seq"] == 1
    mentioned = {"user": {"id": str(dana.id), "name": "Dana Reyes"}, "mailed_at": None, "trouble": ""}
    assert first.data["mentions"] == [mentioned]
    assert api.get(f"{path}/notes").data["results"] == [first.data]
    assert api.get(path).data["head_seq"] == 1
    assert [row["seq"] for row in api.get(f"{path}/messages").data["results"]] == [1]


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": " "}, {"text": 5}, {"text": "a\x00"}, {"text": "x" * 8001}, {"words": "a"}]
)
def test_a_note_that_can_not_be_kept_is_refused(api: Program, path: str, body: Any) -> None:
    assert api.post(f"{path}/notes", body).status_code == 422
    assert api.get(f"{path}/notes").data["results"] == []


def test_canned_replies_are_kept_changed_and_deleted(api: Program) -> None:
    made = api.made("/canned-replies", {"shortcut": "/Hello", "title": "Hello", "text": "Hi {{visitor.name}}"})
    assert (made["shortcut"], made["text"]) == ("hello", "Hi {{visitor.name}}")
    path = f"/canned-replies/{made['id']}"
    assert api.get(path).data == made
    assert api.get("/canned-replies").data["results"] == [made]
    changed = api.patch(path, {"title": "Greeting"})
    assert changed.status_code == 200
    assert (changed.data["title"], changed.data["shortcut"]) == ("Greeting", "hello")
    assert api.call("DELETE", path).status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"shortcut": "two words"}, "shortcut"),
        ({"shortcut": 5}, "shortcut"),
        ({"title": ""}, "title"),
        ({"text": "{{visitor}}"}, "text"),
        ({"more": 1}, "more"),
    ],
)
def test_a_canned_reply_that_can_not_be_kept_names_its_field(api: Program, body: dict[str, Any], field: str) -> None:
    good = {"shortcut": "hello", "title": "Hello", "text": "Hi"}
    answer = api.post("/canned-replies", {**good, **body})
    assert answer.status_code == 422
    assert field in str(answer.data["errors"])
    made = api.made("/canned-replies", good)
    assert api.patch(f"/canned-replies/{made['id']}", body).status_code == 422
    assert api.post("/canned-replies", good).data["errors"]["shortcut"] == [
        "/hello is taken by another reply. Choose another shortcut."
    ]


def test_a_conversation_is_assigned_to_who_may_answer_and_to_nobody(api: Program, path: str) -> None:
    dana = factories.member(api.workspace, "agent", factories.make_user(name="Dana Reyes"))
    viewer = factories.member(api.workspace, "viewer")
    stranger = factories.make_user()
    assigned = api.patch(path, {"assigned_to": str(dana.id)})
    assert assigned.status_code == 200
    assert assigned.data["assigned_to"] == {"id": str(dana.id), "name": "Dana Reyes"}
    assert (assigned.data["control"], assigned.data["head_seq"]) == ("assistant", 1)
    for other in (str(viewer.id), str(stranger.id), "x", 5, str(uuid.uuid4())):
        refused = api.patch(path, {"assigned_to": other})
        assert (refused.status_code, list(refused.data["errors"])) == (422, ["assigned_to"])
    assert api.patch(path, {}).data["assigned_to"]["id"] == str(dana.id)
    assert api.patch(path, {"status": "completed"}).status_code == 422
    assert api.patch(path, {"assigned_to": None}).data["assigned_to"] is None
    with tenant(api.workspace.id):
        rows = AuditEvent.objects.filter(action="conversation.assigned").order_by("created_at")
        assert [row.data["to"] for row in rows] == [str(dana.id), None]
    api.post(f"{path}/resolve")
    assert api.patch(path, {"assigned_to": str(dana.id)}).data["code"] == "conversation_ended"


def test_a_conversation_is_exported_in_each_form(api: Program, path: str) -> None:
    api.post(f"{path}/notes", {"text": "a secret between us"})
    token = {"Authorization": f"Bearer {api.token}"}
    kinds = {"json": "application/json", "txt": "text/plain; charset=utf-8", "pdf": "application/pdf"}
    for form, kind in kinds.items():
        for accepted in ("*/*", kind, "application/json"):
            answer = api.client.get(f"/v1{path}/export?format={form}", headers={**token, "Accept": accepted})
            assert (answer.status_code, answer["Content-Type"]) == (200, kind)
            assert answer["Cache-Control"] == "no-store"
            assert "secret" not in answer.content.decode("latin-1")
    assert api.get(f"{path}/export").data["format"] == "convoship.conversation"
    assert api.get(f"{path}/export?notes=1").data["notes"][0]["text"] == "a secret between us"
    for wrong, field in (("format=docx", "format"), ("notes=yes", "notes"), ("zone=Mars", "zone"), ("x=1", "x")):
        refused = api.get(f"{path}/export?{wrong}")
        assert (refused.status_code, list(refused.data["errors"])) == (422, [field])
