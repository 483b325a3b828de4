"""Versions over the API: listed, compared, restored; assistants as files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments.models import Assistant, AssistantVersion
from deployments.responders.templates import TEMPLATES
from tests import factories
from tests.api.conftest import Program, program
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db


def script(answer: str) -> dict[str, Any]:
    intents = [{"name": "Hours", "phrases": ["when are you open"], "answers": [{"text": answer}]}]
    return {"welcome": {"text": "Hello"}, "intents": intents, "small_talk": True, "fallback": {"text": "Sorry?"}}


@pytest.fixture
def path(api: Program) -> str:
    """An assistant with two versions; the draft is as the second."""
    made = api.made("/assistants", {"name": "Ada", "scripted": script("9 to 5")})
    path = f"/assistants/{made['id']}"
    api.post(f"{path}/publish", {"note": "First"})
    api.patch(path, {"scripted": script("9 to 6")})
    api.post(f"{path}/publish", {"note": "Second"})
    return path


# --- Reading ------------------------------------------------------------------------------------------------------


def test_versions_come_in_pages_the_newest_first(api: Program, path: str) -> None:
    first = api.get(f"{path}/versions?limit=1").data
    assert [(each["number"], each["note"], each["is_live"]) for each in first["results"]] == [(2, "Second", True)]
    assert "content" not in first["results"][0]
    rest = api.get(first["next"].removeprefix("http://127.0.0.1:8000/v1")).data
    assert [(each["number"], each["is_live"]) for each in rest["results"]] == [(1, False)]
    assert rest["next"] is None


def test_a_version_has_its_content_and_who_still_talks_with_it(api: Program) -> None:
    new = factories.make_deployment(api.workspace)
    factories.start_session(new)
    one = api.get(f"/assistants/{new.deployment.assistant_id}/versions/1").data
    assert (one["running_conversations"], one["conversations"]) == (1, 1)
    assert one["published_by"] == {"id": str(factories.owner_of(api.workspace).id), "name": one["published_by"]["name"]}
    with tenant(api.workspace.id):
        assert one["content"] == AssistantVersion.objects.get().content


@pytest.mark.parametrize("number", ["0", "3", "x", "-1", "1.0", "99999999999999999999", "%00"])
def test_a_version_that_is_not_there_is_the_same_404(api: Program, path: str, number: str) -> None:
    answer = api.get(f"{path}/versions/{number}")
    nowhere = api.get("/assistants/00000000-0000-4000-8000-000000000000/versions/1")
    assert (answer.status_code, answer.content) == (404, nowhere.content)


def test_what_changed_is_said_by_part_and_line(api: Program, path: str) -> None:
    api.patch(path, {"name": "Bea", "scripted": {**script("9 to 7"), "small_talk": False}})
    diff = api.get(f"{path}/diff").data
    assert (diff["from"], diff["to"]) == (2, "draft")
    assert diff["summary"] == "1 intent changed, name changed, small talk off"
    assert [change["part"] for change in diff["changes"]] == ["name", "intent", "small_talk"]
    assert diff["changes"][1] == {
        "part": "intent",
        "kind": "changed",
        "title": "Hours",
        "lines": [{"kind": "changed", "label": "Answers", "old": "9 to 6", "new": "9 to 7"}],
    }
    assert api.get(f"{path}/diff?to=2").data["from"] == 1
    assert api.get(f"{path}/diff?from=draft&to=1").data["summary"] == diff["summary"].replace("off", "on")
    assert api.get(f"{path}/diff?from=2&to=2").data["changes"] == []


@pytest.mark.parametrize("query", ["from=3", "to=0", "to=x", "to=", "from=1&from=2", "since=1", "to=1", "to=²"])
def test_a_comparison_that_can_not_be_made_is_refused_in_words(api: Program, path: str, query: str) -> None:
    answer = api.get(f"{path}/diff?{query}")
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert answer.data["errors"]


# --- Restoring ----------------------------------------------------------------------------------------------------


def test_a_version_becomes_the_draft_and_visitors_meet_the_other_one(api: Program, path: str) -> None:
    restored = api.post(f"{path}/restore", {"version": 1})
    assert restored.status_code == 200
    assert restored.data["scripted"]["intents"][0]["answers"] == [{"text": "9 to 5"}]
    assert (restored.data["published_version"], restored.data["has_unpublished_changes"]) == (2, True)
    with tenant(api.workspace.id):
        assert AuditEvent.objects.get(action="assistant.restored").data == {"version": 1}


def test_a_version_goes_live_again_as_a_new_one(api: Program, path: str) -> None:
    restored = api.post(f"{path}/restore", {"version": 1, "publish": True}).data
    assert (restored["published_version"], restored["has_unpublished_changes"]) == (3, False)
    again = api.post(f"{path}/restore", {"version": 2, "publish": True, "note": "Back again"}).data
    assert again["published_version"] == 4
    notes = [each["note"] for each in api.get(f"{path}/versions").data["results"]]
    assert notes == ["Back again", "Restored version 1", "Second", "First"]


def test_restoring_what_is_live_makes_no_version(api: Program, path: str) -> None:
    assert api.post(f"{path}/restore", {"version": 2, "publish": True}).data["published_version"] == 2


def test_a_restore_that_is_sent_twice_happens_once(api: Program, path: str) -> None:
    body, key = {"version": 1, "publish": True}, {"Idempotency-Key": "k"}
    first = api.post(f"{path}/restore", body, **key)
    assert api.post(f"{path}/restore", body, **key).data == first.data
    assert len(api.get(f"{path}/versions").data["results"]) == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "version"),
        ({"version": 9}, "version"),
        ({"version": 0}, "version"),
        ({"version": 10**30}, "version"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": 1, "publish": "yes"}, "publish"),
        ({"version": 1, "note": "x" * 201}, "note"),
        ({"version": 1, "x": 1}, "x"),
    ],
)
def test_what_can_not_be_restored_is_named_and_nothing_changes(
    api: Program, path: str, body: dict[str, Any], field: str
) -> None:
    before = api.get(path).data
    answer = api.post(f"{path}/restore", body)
    assert (answer.status_code, list(answer.data["errors"])) == (422, [field])
    assert api.get(path).data == before


def test_an_old_content_that_would_be_refused_today_is_refused_by_its_paths(api: Program, path: str) -> None:
    with tenant(api.workspace.id):
        version = AssistantVersion.objects.get(number=1)
        version.content["scripted"]["intents"][0]["answers"] = []
        factories.replace_version(version, version.content)
    before = api.get(path).data
    answer = api.post(f"{path}/restore", {"version": 1})
    assert (answer.status_code, list(answer.data["errors"])) == (422, ["scripted.intents[0].answers"])
    assert api.get(path).data == before


# --- Files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", TEMPLATES)
def test_a_file_goes_out_and_in_without_loss(api: Program, stranger: Program, slug: str) -> None:
    made = api.made("/assistants", {"name": "Zoë", "template": slug})
    answer = api.get(f"/assistants/{made['id']}/export")
    assert answer["Content-Disposition"] == 'attachment; filename="zoe-draft.json"'
    copied = stranger.made("/assistants/import", answer.data)
    again = stranger.get(f"/assistants/{copied['id']}/export").data
    assert {**again, "exported_at": ""} == {**answer.data, "exported_at": ""}
    assert made["id"] not in json.dumps(answer.data)


def test_a_version_goes_out_as_it_was(api: Program, path: str) -> None:
    assert api.get(f"{path}/export?version=1").data["scripted"]["intents"][0]["answers"] == [{"text": "9 to 5"}]
    for wrong in ("9", "x", "-1", ""):
        assert api.get(f"{path}/export?version={wrong}").status_code == 422


def test_an_import_that_is_sent_twice_makes_one_assistant(api: Program) -> None:
    file = {"name": "Bea", "scripted": script("9 to 5")}
    first = api.post("/assistants/import", file, **{"Idempotency-Key": "k"})
    again = api.post("/assistants/import", file, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.data) == (201, first.data)
    assert len(api.get("/assistants").data["results"]) == 1


def test_a_file_takes_the_place_of_a_draft_and_visitors_meet_the_other_one(api: Program, path: str) -> None:
    replaced = api.post(f"{path}/import", {"name": "Bea", "scripted": script("9 to 7")})
    assert replaced.status_code == 200
    assert (replaced.data["name"], replaced.data["published_version"]) == ("Bea", 2)
    bare = api.post(f"{path}/import", script("9 to 8")).data
    assert (bare["name"], bare["scripted"]["intents"][0]["answers"]) == ("Bea", [{"text": "9 to 8"}])


def test_a_file_may_be_larger_than_other_bodies(api: Program, path: str) -> None:
    intents = [
        {"name": f"I{n}", "phrases": [f"say {n}"], "answers": [{"text": "x" * 1900}, {"text": "y" * 1900}]}
        for n in range(150)
    ]
    large = {**script("x"), "intents": intents}
    assert api.post(f"{path}/import", large).status_code == 200
    assert api.patch(path, {"scripted": large}).status_code == 413
    assert api.post(f"{path}/import", b'{"a": "' + b"x" * 2 * 1024 * 1024 + b'"}').status_code == 413


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"{}", ""),
        (b"[]", ""),
        (b"{", ""),
        (b'{"name": "a", "name": "b", "scripted": {}}', ""),
        (b'{"scripted": {}}', "name"),
        (b'{"welcome": {"text": "Hi"}}', "name"),
        (b'{"name": "a", "scripted": {"welcom": 1}}', "scripted.welcom"),
        (b'{"name": "a", "scripted": 1}', "scripted"),
        (b'{"name": 1, "scripted": {}}', "name"),
        (b'{"name": "a", "scripted": {}, "format_version": 2}', "format_version"),
        (b'{"name": "a", "scripted": {}, "test_cases": {}}', "test_cases"),
        (b'{"name": "a", "scripted": {}, "id": "x"}', "id"),
        (b'{"name": "a\\u0000", "scripted": {}}', ""),
    ],
)
def test_a_file_that_can_not_be_taken_is_refused_by_its_paths(api: Program, body: bytes, field: str) -> None:
    answer = api.post("/assistants/import", body)
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert field in answer.data.get("errors", {"": []})
    assert api.get("/assistants").data["results"] == []


def test_reading_and_changing_have_scopes_of_their_own(api: Program, path: str) -> None:
    reader = program(("assistants:read",), api.workspace)
    for address in ("/versions", "/versions/1", "/diff", "/export"):
        assert reader.get(path + address).status_code == 200
    for address, body in (("/restore", {"version": 1}), ("/import", {"scripted": {}})):
        assert reader.post(path + address, body).status_code == 403
    with tenant(api.workspace.id):
        assert Assistant.objects.get().name == "Ada"
