"""The editor saves while somebody types: valid it is the draft, not yet it is kept as it was typed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.models import Assistant
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, text
from workspaces.models import AuditEvent, Workspace


def opened(member: Browser, assistant: Assistant) -> Form:
    return form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save")


def autosaved(member: Browser, form: Form) -> Any:
    """What the page's script sends, and what it is answered."""
    return member.client.post(form.action.replace("/save", "/autosave"), form.values)


def row_of(assistant: Assistant) -> Assistant:
    with tenant(assistant.workspace_id):
        return Assistant.objects.select_related("published").get(id=assistant.id)


def unfinished(assistant: Assistant) -> Any:
    return row_of(assistant).draft_typed


def changes(assistant: Assistant) -> list[AuditEvent]:
    with tenant(assistant.workspace_id):
        return list(AuditEvent.objects.filter(action="assistant.changed", target_id=str(assistant.id)))


def test_what_is_valid_becomes_the_draft(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = opened(member, assistant)
    form["welcome.text"] = "Ahoy"
    answer = autosaved(member, form)
    assert answer.status_code == 200
    kept = row_of(assistant)
    assert answer.json() == {
        "saved": True,
        "seen": kept.draft_changed_at.isoformat(),
        "faults": 0,
        "mend": [],
        "has_unpublished_changes": True,
    }
    assert kept.draft["scripted"]["welcome"]["text"] == "Ahoy"
    assert kept.draft_typed is None
    form["seen"] = answer.json()["seen"]
    form["name"] = "Bea"
    assert autosaved(member, form).status_code == 200
    assert row_of(assistant).name == "Bea"


def test_what_is_not_valid_yet_is_kept_as_it_was_typed(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    before = assistant.draft
    form = opened(member, assistant)
    form["welcome.text"] = ""
    form["intents.1.phrases"] = "  when do you\n\n  close  "
    form.values["intents.n7x.name"] = ["Half: an intent"]
    form.values["intents.n7x.answers.n8x.text"] = ["Yes"]
    answer = autosaved(member, form).json()
    assert answer["saved"]
    assert answer["faults"] == 3
    wrong = ["welcome.text", "intents.n7x.name", "intents.n7x.phrases"]
    assert [mend["field"] for mend in answer["mend"]] == wrong
    assert answer["mend"][1]["where"] == "Intent “Half: an intent”"
    kept = row_of(assistant)
    assert kept.draft == before
    assert unfinished(assistant)["intents"][1]["phrases"] == "  when do you\n\n  close  "

    # Another browser shows it again, with its faults, and so does the Deploy page say that something is unfinished.
    other = browser_of(workspace, factories.owner_of(workspace))
    page = other.get(f"/app/assistants/{assistant.id}/")
    assert "Kept as it was typed. 3 things to mend" in text(page)
    assert 'id="f-welcome-text_error"' in text(page)
    again = form_of(page, "/save")
    assert again["welcome.text"] == ""
    last = max(int(name.split(".")[1]) for name in again.values if name.startswith("intents."))
    assert again[f"intents.{last}.name"] == "Half: an intent"
    assert "something is unfinished" in text(other.get(f"/app/assistants/{assistant.id}/deploy"))

    # Once it is mended it is the draft, and nothing is unfinished any more.
    again["welcome.text"] = "Hello"
    again[f"intents.{last}.name"] = "Half an intent"
    answer = autosaved(other, again).json()
    assert [mend["field"] for mend in answer["mend"]] == [f"intents.{last}.phrases"]
    again[f"intents.{last}.phrases"] = "half of it"
    again["seen"] = answer["seen"]
    assert autosaved(other, again).json()["faults"] == 0
    mended = row_of(assistant)
    assert mended.draft_typed is None
    assert mended.draft["scripted"]["intents"][-1]["name"] == "Half an intent"
    assert "something is unfinished" not in text(other.get(f"/app/assistants/{assistant.id}/deploy"))


def test_a_change_elsewhere_is_not_overwritten(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    mine, theirs = opened(member, assistant), opened(member, assistant)
    theirs["welcome.text"] = ""
    assert autosaved(member, theirs).json()["faults"] == 1
    mine["welcome.text"] = "Mine"
    refused = autosaved(member, mine)
    assert (refused.status_code, refused.json()) == (409, {"saved": False})
    assert unfinished(assistant)["welcome"]["text"] == ""
    assert autosaved(member, Form(mine.action, {**mine.values, "seen": ["yesterday"]})).status_code == 409
    kept = form_of(member.send(mine, op="save"), "/save")
    member.send(kept, op="save-anyway")
    assert row_of(assistant).draft["scripted"]["welcome"]["text"] == "Mine"


def test_an_hour_of_typing_is_a_line_of_the_log_every_ten_minutes(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = opened(member, assistant)
    for words in ("A", "", "Ah", "Aho"):
        form["welcome.text"] = words
        form["seen"] = autosaved(member, form).json()["seen"]
    assert len(changes(assistant)) == 1
    with tenant(workspace.id):
        AuditEvent.objects.update(created_at=timezone.now() - dt.timedelta(minutes=11))
    form["welcome.text"] = "Ahoy"
    autosaved(member, form)
    assert len(changes(assistant)) == 2
    colleague = browser_of(workspace, factories.member(workspace, "admin"))
    form = opened(colleague, assistant)
    form["welcome.text"] = "Ahoy!"
    autosaved(colleague, form)
    assert len(changes(assistant)) == 3


def test_saving_what_is_there_already_changes_nothing(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    before = row_of(assistant).draft_changed_at
    form = opened(member, assistant)
    assert autosaved(member, form).json()["seen"] == before.isoformat()
    assert changes(assistant) == []


def test_a_draft_that_comes_by_another_door_ends_what_was_unfinished(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = opened(member, assistant)
    form["welcome.text"] = ""
    autosaved(member, form)
    with tenant(workspace.id):
        row = Assistant.objects.get(id=assistant.id)
        publishing.change_draft(factories.actor(workspace), row, name="Bea")
    assert unfinished(assistant)["name"] == "Bea"
    with tenant(workspace.id):
        publishing.change_draft(factories.actor(workspace), row, scripted=row.draft["scripted"])
    assert row_of(assistant).draft_typed is None


def test_what_is_unfinished_can_be_thrown_away(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = opened(member, assistant)
    form["welcome.text"] = ""
    form["fallback.text"] = "Pardon?"
    autosaved(member, form)
    page = member.send(opened(member, assistant), op="discard")
    assert "What was unfinished is gone" in text(page)
    assert form_of(page, "/save")["fallback.text"] != "Pardon?"
    assert row_of(assistant).draft_typed is None


def test_the_save_button_keeps_what_is_not_valid_yet(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = opened(member, assistant)
    form["welcome.text"] = ""
    form["fallback.text"] = "Pardon?"
    assert member.send(form, op="publish").status_code == 422
    assert opened(member, assistant)["fallback.text"] == "Pardon?"
    assert row_of(assistant).published_id == assistant.published_id


def test_characters_that_cannot_be_stored_do_no_harm(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = opened(member, assistant)
    form["welcome.text"] = "A\x00hoy"
    form["name"] = "\x00"
    answer = autosaved(member, form).json()
    assert answer["faults"] == 2
    assert opened(member, assistant)["welcome.text"] == "A\N{REPLACEMENT CHARACTER}hoy"
    hostile = Form(form.action, {"seen": [answer["seen"]], "welcome": ["x"], "intents.x.name": ["\x00"]})
    assert autosaved(member, hostile).status_code == 403  # the form's own token is missing
    hostile.values["csrfmiddlewaretoken"] = form.values["csrfmiddlewaretoken"]
    assert autosaved(member, hostile).json()["faults"] > 1
    assert member.get(f"/app/assistants/{assistant.id}/").status_code == 200


def test_only_who_may_write_and_only_in_their_own_workspace(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    before = row_of(assistant).draft
    form = opened(member, assistant)
    form["welcome.text"] = "Changed"
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    stranger = browser_of(other := factories.make_workspace(), factories.owner_of(other))
    for who, status in ((viewer, 403), (stranger, 404)):
        who.client.handler.enforce_csrf_checks = False
        assert autosaved(who, form).status_code == status
    form["csrfmiddlewaretoken"] = ""
    assert autosaved(member, form).status_code == 403
    assert row_of(assistant).draft == before
