"""Canned replies: kept, changed and deleted on their pages, and put into the composer filled in."""

from __future__ import annotations

from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments import canned
from deployments.models import CannedReply, Conversation
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, text, words
from workspaces.models import AuditEvent, Workspace

LIST = "/app/conversations/replies/"


@pytest.fixture
def conversation(workspace: Workspace) -> Conversation:
    made = factories.make_deployment(workspace)
    page = {"url": "https://shop.example/kettles", "title": "Kettles"}
    return factories.start_session(made, user={"name": "Zoe *Q*", "plan": "gold"}, page=page).session.conversation


def keep(member: Browser, shortcut: str = "hello", title: str = "Hello", said: str = "Hello!") -> Any:
    form = form_of(member.get(f"{LIST}new"), "/new")
    form["shortcut"], form["title"], form["text"] = shortcut, title, said
    return member.send(form)


def the_one(workspace: Workspace) -> CannedReply:
    with tenant(workspace.id):
        return CannedReply.objects.get()


def test_a_reply_is_kept_listed_changed_and_deleted(member: Browser, workspace: Workspace) -> None:
    assert "No canned replies yet" in text(member.get(LIST))
    page = keep(member, "/Return", "How to  return", "Send it **back**.\r\nBye")
    assert "/return is kept." in words(page)
    assert "<code>/return</code>" in text(page)
    reply = the_one(workspace)
    assert (reply.shortcut, reply.title, reply.text) == ("return", "How to return", "Send it **back**.\nBye")
    form = form_of(member.get(f"{LIST}{reply.id}/"), f"{reply.id}/")
    assert form["text"] == "Send it **back**.\nBye"
    form["text"] = "Keep it."
    assert "/return is saved." in words(member.send(form))
    assert the_one(workspace).text == "Keep it."
    assert "Delete /return?" in words(member.get(f"{LIST}{reply.id}/delete"))
    assert "/return is deleted." in words(member.send(form_of(member.get(f"{LIST}{reply.id}/delete"), "/delete")))
    with tenant(workspace.id):
        actions = AuditEvent.objects.filter(action__startswith="canned_reply.").order_by("created_at")
        assert [row.action for row in actions] == [
            "canned_reply.created",
            "canned_reply.changed",
            "canned_reply.deleted",
        ]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("shortcut", "", canned.SHORTCUT_WORDS),
        ("shortcut", "two words", canned.SHORTCUT_WORDS),
        ("shortcut", "-a", canned.SHORTCUT_WORDS),
        ("shortcut", "ü", canned.SHORTCUT_WORDS),
        ("shortcut", "a" * 31, canned.SHORTCUT_WORDS),
        ("shortcut", "a\x00", canned.SHORTCUT_WORDS),
        ("title", " ", "Say in 1 to 100 characters what it is for."),
        ("title", "x" * 101, "Say in 1 to 100 characters what it is for."),
        ("text", " \n ", "Write what shall be sent."),
        ("text", "x" * 8001, "The text is too long"),
        ("text", "a\x00b", "The text contains the character NUL"),
        ("text", "Hi {{visitor.nmae}} {{agent.mail}}", "There is no {{agent.mail}}. Known: visitor.name,"),
        ("text", "Hi {{name}}, {{ two words }}", "There is no {{name}}, {{two words}}."),
    ],
)
def test_what_can_not_be_kept_is_said_beside_its_field_and_nothing_typed_is_lost(
    member: Browser, workspace: Workspace, field: str, typed: str, said: str
) -> None:
    good = {"shortcut": "hello", "title": "Hello", "text": "Hello!"}
    form = form_of(member.get(f"{LIST}new"), "/new")
    for name, value in {**good, field: typed}.items():
        form[name] = value
    answer = member.send(form)
    assert answer.status_code == 422
    page = words(answer)
    assert said in page
    if "\x00" not in typed:
        assert form_of(answer, "/new")[field].strip() == typed.strip()
    with tenant(workspace.id):
        assert not CannedReply.objects.exists()


