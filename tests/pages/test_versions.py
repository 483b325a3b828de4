"""Versions: listed, read, compared, restored; nothing of a draft is lost unasked."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convoship.lib.remembering import Remembered
from convoship.lib.tenancy import tenant
from deployments import publishing, versions
from deployments.models import Assistant, AssistantVersion, Conversation
from tests import factories
from tests.pages.conftest import Browser, Form, form_of, forms_of, text
from workspaces.models import AuditEvent, Workspace

HOSTILE = "<script>alert(1)</script> <b>bold</b>"


def script(answer: str = "From 9 to 5.", **changes: Any) -> dict[str, Any]:
    intents = [{"name": "Hours", "phrases": ["when are you open"], "answers": [{"text": answer}]}]
    return {"welcome": {"text": "Hello"}, "intents": intents, "fallback": {"text": "Sorry?"}, **changes}


def draft(assistant: Assistant, **changes: Any) -> None:
    """Change the draft, by the workspace's owner."""
    with tenant(assistant.workspace_id):
        row = Assistant.objects.select_related("workspace").get(id=assistant.id)
        publishing.change_draft(factories.actor(row.workspace), row, **changes)


def publish(assistant: Assistant, note: str = "") -> AssistantVersion:
    with tenant(assistant.workspace_id):
        row = Assistant.objects.select_related("workspace").get(id=assistant.id)
        return publishing.publish(factories.actor(row.workspace), row.id, note=note)


def fresh(assistant: Assistant) -> Assistant:
    with tenant(assistant.workspace_id):
        return Assistant.objects.select_related("published").get(id=assistant.id)


def numbers(assistant: Assistant) -> list[tuple[int, str]]:
    with tenant(assistant.workspace_id):
        rows = AssistantVersion.objects.filter(assistant=assistant).order_by("number")
        return list(rows.values_list("number", "note"))


@pytest.fixture
def ada(workspace: Workspace) -> Assistant:
    """An assistant with two versions; the draft is as the second."""
    assistant = factories.make_assistant(workspace, template=None, published=False)
    draft(assistant, scripted=script())
    publish(assistant, "First words")
    draft(assistant, scripted=script("From 9 to 6."))
    publish(assistant, "Longer hours")
    return fresh(assistant)


def path(assistant: Assistant, more: str = "") -> str:
    return f"/app/assistants/{assistant.id}/versions/{more}"


def restore_form(member: Browser, assistant: Assistant, number: int) -> Form:
    return form_of(member.get(path(assistant, f"{number}/")), "/restore")


# --- The list -----------------------------------------------------------------------------------------------------


def test_before_the_first_publish_the_page_says_what_publishing_does(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, published=False)
    page = text(member.get(path(assistant)))
    assert "No version yet" in page
    assert "Version 1</a>" not in page


def test_the_list_says_what_each_version_changed_who_made_it_and_which_is_live(member: Browser, ada: Assistant) -> None:
    page = text(member.get(path(ada)))
    second, first = page.index("Version 2</a>"), page.index("Version 1</a>")
    assert second < first
    assert page.count('<span class="badge good">Live</span>') == 1
    assert second < page.index('<span class="badge good">Live</span>') < first
    assert "Longer hours" in page[second:first]
    assert "1 intent changed" in page[second:first]
    assert f"by {member.user.display_name}" in page[second:first]
    assert "The first version" in page[first:]
    assert "The same as the version that is live." in page


def test_the_draft_stands_first_with_what_it_has_that_visitors_do_not_meet(member: Browser, ada: Assistant) -> None:
    draft(ada, name="Bea", scripted=script("Never.", small_talk=False))
    page = text(member.get(path(ada)))
    assert "3 changes not published: 1 intent changed, name changed, small talk off" in page
    assert page.index("3 changes not published") < page.index("Version 2</a>")


