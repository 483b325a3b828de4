"""The inbox: who waits stands on top, and a person can take over, answer, hand back and resolve."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import conversations, deploying, file_links, handoff, visits
from deployments.conversations import NewMessage
from deployments.deploying import NewDeployment
from deployments.models import Conversation, Deployment, File, Message, Turn
from deployments.pages import inbox_queries
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text
from workspaces.models import Workspace


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


def start(made: NewDeployment, said: str = "", **request: Any) -> Conversation:
    conversation = factories.start_session(made, **request).session.conversation
    if said:
        with tenant(conversation.workspace_id):
            locked = conversations.lock(conversation.id)
            conversations.post_message(locked, NewMessage(author_kind="visitor", text=said, status="received"))
    return conversation


def fresh(conversation: Conversation) -> Conversation:
    with tenant(conversation.workspace_id):
        return Conversation.objects.select_related("assigned_to").get(id=conversation.id)


def ask(conversation: Conversation) -> None:
    with tenant(conversation.workspace_id):
        handoff.request(conversations.lock(conversation.id), "The visitor asked.")


def page_of(member: Browser, conversation: Conversation) -> str:
    return text(member.get(f"/app/conversations/{conversation.id}/"))


def press(member: Browser, conversation: Conversation, act: str) -> str:
    page = member.get(f"/app/conversations/{conversation.id}/")
    return text(member.send(form_of(page, f"/{act}")))


def test_who_waits_stands_on_top_and_is_counted_in_the_sidebar(member: Browser, made: NewDeployment) -> None:
    waiting = start(made, "I need help")
    ask(waiting)
    start(made, "the newest one")
    page = text(member.get("/app/conversations/"))
    assert page.index(str(waiting.id)) < page.index("the newest one")
    assert "waiting</span>" in page


@pytest.mark.parametrize(
    ("show", "expected"),
    [("all", 4), ("waiting", 1), ("mine", 1), ("active", 3), ("ended", 1), ("nonsense", 4)],
)
def test_the_list_is_filtered(member: Browser, made: NewDeployment, show: str, expected: int) -> None:
    start(made)
    ask(start(made))
    press(member, start(made), "take")
    press(member, start(made), "resolve")
    page = text(member.get(f"/app/conversations/?show={show}"))
    assert page.count('class="inbox-row"') == expected


def test_the_search_finds_by_last_message_name_and_address(member: Browser, made: NewDeployment) -> None:
    start(made, "about a blue kettle")
    start(made, user={"name": "Grace Hopper", "email": "grace@navy.example"})
    for words in ("KETTLE", "hopper", "navy.example"):
        assert text(member.get("/app/conversations/", data={"q": words})).count('class="inbox-row"') == 1
    assert "Nothing found for “100%”" in text(member.get("/app/conversations/", data={"q": "100%"}))
    assert member.get("/app/conversations/?q=%00%ff").status_code == 200


def test_pages_follow_by_cursor_without_gap_or_double(
    member: Browser, made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_queries, "PAGE_SIZE", 2)
    ids = {str(start(made).id) for _ in range(5)}
    seen: list[str] = []
    address = "/app/conversations/"
    for _ in range(3):
        page = text(member.get(address))
        seen += [id_ for id_ in ids if f"/app/conversations/{id_}/" in page]
        if ">Older<" not in page:
            break
        address = page.rsplit('">Older<', 1)[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    assert sorted(seen) == sorted(ids)
    moments = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2020-01-01T00:00:00", "2020-01-01")
    forged = [base64.urlsafe_b64encode(f"{moment} {uuid4()}".encode()).decode() for moment in moments]
    for made_up in ("%FF", "x", "////", "a" * 500, *forged):
        assert member.get(f"/app/conversations/?after={made_up}").status_code == 200


def test_the_transcript_shows_safe_markdown_facts_and_how_it_was_answered(member: Browser, made: NewDeployment) -> None:
    seen_on = {"url": "https://shop.example/a", "title": "Kettles"}
    conversation = start(made, "<script>alert(1)</script> **hi**", locale="de", page=seen_on)
    with tenant(conversation.workspace_id):
        message = Message.objects.get(conversation=conversation, author_kind="visitor")
        Turn.objects.create(
            conversation=conversation,
            message=message,
            seq=message.seq,
            status="failed",
            reason="The responder did not answer.",
            trace={"intent": "Returns", "score": 0.75},
        )
        items = [{"title": "*Post*", "text": "Within **14 days** <img src=x>"}]
        Message.objects.filter(conversation=conversation, seq=1).update(blocks=[{"type": "list", "items": items}])
    page = page_of(member, conversation)
    assert "<script>alert" not in page
    assert "<strong>hi</strong>" in page
    assert "Kettles" in page
    assert "https://shop.example/a" in page
    assert "<code>https://shop.example</code>" in page
    assert "The responder did not answer." in page
    assert "Returns" in page
    assert "0.75" in page
    assert "*Post*" in page
    assert "Within <strong>14 days</strong> &lt;img src=x&gt;" in page


def test_the_transcript_names_the_buttons_that_were_offered(member: Browser, made: NewDeployment) -> None:
    assert "Where is my order?" in page_of(member, start(made))  # the welcome's buttons


def test_a_person_takes_over_answers_hands_back_and_resolves(member: Browser, made: NewDeployment) -> None:
    conversation = start(made)
    ask(conversation)
    assert "Asked for a person" in page_of(member, conversation)
    assert "You have this conversation." in press(member, conversation, "take")
    assert fresh(conversation).assigned_to == member.user
    form = form_of(member.get(f"/app/conversations/{conversation.id}/"), "/reply")
    form["text"] = "Hello, I am **here**."
    assert "<strong>here</strong>" in text(member.send(form))
    assert "The assistant answers." in press(member, conversation, "return")
    resolved = press(member, conversation, "resolve")
    assert "Resolved by" in resolved
    assert fresh(conversation).status == "completed"
    assert "/take" not in page_of(member, conversation)


def test_the_same_answer_sent_twice_is_posted_once(member: Browser, made: NewDeployment) -> None:
    conversation = start(made)
    form = form_of(member.get(f"/app/conversations/{conversation.id}/"), "/reply")
    form["text"] = "Only once"
    member.send(form)
    member.send(form)
    with tenant(conversation.workspace_id):
        assert Message.objects.filter(conversation=conversation, author_kind="agent").count() == 1


def test_what_could_not_be_sent_comes_back_with_the_reason(member: Browser, made: NewDeployment) -> None:
    conversation = start(made)
    form = form_of(member.get(f"/app/conversations/{conversation.id}/"), "/reply")
    press(member, conversation, "resolve")
    form["text"] = "Too late"
    refused = member.send(form)
    assert refused.status_code == 422
    assert "takes no more messages" in text(refused)
    assert form_of(refused, "/reply")["text"] == "Too late"
    form["text"] = " "
    assert "Write something first." in text(member.send(form))
    form["text"] = "x" * 9000
    assert "too long" in text(member.send(form))


def test_an_answer_sent_by_htmx_gets_the_changed_part_alone(member: Browser, made: NewDeployment) -> None:
    conversation = start(made)
    form = form_of(member.get(f"/app/conversations/{conversation.id}/"), "/reply")
    form["text"] = "By htmx"
    answer = member.client.post(form.action, form.values, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Trigger-After-Swap"] == "replied"
    assert "By htmx" in text(answer)
    assert "<html" not in text(answer)


def test_a_refused_answer_says_why_beside_the_field_where_no_event_wipes_it_away(
    member: Browser, made: NewDeployment
) -> None:
    conversation = start(made)
    form = form_of(member.get(f"/app/conversations/{conversation.id}/"), "/reply")
    form["text"] = "x" * 9000
    answer = member.client.post(form.action, form.values, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "too long" in json.loads(answer["HX-Trigger-After-Swap"])["refused"]["words"]
    # The reason isn't in the part that is fetched again at every event, but between it and the field.
    assert "too long" not in text(answer)
    page = text(member.send(form))
    assert page.index("live-transcript") < page.index("too long") < page.index('id="reply-text"')


@pytest.mark.parametrize(
    ("shut", "words"),
    [
        (deploying.pause, "The deployment is paused, so the visitor can't write, and reads what you send once"),
        (deploying.revoke, "The deployment is revoked: the visitor can neither write nor read what you send."),
    ],
)
def test_a_member_is_told_that_the_visitor_is_shut_out(
    member: Browser, made: NewDeployment, shut: Callable[..., object], words: str
) -> None:
    conversation = start(made, "hello")
    assert "visitor can" not in page_of(member, conversation)
    with tenant(conversation.workspace_id):
        shut(SYSTEM, Deployment.objects.get())
    page = page_of(member, conversation)
    assert words in page
    assert f"/app/deployments/{made.deployment.id}/" in page
    with tenant(conversation.workspace_id):
        conversations.end(conversations.lock(conversation.id), "completed", "Over.", "")
    assert words not in page_of(member, conversation)


def test_the_live_parts_are_fragments(member: Browser, made: NewDeployment) -> None:
    conversation = start(made, "hello")
    for address in ("/app/conversations/rows", f"/app/conversations/{conversation.id}/live"):
        part = text(member.get(address))
        assert 'id="live"' in part
        assert "<html" not in part


def test_a_viewer_reads_and_can_not_answer(workspace: Workspace, made: NewDeployment) -> None:
    conversation = start(made)
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = viewer.get(f"/app/conversations/{conversation.id}/")
    assert "/reply" not in text(page)
    csrf = next(form["csrfmiddlewaretoken"] for form in forms_of(page) if "csrfmiddlewaretoken" in form.values)
    for act in ("reply", "take", "return", "resolve"):
        sent = {"csrfmiddlewaretoken": csrf, "text": "x", "client_id": str(uuid4())}
        assert viewer.client.post(f"/app/conversations/{conversation.id}/{act}", sent).status_code == 403


def test_handing_back_what_the_assistant_has_is_said(member: Browser, made: NewDeployment) -> None:
    conversation = start(made)
    page = member.get(f"/app/conversations/{conversation.id}/")
    form = form_of(page, "/take")
    form.action = form.action.replace("/take", "/return")
    assert "The assistant has this conversation already." in text(member.send(form))


def test_files_stand_in_the_transcript_and_in_the_list(member: Browser, workspace: Workspace, settings: Any) -> None:
    made = factories.make_deployment(workspace, files={"on": True})
    opened = factories.start_session(made)
    visit = visits.resolve(opened.token, opened.session.id)
    names = {"<b>photo</b>.png": "image/png", "report.pdf": "application/pdf"}
    with tenant(workspace.id):
        conversation = opened.session.conversation
        rows = [
            File.objects.create(
                conversation=conversation,
                key=name,
                name=name,
                content_type=kind,
                size=1_500_000,
                stored_at=timezone.now(),
            )
            for name, kind in names.items()
        ]
    ids = tuple(row.id for row in rows)
    visits.post(visit, factories.caller(), visits.VisitorMessage("one", "", attachments=ids))
    page = text(member.get(f"/app/conversations/{conversation.id}/"))
    photo, report = re.findall(r'<a href="([^"]*/files/[^"]*)"([^>]*)>(.*?)</a>', page, re.DOTALL)
    assert 'alt="&lt;b&gt;photo&lt;/b&gt;.png"' in photo[2]
    assert "<b>photo" not in page
    assert "report.pdf" in report[2]
    assert "1.4\xa0MB" in report[2]
    # No name of its own to be kept under: what is no file any more is to be read.
    assert "download" not in report[1]
    assert "data-photo" in photo[1]
    assert file_links.read(photo[0].rpartition("/")[2]) == (workspace.id, ids[0])
    with tenant(workspace.id):
        Conversation.objects.update(last_text="2 files")
    assert "2 files" in text(member.get("/app/conversations/"))