def test_a_shortcut_is_taken_once(member: Browser, workspace: Workspace) -> None:
    keep(member)
    assert "/hello is taken by another reply." in words(keep(member, "HELLO", "Another", "Other words"))
    keep(member, "bye")
    with tenant(workspace.id):
        reply = CannedReply.objects.get(shortcut="bye")
    form = form_of(member.get(f"{LIST}{reply.id}/"), f"{reply.id}/")
    form["shortcut"] = "hello"
    assert "/hello is taken by another reply." in words(member.send(form))
    stranger = factories.make_workspace(name="Other")
    assert "is kept" in words(keep(browser_of(stranger, factories.owner_of(stranger))))


def test_who_may_only_read_sees_them_and_changes_none(member: Browser, workspace: Workspace) -> None:
    keep(member)
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = text(viewer.get(LIST))
    assert "/hello" in page
    assert "New reply" not in page
    assert "/delete" not in page


def test_by_slash_the_composer_gets_them_filled_in(
    member: Browser, workspace: Workspace, conversation: Conversation
) -> None:
    member.user.name = "Ines"
    member.user.save()
    keep(
        member,
        "all",
        "All",
        "{{visitor.name}}, {{visitor.plan}}: {{agent.name}} of {{assistant.name}} on {{page.title}}",
    )
    keep(member, "gaps", "Gaps", "{{visitor.email}} {{visitor.nick|friend}} {{visitor.name}} {{visitor.email}}")
    answer = member.get(f"/app/conversations/{conversation.id}/replies")
    all_, gaps = answer.json()["replies"]
    assert all_["text"] == r"Zoe \*Q\*, gold: Ines of Ada on Kettles"
    assert all_["missing"] == []
    assert gaps["text"] == r"[visitor.email?] friend Zoe \*Q\* [visitor.email?]"
    assert gaps["missing"] == ["visitor.email"]


def test_what_is_inserted_reads_as_plain_words(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    page = {"url": "https://shop.example/a_b?x=1&y=2", "title": "Kettles & pots (new!)"}
    told = {"name": "anna_b <3", "plan": "R&D [gold] #1", "evil": "[Zoe](https://evil.example)"}
    talk = factories.start_session(made, user=told, page=page).session.conversation
    keep(member, "all", "All", "{{visitor.name}}, {{visitor.plan}}: {{page.title}} {{page.url}}. {{visitor.evil}}")
    [reply] = member.get(f"/app/conversations/{talk.id}/replies").json()["replies"]
    plain, _, hostile = reply["text"].rpartition(" ")
    assert plain == "anna_b <3, R&D [gold] #1: Kettles & pots (new!) https://shop.example/a_b?x=1&y=2."
    # What would be a link, or any other Markdown, is none for the visitor.
    assert hostile == r"\[Zoe\](https\://evil.example)"


def test_without_javascript_a_reply_is_inserted_behind_what_is_typed(
    member: Browser, conversation: Conversation
) -> None:
    assert 'name="canned"' not in text(member.get(f"/app/conversations/{conversation.id}/"))
    keep(member, "gaps", "Gaps", "Dear {{visitor.name}}, we write to {{visitor.email}}.")
    form = form_of(member.get(f"/app/conversations/{conversation.id}/"), "/reply")
    form["text"], form["canned"] = "Hi\n", "gaps"
    sent = form.action
    form.action = form.action.replace("/reply", "/insert")
    page = member.send(form)
    assert page.status_code == 200
    assert "Not known here: visitor.email. Replace what stands in [ ] before you send." in words(page)
    again = form_of(page, "/reply")
    assert again["text"] == "Hi\nDear Zoe \\*Q\\*, we write to [visitor.email?]."
    assert again.action == sent
    assert again["client_id"] == form["client_id"]
    again["text"] = "Dear Zoe"
    assert "Dear Zoe" in text(member.send(again))
    form["canned"] = ""
    refused = member.send(form)
    assert "Choose a reply to insert first." in words(refused)
    assert form_of(refused, "/reply")["text"] == "Hi\n"