def test_the_list_counts_who_still_talks_with_a_version_and_how_its_tests_went(
    member: Browser, workspace: Workspace, ada: Assistant
) -> None:
    made = factories.make_deployment(workspace, ada)
    factories.start_session(made)
    factories.start_session(made)
    with tenant(workspace.id):
        ended = Conversation.objects.order_by("started_at").first()
        assert ended is not None
        Conversation.objects.filter(id=ended.id).update(status="completed", ended_at=ended.started_at)
        tried = Conversation.objects.exclude(id=ended.id).get()
        failures = [
            {"utterance": "hi", "expected": "Hours", "got": "", "score": 0},
            {"utterance": "hello", "expected": ":small_talk", "got": "Hours", "score": 0.6},
        ]
        report = {"passed": 2, "total": 4, "failures": failures}
        AssistantVersion.objects.filter(number=2).update(test_report=report)
    page = text(member.get(path(ada)))
    assert "1 active conversation<" in page.replace("\n", "")
    assert "2 of 4 tests passed" in page
    one = " ".join(text(member.get(path(ada, "2/"))).split())
    assert "2, 1 of them active" in one
    assert "“hi” led to the fallback, not to Hours" in one
    assert "“hello” led to Hours, not to small talk" in one
    with tenant(workspace.id):
        Conversation.objects.filter(id=tried.id).update(is_test=True)
    assert "active conversation" not in text(member.get(path(ada)))


