"""An assistant as a file: exported, made from one, imported over a draft; every fault said in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.models import Assistant
from deployments.responders.templates import TEMPLATES
from tests import factories
from tests.pages.conftest import Browser, form_of, text, words
from workspaces.models import AuditEvent, Workspace

NEW = "/app/assistants/import"
SCRIPT = {"welcome": {"text": "Ahoy"}, "fallback": {"text": "Sorry?"}}
ENVELOPE = {
    "format": "convoship.assistant",
    "format_version": 1,
    "name": "Bea",
    "responder": "scripted",
    "scripted": SCRIPT,
}


def exported(member: Browser, assistant: Assistant, query: str = "") -> dict[str, Any]:
    answer = member.get(f"/app/assistants/{assistant.id}/export{query}")
    assert answer["Content-Type"] == "application/json"
    document: dict[str, Any] = json.loads(answer.content)
    return document


def given(member: Browser, address: str, content: str | bytes | dict[str, Any], name: str = "") -> Any:
    """Send it: bytes as a file, anything else as pasted text."""
    form = form_of(member.get(address), "/import")
    if isinstance(content, bytes):
        form.values["file"] = [SimpleUploadedFile("a.json", content)]  # type: ignore[list-item]
    else:
        form["text"] = content if isinstance(content, str) else json.dumps(content)
    if name:
        form["name"] = name
    if form.buttons:
        return member.send(form, op="look")
    return member.send(form)


def all_of(workspace: Workspace) -> list[Assistant]:
    with tenant(workspace.id):
        return list(Assistant.objects.order_by("created_at"))


def content_of(assistant: Assistant) -> tuple[Any, ...]:
    return (assistant.name, assistant.responder, assistant.draft, assistant.test_cases, assistant.test_threshold)


# --- Out and in again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", TEMPLATES)
def test_what_is_exported_and_imported_is_equal(member: Browser, workspace: Workspace, slug: str) -> None:
    assistant = factories.make_assistant(workspace, template=slug, name="Zoë")
    with tenant(workspace.id):
        Assistant.objects.update(test_threshold=80)
    document = exported(member, assistant)
    assert given(member, NEW, json.dumps(document).encode()).status_code == 200
    first, second = all_of(workspace)
    assert content_of(first) == content_of(second)
    assert second.test_cases == TEMPLATES[slug].test_cases()
    again = exported(member, second)
    assert {**again, "exported_at": ""} == {**document, "exported_at": ""}


def test_a_file_holds_no_ids_and_is_named_for_what_it_is(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, name="Zoë 日本")
    answer = member.get(f"/app/assistants/{assistant.id}/export")
    assert answer["Content-Disposition"] == 'attachment; filename="zoe-draft.json"'
    source = text(answer)
    assert "Zoë 日本" in source
    assert str(assistant.id) not in source
    assert str(workspace.id) not in source
    assert set(json.loads(source)) == {
        "format", "format_version", "name", "responder", "scripted", "handoff", "test_cases", "test_threshold",
        "exported_at",
    }  # fmt: skip
    versioned = member.get(f"/app/assistants/{assistant.id}/export?version=1")
    assert versioned["Content-Disposition"] == 'attachment; filename="zoe-v1.json"'


def test_a_version_is_exported_as_it_was(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    with tenant(workspace.id):
        Assistant.objects.update(draft={"scripted": SCRIPT}, name="Bea")
    assert exported(member, assistant, "?version=1")["name"] == "Ada"
    assert exported(member, assistant, "?version=draft")["name"] == "Bea"
    for wrong in ("2", "x", "", "-1", "9" * 30):
        assert member.get(f"/app/assistants/{assistant.id}/export?version={wrong}").status_code == 404


# --- A new assistant ------------------------------------------------------------------------------------------------


def test_a_new_assistant_is_made_from_what_was_pasted(member: Browser, workspace: Workspace) -> None:
    page = text(given(member, NEW, ENVELOPE))
    assert "Bea is there as a draft." in page
    (made,) = all_of(workspace)
    assert (made.name, made.draft["scripted"]["welcome"]["text"]) == ("Bea", "Ahoy")
    with tenant(workspace.id):
        assert {line.action for line in AuditEvent.objects.filter(target_id=str(made.id))} == {
            "assistant.created", "assistant.changed", "assistant.imported",
        }  # fmt: skip


def test_a_name_that_was_typed_wins_and_a_bare_script_needs_one(member: Browser, workspace: Workspace) -> None:
    given(member, NEW, ENVELOPE, name="Cleo")
    refused = given(member, NEW, SCRIPT)
    assert refused.status_code == 422
    assert "Give the assistant a name: this file brings none." in text(refused)
    assert json.loads(form_of(refused, NEW)["text"]) == SCRIPT
    given(member, NEW, {"scripted": SCRIPT}, name="Dora")
    given(member, NEW, SCRIPT, name="Emma")
    given(member, NEW, b"\xef\xbb\xbf" + json.dumps(ENVELOPE).encode())
    assert [each.name for each in all_of(workspace)] == ["Cleo", "Dora", "Emma", "Bea"]


TWO_FAULTS = {
    **ENVELOPE,
    "format_version": 2,
    "scripted": {**SCRIPT, "intents": [{"name": "A", "phrases": [" "], "answers": [{"text": "x"}]}]},
}


def test_every_fault_has_its_path_and_what_was_pasted_is_kept(member: Browser, workspace: Workspace) -> None:
    refused = given(member, NEW, TWO_FAULTS)
    page = text(refused)
    assert refused.status_code == 422
    assert "2 things to mend" in page
    assert "<code>format_version</code>: This must be 1" in page
    assert "<code>scripted.intents[0].phrases[0]</code>: This must not be empty." in page
    assert json.loads(form_of(refused, NEW)["text"]) == TWO_FAULTS
    assert all_of(workspace) == []


def test_a_files_text_can_be_mended_in_place(member: Browser, workspace: Workspace) -> None:
    refused = given(member, NEW, json.dumps(TWO_FAULTS).encode())
    form = form_of(refused, NEW)
    assert json.loads(form["text"]) == TWO_FAULTS
    form["text"] = json.dumps(ENVELOPE)
    member.send(form)
    assert [each.name for each in all_of(workspace)] == ["Bea"]


def test_a_bare_scripts_faults_have_the_paths_of_what_was_pasted(member: Browser) -> None:
    page = text(given(member, NEW, {"welcom": {}, "fallback": {"text": 5}}, name="Ada"))
    assert "<code>fallback.text</code>: This must be text." in page
    assert "<code>welcom</code>: This key isn" in page


DEEP = '{"scripted": ' + "[" * 5000 + "]" * 5000 + "}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "There is nothing in it"),
        ("   ", "There is nothing in it"),
        ("{}", "There is nothing in it"),
        ("{", "not valid JSON"),
        ('{"scripted": {},\n "name" 5}', "Line 2, column 9: A colon is missing after the name."),
        ('{"scripted": {},\n', "Line 2, column 1: It ends too early."),
        ("[]", "This must be an object"),
        ("5", "This must be an object"),
        ("null", "This must be an object"),
        ('"a"', "This must be an object"),
        (DEEP, "nested more than 40 deep"),
        ('{"scripted": {}, "scripted": {}}', "The key “scripted” stands twice"),
        ('{"scripted": {"welcome": {"text": "a\\u0000b"}}}', "NUL"),
        ('{"scripted": {"welcome": {"text": "a\\ud800b"}}}', "surrogate"),
        ('{"scripted": {}, "test_threshold": NaN}', "NaN is not JSON"),
        ('{"scripted": {}, "test_threshold": 1e999}', "too large"),
        ('{"scripted": {}, "test_threshold": ' + "9" * 5000 + "}", "not valid JSON"),
        ('{"scripted": {}, "test_threshold": 101}', "<code>test_threshold</code>: This must be 100 or less."),
        (
            '{"scripted": {}, "test_cases": [{"utterance": "a"}]}',
            "<code>test_cases[0].expected</code>: This is missing.",
        ),
        ('{"scripted": {}, "responder": "llm"}', "give llm, too"),
        ('{"scripted": {}, "responder": "parrot"}', "<code>responder</code>: This must be one of: scripted"),
        ('{"scripted": {}, "name": " "}', "<code>name</code>: This must not be empty."),
        ('{"scripted": []}', "<code>scripted</code>: This must be an object"),
        ('{"format": "convoship.assistant"}', "<code>scripted</code>: This is missing."),
        ('{"format": "other", "scripted": {}}', "<code>format</code>: This must be convoship.assistant"),
        ('{"id": "x", "scripted": {}}', "<code>id</code>: This key isn"),
        ("\x00", "not valid JSON"),
        (b"\xff\xfe{\x00}\x00", "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\xff", "not text in UTF-8"),
        (b"{" + b" " * (2 * 1024 * 1024), "at most 2 MiB"),
        ('{"a": "' + "x" * (2 * 1024 * 1024) + '"}', "at most 2 MiB"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_can_not_be_read_is_refused_in_words(
    member: Browser, workspace: Workspace, content: str | bytes, words: str
) -> None:
    assistant = factories.make_assistant(workspace)
    for address in (NEW, f"/app/assistants/{assistant.id}/import"):
        answer = given(member, address, content)
        assert answer.status_code == 422
        assert words in text(answer)
        if isinstance(content, str) and "\x00" not in content:
            assert form_of(answer, "/import")["text"].strip() == content.strip()
    assert content_of(all_of(workspace)[0]) == content_of(assistant)
    assert len(all_of(workspace)) == 1


def test_more_than_a_form_may_hold_gets_the_page_that_says_so(member: Browser) -> None:
    answer = given(member, NEW, '{"a": "' + "x" * 3_000_000 + '"}')
    assert answer.status_code == 400
    assert "It was too large" in text(answer)


def test_a_number_beyond_all_measure_is_refused_like_any_other(member: Browser) -> None:
    ask = {"slot": "a", "kind": "text", "prompt": {"text": "?"}, "max": 10**400}
    intent = {"name": "A", "phrases": ["a"], "answers": [{"text": "a"}], "ask": [ask]}
    answer = given(member, NEW, {"scripted": {"intents": [intent]}}, name="Ada")
    assert answer.status_code == 422
    assert "This is a number of characters, from 1 to 1000." in text(answer)


# --- Over a draft ---------------------------------------------------------------------------------------------------


def test_a_draft_is_replaced_only_after_what_changes_was_shown(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    address = f"/app/assistants/{assistant.id}/import"
    shown = given(member, address, ENVELOPE)
    page = text(shown)
    assert "Replace the draft by this?" in page
    assert "name changed" in page
    assert "Order status" in page
    assert content_of(all_of(workspace)[0]) == content_of(assistant)
    done = text(member.send(form_of(shown, "/import"), op="replace"))
    assert "The draft is replaced. Visitors meet it once you publish it." in done
    (now,) = all_of(workspace)
    assert (now.name, now.draft["scripted"]["welcome"]["text"]) == ("Bea", "Ahoy")
    assert now.published_id == assistant.published_id
    assert now.test_cases == assistant.test_cases  # the file brought none


def test_test_cases_that_come_along_are_announced(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    cases = [{"utterance": "hello", "expected": ""}]
    shown = given(
        member, f"/app/assistants/{assistant.id}/import", {**ENVELOPE, "test_cases": cases, "test_threshold": None}
    )
    assert f"Test cases: 1 instead of {len(assistant.test_cases)}." in text(shown)
    member.send(form_of(shown, "/import"), op="replace")
    assert all_of(workspace)[0].test_cases == cases


def test_a_draft_that_changed_since_is_shown_again(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    shown = given(member, f"/app/assistants/{assistant.id}/import", ENVELOPE)
    with tenant(workspace.id):
        row = Assistant.objects.get()
        row.draft_changed_at = row.created_at
        row.save()
    again = member.send(form_of(shown, "/import"), op="replace")
    assert again.status_code == 409
    assert "The draft was changed while you were reading." in text(again)
    member.send(form_of(again, "/import"), op="replace")
    assert all_of(workspace)[0].name == "Bea"


def test_who_saves_between_our_look_and_our_hold_is_not_overwritten(
    member: Browser, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = factories.make_assistant(workspace)
    shown = given(member, f"/app/assistants/{assistant.id}/import", ENVELOPE)
    hold = publishing.held

    def held_late(assistant_id: Any) -> Assistant:
        monkeypatch.setattr(publishing, "held", hold)
        publishing.change_draft(factories.actor(workspace), Assistant.objects.get(id=assistant_id), name="Cleo")
        return hold(assistant_id)

    monkeypatch.setattr(publishing, "held", held_late)
    answer = member.send(form_of(shown, "/import"), op="replace")
    assert answer.status_code == 409
    assert all_of(workspace)[0].name == "Cleo"


def test_what_a_file_says_is_never_html(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    hostile = "<script>alert(1)</script>"
    address = f"/app/assistants/{assistant.id}/import"
    for content in ({**ENVELOPE, "name": hostile}, {"scripted": {hostile: 1}}, "</textarea>" + hostile):
        page = text(given(member, address, content))
        assert hostile not in page
        assert "&lt;script&gt;" in page


def test_desks_of_another_workspace_are_left_out_in_words(member: Browser, workspace: Workspace) -> None:
    foreign = "0b0b0b0b-0000-4000-8000-00000000000b"
    document = {**ENVELOPE, "handoff": {"desks": [foreign, "inbox"], "keywords": ["human"]}}
    said = f"1 desk isn't in this workspace, and is left out ({foreign}). Hand-overs go to: inbox."
    assert said in words(given(member, NEW, document))
    with tenant(workspace.id):
        made = Assistant.objects.get()
        assert made.draft["handoff"] == {"keywords": ["human"]}
    preview = given(member, f"/app/assistants/{made.id}/import", {**document, "handoff": {"desks": [foreign]}})
    assert said in words(preview)
    assert "Words that ask for a person" in words(preview)
