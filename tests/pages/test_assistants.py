"""Assistants: made, edited without JavaScript, published, deleted; nothing typed is lost."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from convoship.lib.tenancy import tenant
from deployments.models import Assistant, AssistantVersion
from tests import factories
from tests.pages.conftest import Browser, Form, form_of, text
from workspaces.models import AuditEvent, Workspace


def editor(member: Browser, assistant: Assistant) -> Form:
    return form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save")


def draft_of(assistant: Assistant) -> dict[str, Any]:
    with tenant(assistant.workspace_id):
        draft: dict[str, Any] = Assistant.objects.get(id=assistant.id).draft["scripted"]
        return draft


def versions_of(assistant: Assistant) -> list[AssistantVersion]:
    with tenant(assistant.workspace_id):
        return list(AssistantVersion.objects.filter(assistant=assistant).order_by("number"))


def test_an_assistant_is_made_from_a_template_or_blank(member: Browser, workspace: Workspace) -> None:
    form = form_of(member.get("/app/assistants/new"), "/app/assistants/new")
    assert form["template"] == "faq"
    form["name"] = "Ada"
    assert "Opening hours" in text(member.send(form))
    form["template"] = ""
    form["name"] = "Blank"
    page = text(member.send(form))
    assert "Hello! How can I help you?" in page
    assert "Not published" in page


def test_an_assistant_without_a_name_is_not_made(member: Browser) -> None:
    refused = member.send(form_of(member.get("/app/assistants/new"), "/app/assistants/new"))
    assert refused.status_code == 422
    assert "Give the assistant a name" in text(refused)


def test_opening_and_saving_changes_nothing(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    before = draft_of(assistant)
    member.send(editor(member, assistant), op="save")
    assert draft_of(assistant) == before


def test_an_intent_is_added_filled_in_and_published_without_javascript(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, template=None, published=False)
    form = editor(member, assistant)
    form["welcome.text"] = "Ahoy"
    form = form_of(member.send(form, op="add:intents"), "/save")
    assert form["welcome.text"] == "Ahoy"
    form["intents.0.name"] = "Opening hours"
    form["intents.0.phrases"] = "when are you open\r\n\r\n  are you open on sunday  "
    form["intents.0.answers.0.text"] = "From 9 to 5."
    form = form_of(member.send(form, op="add:intents.0.answers"), "/save")
    form["intents.0.answers.1.text"] = "Nine to five."
    form = form_of(member.send(form, op="add:intents.0.answers.0.buttons"), "/save")
    form["intents.0.answers.0.buttons.0.label"] = "Our site"
    form["intents.0.answers.0.buttons.0.target"] = "url"
    form["intents.0.answers.0.buttons.0.value"] = "https://shop.example"
    form = form_of(member.send(form, op="add:welcome.buttons"), "/save")
    form["welcome.buttons.0.label"] = "Hours"
    form["welcome.buttons.0.target"] = "intent:Opening hours"
    form["intents.0.action"] = "end"
    form["note"] = "First words"
    published = member.send(form, op="publish")
    assert "Version 1 is live." in text(published)
    (version,) = versions_of(assistant)
    assert version.note == "First words"
    assert version.responder_content == draft_of(assistant)
    assert draft_of(assistant)["welcome"] == {
        "text": "Ahoy",
        "buttons": [{"label": "Hours", "payload": "intent:Opening hours"}],
    }
    assert draft_of(assistant)["intents"] == [
        {
            "name": "Opening hours",
            "phrases": ["when are you open", "are you open on sunday"],
            "answers": [
                {"text": "From 9 to 5.", "buttons": [{"label": "Our site", "url": "https://shop.example"}]},
                {"text": "Nine to five."},
            ],
            "action": {"type": "end"},
        }
    ]


def test_rows_are_moved_and_removed_without_javascript(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    names = [intent["name"] for intent in draft_of(assistant)["intents"]]
    form = form_of(member.send(editor(member, assistant), op="down:intents.0"), "/save")
    assert [form["intents.0.name"], form["intents.1.name"]] == [names[1], names[0]]
    form = form_of(member.send(form, op="up:intents.0"), "/save")
    form = form_of(member.send(form, op="remove:intents.0"), "/save")
    assert form["intents.0.name"] == names[0]
    assert draft_of(assistant)["intents"][0]["name"] == names[0]


def test_what_is_sent_first_stands_first_whatever_its_path_says(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, template=None)
    form = editor(member, assistant)
    for row, name in (("n2", "Second"), ("n1", "First")):
        form.values[f"intents.{row}.name"] = [name]
        form.values[f"intents.{row}.phrases"] = [f"say {name}"]
        form.values[f"intents.{row}.answers.a.text"] = ["Yes"]
    member.send(form, op="save")
    assert [intent["name"] for intent in draft_of(assistant)["intents"]] == ["Second", "First"]


def test_each_error_stands_at_its_field_and_nothing_typed_is_lost(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    before = draft_of(assistant)
    form = editor(member, assistant)
    form["welcome.text"] = "Kept though refused"
    form["intents.2.phrases"] = ""
    form["intents.2.name"] = "De:livery"
    form["intents.1.phrases"] = "fine\n" + "x" * 400
    refused = member.send(form, op="save")
    assert refused.status_code == 422
    page = text(refused)
    assert 'aria-describedby="f-intents-2-name_error"' in page
    assert 'id="f-intents-2-name_error"' in page
    assert 'href="#f-intents-1-phrases"' in page
    assert "Line 2: This is too long: 400 characters" in page
    assert form_of(refused, "/save")["welcome.text"] == "Kept though refused"
    assert draft_of(assistant) == before


def test_an_intent_nobody_can_reach_is_refused_at_its_phrases(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, template=None)
    form = form_of(member.send(editor(member, assistant), op="add:intents"), "/save")
    form["intents.0.name"] = "Lonely"
    form["intents.0.answers.0.text"] = "Hm"
    page = text(member.send(form, op="publish"))
    assert 'id="f-intents-0-phrases_error"' in page
    assert "Add at least one phrase" in page
    assert len(versions_of(assistant)) == 1


def test_a_new_name_takes_the_buttons_along_that_lead_to_the_intent(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = editor(member, assistant)
    row = next(n for n in range(20) if form[f"intents.{n}.name"] == "Delivery")
    form[f"intents.{row}.name"] = "Shipping"
    assert "The draft is saved" in text(member.send(form, op="save"))
    buttons = draft_of(assistant)["welcome"]["buttons"]
    assert {"label": "Delivery", "payload": "intent:Shipping"} in buttons


def test_a_button_to_a_removed_intent_is_refused_where_it_stands(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = editor(member, assistant)
    row = next(n for n in range(20) if form[f"intents.{n}.name"] == "Delivery")
    form = form_of(member.send(form, op=f"remove:intents.{row}"), "/save")
    page = text(member.send(form, op="save"))
    assert "Delivery (not there)" in page
    assert "No intent is called “Delivery”." in page
    assert 'id="f-welcome-buttons-1-target_error"' in page


def test_an_unknown_operation_loses_nothing(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = editor(member, assistant)
    huge = [f"remove:intents.{'9' * 5000}", f"add:intents.{'9' * 5000}.answers", f"add:{'welcome.' * 5000}buttons"]
    wrong = (
        "remove:intents.999",
        "add:nothing",
        "up:",
        ":",
        "remove:__class__.x",
        "add:welcome.text",
        "add:",
        "add::::",
    )
    for op in (*wrong, "remove:welcome", "up:intents", "add:intents.0", "remove:welcome.buttons.²", *huge):
        answer = member.client.post(form.action, {**form.values, "op": op})
        assert answer.status_code == 200
        assert form_of(answer, "/save").values["intents.3.name"] == form.values["intents.3.name"]


def test_a_change_elsewhere_is_not_overwritten_unasked(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    mine, theirs = editor(member, assistant), editor(member, assistant)
    theirs["welcome.text"] = "Theirs"
    member.send(theirs, op="save")
    mine["welcome.text"] = "Mine"
    conflict = member.send(mine, op="save")
    assert conflict.status_code == 409
    assert draft_of(assistant)["welcome"]["text"] == "Theirs"
    kept = form_of(conflict, "/save")
    assert kept["welcome.text"] == "Mine"
    member.send(kept, op="save-anyway")
    assert draft_of(assistant)["welcome"]["text"] == "Mine"


def test_unpublished_changes_are_said_until_they_are_published(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    assert "Unpublished changes" not in text(member.get("/app/assistants/"))
    form = editor(member, assistant)
    form["fallback.text"] = "Pardon?"
    member.send(form, op="save")
    assert "Unpublished changes" in text(member.get("/app/assistants/"))
    assert "Version 2 is live." in text(member.send(editor(member, assistant), op="publish"))
    assert "Unpublished changes" not in text(member.get("/app/assistants/"))
    assert "there is nothing to publish" in text(member.send(editor(member, assistant), op="publish"))
    assert len(versions_of(assistant)) == 2


def test_deleting_names_what_goes_with_it(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    factories.start_session(made)
    asked = member.get(f"/app/assistants/{made.deployment.assistant_id}/delete")
    assert "1 deployment" in text(asked)
    assert "Shop, live" in text(asked)
    assert "1 conversation with" in text(asked)
    assert "is deleted" in text(member.send(form_of(asked, "/delete")))
    with tenant(workspace.id):
        told = AuditEvent.objects.get(action="assistant.deleted").data
    assert told["deployments"] == [{"id": str(made.deployment.id), "name": "Shop"}]
    assert told["conversations"] == 1
    with tenant(workspace.id):
        assert not Assistant.objects.exists()


def test_a_viewer_reads_the_editor_and_can_change_nothing(workspace: Workspace) -> None:
    from tests.pages.conftest import browser_of

    assistant = factories.make_assistant(workspace)
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    form = editor(viewer, assistant)
    assert form.is_disabled
    assert form.buttons
    assert all(":" in value for _, value in form.buttons)
    assert viewer.client.post(form.action, {**form.values, "op": "save"}).status_code == 403


def test_a_note_that_can_t_be_stored_is_refused_in_words(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, published=False)
    form = form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save")
    form["note"] = "first\x00"
    answer = member.send(form, op="publish")
    assert answer.status_code == 409
    assert "The note contains a character" in text(answer)
    form = form_of(answer, "/save")
    form["note"] = "first"
    assert "Version 1 is live" in text(member.send(form, op="publish"))


def test_no_visitor_waits_for_who_publishes_or_rolls_out(member: Browser, workspace: Workspace) -> None:
    # A first message refers to its assistant and deployment, which a key lock would hold back while tests are run.
    made = factories.make_deployment(workspace).deployment
    form = form_of(member.get(f"/app/assistants/{made.assistant_id}/"), "/save")
    form["welcome.text"] = "Ahoy"
    tab = f"/app/deployments/{made.id}/rollout"
    with CaptureQueriesContext(connection) as asked:
        member.send(form, op="save")
        start = form_of(member.get(tab), "/start")
        start["version"] = "draft"
        assert "of the visitors meet what is tried" in text(member.send(start))
    held = [query["sql"] for query in asked if " UPDATE" in query["sql"] and query["sql"].startswith("SELECT")]
    assert len(held) >= 3
    assert all("FOR NO KEY UPDATE" in sql for sql in held)
