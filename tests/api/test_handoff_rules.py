"""The rules of hand-overs over the API: in the draft, in versions, compared, restored, and in files."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.models import Assistant, AssistantVersion
from tests import factories
from tests.api.conftest import Program
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db

RULES: dict[str, Any] = {
    "longest_wait_seconds": 600,
    "keywords": ["real person"],
    "form": ["name", "email"],
    "hours": {
        "time_zone": "Europe/Berlin",
        "days": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]},
        "holidays": [{"date": "2026-12-25", "name": "Christmas"}],
    },
    "texts": {"waiting": {"text": "Somebody comes.", "also": [{"language": "de", "text": "Es kommt jemand."}]}},
}
DEFAULTS = {
    "desks": ["inbox"],
    "longest_wait_seconds": 300,
    "longest_silence_seconds": 900,
    "on_request": True,
    "keywords": [],
    "when_closed": "wait",
    "form": [],
    "texts": {},
}


@pytest.fixture
def path(api: Program) -> str:
    return f"/assistants/{api.made('/assistants', {'name': 'Ada', 'template': 'faq'})['id']}"


def test_an_assistant_says_what_holds_though_nobody_set_anything(api: Program, path: str) -> None:
    assert api.get(path).data["handoff"] == DEFAULTS


def test_rules_are_taken_as_a_whole_and_meet_visitors_once_published(api: Program, path: str) -> None:
    api.post(f"{path}/publish")
    changed = api.patch(path, {"handoff": RULES}).data
    assert changed["handoff"] == {**DEFAULTS, **RULES}
    assert changed["has_unpublished_changes"] is True
    assert api.post(f"{path}/publish").data["published_version"] == 2
    assert api.get(f"{path}/versions/2").data["content"]["handoff"] == RULES
    assert "handoff" not in api.get(f"{path}/versions/1").data["content"]
    assert api.patch(path, {"handoff": {}}).data["handoff"] == DEFAULTS


def test_what_was_read_can_be_sent_again_and_changes_nothing(api: Program, path: str) -> None:
    api.post(f"{path}/publish")
    again = api.patch(path, {"handoff": api.get(path).data["handoff"]}).data
    assert again["has_unpublished_changes"] is False
    with tenant(api.workspace.id):
        assert not AuditEvent.objects.filter(action="assistant.changed").exists()


def test_a_new_assistant_may_bring_its_rules(api: Program) -> None:
    made = api.made("/assistants", {"name": "Bea", "template": "faq", "handoff": RULES})
    assert made["handoff"]["keywords"] == ["real person"]


def test_every_fault_is_named_by_its_path_and_nothing_is_changed(api: Program, path: str) -> None:
    rules = {
        "longest_wait_seconds": 5,
        "keywords": [""],
        "hours": {"time_zone": "Europe/Berlin", "days": {"mon": [["9", "17:00"]]}},
        "desks": ["nobody"],
    }
    errors = api.patch(path, {"handoff": rules}).data["errors"]
    assert {
        "handoff.longest_wait_seconds",
        "handoff.keywords[0]",
        "handoff.hours.days.mon[0][0]",
        "handoff.desks[0]",
    } <= set(errors)
    rules = {"hours": {"time_zone": "Europe/Nowhere", "days": {"mon": [["17:00", "09:00"]]}}}
    errors = api.patch(path, {"handoff": rules}).data["errors"]
    assert set(errors) == {"handoff.hours.time_zone", "handoff.hours.days.mon[0]"}
    assert api.get(path).data["handoff"] == DEFAULTS


def test_a_desk_that_this_workspace_does_not_have_is_refused(api: Program, path: str) -> None:
    answer = api.patch(path, {"handoff": {"desks": ["inbox", str(uuid4())]}})
    assert answer.status_code == 422
    assert set(answer.data["errors"]) == {"handoff.desks[1]"}
    assert "inbox" in answer.data["errors"]["handoff.desks[1]"][0]


def test_a_desk_that_has_gone_keeps_nobody_from_changing_something_else(api: Program, path: str) -> None:
    gone = str(uuid4())
    with tenant(api.workspace.id):
        row = Assistant.objects.get()
        row.draft = {**row.draft, "handoff": {"desks": [gone, "inbox"]}}
        row.save()
    answer = api.patch(path, {"handoff": {"desks": [gone, "inbox"], "longest_wait_seconds": 60}})
    assert answer.data["handoff"]["longest_wait_seconds"] == 60
    assert api.post(f"{path}/publish").status_code == 200


def test_what_changed_in_the_rules_is_said_line_by_line(api: Program, path: str) -> None:
    api.post(f"{path}/publish")
    api.patch(path, {"handoff": RULES})
    diff = api.get(f"{path}/diff").data
    assert diff["summary"] == "hand-over changed"
    lines = {line["label"]: line["new"] for line in diff["changes"][0]["lines"]}
    assert lines["Longest wait"] == "10 minutes"
    assert lines["Monday"] == "09:00 to 12:00, 13:00 to 17:00"
    assert lines["Holidays"] == "2026-12-25 Christmas"
    assert lines["A person is asked for, in de"] == "Es kommt jemand."


def test_restoring_brings_the_rules_back_and_those_of_before_there_were_any(api: Program, path: str) -> None:
    api.post(f"{path}/publish")
    api.patch(path, {"handoff": RULES})
    api.post(f"{path}/publish")
    assert api.post(f"{path}/restore", {"version": 1}).data["handoff"] == DEFAULTS
    assert api.post(f"{path}/restore", {"version": 2}).data["handoff"] == {**DEFAULTS, **RULES}


def test_a_file_carries_the_rules_and_one_without_them_leaves_them_alone(api: Program, path: str) -> None:
    api.patch(path, {"handoff": RULES})
    file = api.get(f"{path}/export").data
    assert file["handoff"] == RULES
    assert api.made("/assistants/import", file)["handoff"] == {**DEFAULTS, **RULES}
    assert api.post(f"{path}/import", {"scripted": {}}).data["handoff"] == {**DEFAULTS, **RULES}
    assert api.post(f"{path}/import", {"scripted": {}, "handoff": {}}).data["handoff"] == DEFAULTS
    wrong = api.post(f"{path}/import", {"scripted": {}, "handoff": {"keyword": []}})
    assert set(wrong.data["errors"]) == {"handoff.keyword"}


def test_desks_of_another_workspace_are_left_out_of_a_file(api: Program, path: str) -> None:
    foreign = str(uuid4())
    made = api.post(f"{path}/import", {"scripted": {}, "handoff": {"desks": [foreign], "longest_wait_seconds": 60}})
    assert made.data["handoff"] == {**DEFAULTS, "longest_wait_seconds": 60}
    with tenant(api.workspace.id):
        assert AuditEvent.objects.get(action="assistant.imported").data["desks_left_out"] == [foreign]


def test_a_change_of_the_rules_leaves_what_is_unfinished_in_the_editor(api: Program, path: str) -> None:
    with tenant(api.workspace.id):
        Assistant.objects.update(draft_typed={"name": "half"})
        row = Assistant.objects.get()
        publishing.change_draft(factories.actor(api.workspace), row, handoff=RULES)
        assert Assistant.objects.get().draft_typed == {"name": "half"}
        assert not AssistantVersion.objects.exists()