def test_who_published_with_a_key_is_named_as_the_audit_log_has_it(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    with tenant(workspace.id):
        AssistantVersion.objects.update(published_by=None)
        AuditEvent.objects.filter(action="assistant.published").update(actor_label="CI key")
    assert "by CI key" in text(member.get(path(assistant)))


def test_a_long_list_has_pages(member: Browser, workspace: Workspace, ada: Assistant) -> None:
    content = {"name": "Ada", "responder": "scripted", "scripted": script()}
    with tenant(workspace.id):
        AssistantVersion.objects.bulk_create(
            AssistantVersion(assistant=ada, workspace_id=workspace.id, number=number, content=content)
            for number in range(3, 31)
        )
    newest = text(member.get(path(ada)))
    assert "Version 30</a>" in newest
    assert "Version 11</a>" in newest
    assert "Version 10</a>" not in newest
    assert 'href="?before=11"' in newest
    oldest = text(member.get(path(ada, "?before=11")))
    assert "Version 10</a>" in oldest
    assert "1 intent changed" in oldest  # the last of a page is compared, too
    assert ">Older<" not in oldest
    assert member.get(path(ada, "?before=1")).status_code == 200
    assert member.get(path(ada, "?before=-9x")).status_code == 200


def test_a_viewer_reads_and_is_offered_no_button_that_changes(workspace: Workspace, ada: Assistant) -> None:
    from tests.pages.conftest import browser_of

    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    for address in (path(ada), path(ada, "1/"), path(ada, "compare?from=1&to=2")):
        answer = viewer.get(address)
        assert answer.status_code == 200
        assert not [form for form in forms_of(answer) if form.action.endswith(("/restore", "/import"))]


# --- One, and two beside each other ---------------------------------------------------------------------------------


def test_a_version_can_be_read_whole(member: Browser, ada: Assistant) -> None:
    page = text(member.get(path(ada, "1/")))
    for words in ("First words", "Hello", "when are you open", "From 9 to 5.", "Sorry?", "Fallback"):
        assert words in page
    assert "From 9 to 6." not in page


def test_the_words_that_changed_are_marked_in_words_too(member: Browser, ada: Assistant) -> None:
    page = text(member.get(path(ada, "compare?to=2")))
    assert "What changed from version 1 to version 2" in page
    assert 'From 9 to <del><span class="sr-only"> removed: </span>5</del>' in page
    assert '<ins><span class="sr-only"> added: </span>6</ins>.' in page


def test_the_usual_comparison_is_the_draft_against_what_is_live(member: Browser, ada: Assistant) -> None:
    assert "Nothing changed" in text(member.get(path(ada, "compare")))
    draft(ada, scripted=script("Never."))
    page = text(member.get(path(ada, "compare")))
    assert "What changed from version 2 to the draft" in page
    assert "Never." in page
    assert "What changed from nothing to version 1" in text(member.get(path(ada, "compare?to=1")))
    assert "What changed from the draft to version 1" in text(member.get(path(ada, "compare?from=draft&to=1")))


def test_what_was_never_published_is_all_new(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, published=False)
    page = text(member.get(path(assistant, "compare")))
    assert "What changed from nothing to the draft" in page
    assert "Order status" in page


def restores(page: Any) -> dict[str, list[str]]:
    """The numbers that a comparison offers to restore, with what can be done of each."""
    forms = [form for form in forms_of(page) if form.action.endswith("/restore")]
    return {form.action.split("/")[-2]: [value for _, value in form.buttons] for form in forms}


def test_a_comparison_offers_to_go_back_to_its_versions(member: Browser, ada: Assistant) -> None:
    page = member.get(path(ada, "compare?from=1&to=2"))
    # The second is live, and the draft says the same.
    assert restores(page) == {"1": ["draft", "publish"]}
    draft(ada, scripted=script("From 9 to 7."))
    page = member.get(path(ada, "compare"))
    assert restores(page) == {"2": ["draft"]}
    asked = member.send(form_of(page, "/versions/2/restore"), op="draft")
    assert "Restore version 2, and lose what the draft has?" in text(asked)
    assert "Version 2" in text(member.send(form_of(asked, "/restore")))
    assert fresh(ada).content_of_draft()["scripted"]["intents"][0]["answers"][0]["text"] == "From 9 to 6."
    page = member.get(path(ada, "compare?to=2"))
    assert "is live: it says what version 1 said." in text(
        member.send(form_of(page, "/versions/1/restore"), op="publish")
    )


def test_what_versions_say_is_read_once_for_the_list(ada: Assistant) -> None:
    with tenant(ada.workspace_id):
        for _ in range(2):
            with CaptureQueriesContext(connection) as asked:
                newest, oldest = versions.listed(ada)
                assert versions.summaries([(oldest, newest)]) == {2: "1 intent changed"}
        assert len(asked) == 1
        assert '"content"' not in asked[0]["sql"]


def test_a_process_keeps_versions_by_their_size(ada: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: Remembered[Any, AssistantVersion] = Remembered(most=1)
    monkeypatch.setattr(publishing, "_kept", kept)
    with tenant(ada.workspace_id):
        for row in AssistantVersion.objects.all():
            assert publishing.version(ada.workspace_id, row.id) == row
        # The last one stays, however large; a second does not fit beside it.
        assert len(kept) == 1
        size = kept.weight
        with CaptureQueriesContext(connection) as asked:
            publishing.version(ada.workspace_id, row.id)
    assert not asked
    assert size == len(json.dumps(row.content))


@pytest.mark.parametrize(
    "query", ["from=9", "to=x", "to=-1", "from=99999999999999999999", "to=%00", "from=1&to=0", "to=²"]
)
def test_a_version_that_is_not_there_is_a_missing_page(member: Browser, ada: Assistant, query: str) -> None:
    assert member.get(path(ada, f"compare?{query}")).status_code == 404


@pytest.mark.parametrize("number", ["0", "9", "x", "1.5", "99999999999999999999", "²"])
def test_an_address_of_no_version_is_a_missing_page(member: Browser, ada: Assistant, number: str) -> None:
    assert member.get(path(ada, f"{number}/")).status_code == 404


def test_what_authors_wrote_is_never_html(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, template=None, published=False)
    hostile = {"name": HOSTILE, "phrases": [HOSTILE], "answers": [{"text": HOSTILE}]}
    draft(assistant, name=HOSTILE, scripted={**script(), "welcome": {"text": HOSTILE}})
    publish(assistant, HOSTILE)
    draft(assistant, scripted={**script(f"{HOSTILE} changed"), "intents": [hostile]})
    publish(assistant, HOSTILE)
    draft(assistant, scripted=script())
    with tenant(workspace.id):
        failure = {"utterance": HOSTILE, "expected": HOSTILE, "got": HOSTILE, "score": 1}
        AssistantVersion.objects.update(test_report={"passed": 0, "total": 1, "failures": [failure]})
    pages = [path(assistant), path(assistant, "1/"), path(assistant, "2/"), path(assistant, "compare?from=1&to=2")]
    for address in [*pages, path(assistant, "compare?from=2&to=draft")]:
        page = text(member.get(address))
        assert "<script>alert" not in page
        assert "<b>bold" not in page
    asked = text(member.send(restore_form(member, assistant, 1), op="draft"))
    assert "<script>alert" not in asked
    assert "&lt;script&gt;" in asked


# --- Restoring ----------------------------------------------------------------------------------------------------


def test_restoring_makes_a_version_the_draft_and_visitors_meet_the_old_one_still(
    member: Browser, ada: Assistant
) -> None:
    page = text(member.send(restore_form(member, ada, 1), op="draft"))
    assert "The draft says what version 1 said. Visitors meet it once you publish it." in page
    assert "1 change not published" in page
    now = fresh(ada)
    with tenant(ada.workspace_id):
        first = AssistantVersion.objects.get(number=1)
        assert AuditEvent.objects.get(action="assistant.restored").data == {"version": 1}
    assert now.content_of_draft() == first.content
    assert now.published == ada.published


def test_restoring_and_publishing_is_one_act_and_makes_a_new_version(member: Browser, ada: Assistant) -> None:
    page = text(member.send(restore_form(member, ada, 1), op="publish"))
    assert "Version 3 is live: it says what version 1 said." in page
    assert numbers(ada) == [(1, "First words"), (2, "Longer hours"), (3, "Restored version 1")]
    assert not fresh(ada).has_unpublished_changes


def test_the_name_is_restored_with_what_is_said(member: Browser, ada: Assistant) -> None:
    draft(ada, name="Bea")
    publish(ada)
    member.send(restore_form(member, ada, 2), op="draft")
    assert fresh(ada).name == "Ada"


def test_changes_of_the_draft_that_no_version_holds_are_not_lost_unasked(member: Browser, ada: Assistant) -> None:
    draft(ada, scripted=script("Never."))
    asked = member.send(restore_form(member, ada, 1), op="publish")
    page = text(asked)
    assert "Restore version 1, and lose what the draft has?" in page
    assert "1 intent changed" in page
    assert fresh(ada).draft["scripted"]["intents"][0]["answers"] == [{"text": "Never."}]
    confirm = form_of(asked, "/restore")
    draft(ada, scripted=script("Only on Sundays."))
    again = member.send(confirm)
    assert again.status_code == 409
    assert "The draft was changed while you were reading." in text(again)
    done = member.send(form_of(again, "/restore"))
    assert "Version 3 is live" in text(done)
    assert not fresh(ada).has_unpublished_changes


def test_what_another_version_holds_can_be_replaced_without_asking(member: Browser, ada: Assistant) -> None:
    member.send(restore_form(member, ada, 1), op="draft")
    page = text(member.send(restore_form(member, ada, 2), op="draft"))
    assert "The draft says what version 2 said." in page


def test_what_stands_half_typed_in_the_editor_is_asked_for_and_then_cleared(member: Browser, ada: Assistant) -> None:
    with tenant(ada.workspace_id):
        Assistant.objects.update(draft_typed={"name": ""})
    asked = member.send(restore_form(member, ada, 1), op="draft")
    assert "You would also lose what was typed in the editor and is not valid yet." in text(asked)
    member.send(form_of(asked, "/restore"))
    assert fresh(ada).draft_typed is None


def test_a_version_that_would_be_refused_today_is_refused_in_words_and_nothing_changes(
    member: Browser, ada: Assistant
) -> None:
    with tenant(ada.workspace_id):
        first = AssistantVersion.objects.get(number=1)
        content = copy.deepcopy(first.content)
        content["scripted"]["intents"][0]["phrases"] = []
        factories.replace_version(first, content)
    before = fresh(ada)
    answer = member.send(restore_form(member, ada, 1), op="publish")
    assert answer.status_code == 422
    page = text(answer)
    assert "Version 1 was not restored." in page
    assert "<code>scripted.intents[0].phrases</code>: Add at least one phrase" in page
    assert (fresh(ada).draft, numbers(ada)[-1][0]) == (before.draft, 2)


def test_when_publishing_is_refused_the_draft_stays_as_it_was(
    member: Browser, ada: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convoship.lib.problems import Problem

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise Problem("conflict", "3 of 10 tests fail.", hint="Mend them first.")

    monkeypatch.setattr(publishing, "publish", refuse)
    answer = member.send(restore_form(member, ada, 1), op="publish")
    assert answer.status_code == 409
    assert "3 of 10 tests fail. Mend them first." in text(answer)
    assert fresh(ada).draft == ada.draft
