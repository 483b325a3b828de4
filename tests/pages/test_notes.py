"""Notes for the other members, written in a conversation's composer, and who is mentioned in them."""

from __future__ import annotations

import datetime as dt
import json
import smtplib
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import conversations, handoff, mention_mails, notes, reading
from deployments.conversations import NewMessage
from deployments.models import Conversation, Mention, Message, Note
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, text, words
from workspaces.models import AuditEvent, User, Workspace


@pytest.fixture
def conversation(workspace: Workspace) -> Conversation:
    return factories.start_session(factories.make_deployment(workspace)).session.conversation


@pytest.fixture
def dana(workspace: Workspace) -> User:
    return factories.member(workspace, "agent", factories.make_user("dana@acme.example", name="Dana Reyes"))


def page_of(member: Browser, conversation: Conversation) -> Any:
    return member.get(f"/app/conversations/{conversation.id}/")


def write(member: Browser, conversation: Conversation, said: str, kind: str = "note") -> Any:
    form = form_of(page_of(member, conversation), "/reply")
    form["text"] = said
    form.values["kind"] = [kind]
    return member.send(form)


def sweep(conversation: Conversation, *, later: bool = False) -> int:
    """Send what is due; `later`, after the pause of what has failed. The database's clock stands while a test runs."""
    past = timezone.now() - dt.timedelta(hours=1)
    with tenant(conversation.workspace_id):
        due = Mention.objects.filter(due_at__isnull=False) if later else Mention.objects.filter(attempts=0)
        due.update(due_at=past)
    return mention_mails.send_due()


def test_a_note_stands_at_its_place_and_is_no_message(member: Browser, conversation: Conversation) -> None:
    write(member, conversation, "She is a **VIP**")
    with tenant(conversation.workspace_id):
        row = conversations.lock(conversation.id)
        before = (row.head_seq, row.rev, row.control, row.last_text)
        assert before == (conversation.head_seq, conversation.rev, "assistant", conversation.last_text)
        assert not Message.objects.filter(text__contains="VIP").exists()
        conversations.post_message(row, NewMessage(author_kind="visitor", text="later words", status="received"))
        assert AuditEvent.objects.get(action="conversation.noted").target_id == str(conversation.id)
    page = text(page_of(member, conversation))
    assert "She is a <strong>VIP</strong>" in page
    assert "note, not shown to the visitor" in page
    assert page.index("VIP") < page.index("later words")


def test_a_note_can_be_written_when_the_conversation_is_over(member: Browser, conversation: Conversation) -> None:
    with tenant(conversation.workspace_id):
        conversations.end(conversations.lock(conversation.id), "completed", "Over.", "")
    form = form_of(page_of(member, conversation), "/reply")
    assert form["kind"] == "note"
    form["text"] = "Call her back on Monday"
    assert "Call her back on Monday" in text(member.send(form))


def test_what_was_typed_comes_back_as_what_it_was(member: Browser, conversation: Conversation) -> None:
    refused = write(member, conversation, "x" * 8001)
    assert refused.status_code == 422
    assert "Not added: The text is too long" in words(refused)
    form = form_of(refused, "/reply")
    assert (form["kind"], form["text"]) == ("note", "x" * 8001)
    form["text"] = "short"
    assert "short" in text(member.send(form))
    assert "Write something first." in words(write(member, conversation, " \n "))


@pytest.mark.parametrize("junk", ["a\x00b", "\x00", "\ud800"])
def test_what_no_database_keeps_is_refused_in_words(member: Browser, conversation: Conversation, junk: str) -> None:
    form = form_of(page_of(member, conversation), "/reply")
    sent = {**form.values, "kind": "note", "text": junk.encode("utf-8", "surrogatepass")}
    answer = member.client.post(form.action, sent)
    assert answer.status_code in {302, 422}
    sent = {**form.values, "kind": "note", "text": "fine", "client_id": "\x00", "head_seq": "\x00"}
    assert member.client.post(form.action, sent).status_code in {302, 422}


def test_a_note_that_is_sent_twice_is_written_once(member: Browser, conversation: Conversation) -> None:
    form = form_of(page_of(member, conversation), "/reply")
    form["text"] = "once"
    form.values["kind"] = ["note"]
    member.send(form)
    member.send(form)
    with tenant(conversation.workspace_id):
        assert Note.objects.count() == 1


def test_a_note_by_htmx_gets_the_changed_part_alone(member: Browser, conversation: Conversation) -> None:
    form = form_of(page_of(member, conversation), "/reply")
    form["text"] = "By htmx"
    form.values["kind"] = ["note"]
    answer = member.client.post(form.action, form.values, headers={"HX-Request": "true"})
    assert answer["HX-Trigger-After-Swap"] == "replied"
    assert "By htmx" in text(answer)
    assert "<html" not in text(answer)


def test_who_may_only_read_sees_notes_and_writes_none(
    member: Browser, workspace: Workspace, conversation: Conversation
) -> None:
    write(member, conversation, "for all of us")
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = text(page_of(viewer, conversation))
    assert "for all of us" in page
    assert "data-reply " not in page


def test_who_is_mentioned_gets_a_mail_after_the_note_is_kept(
    member: Browser, conversation: Conversation, dana: User
) -> None:
    write(member, conversation, "@dana reyes, can you **look**?")
    assert not mail.outbox
    assert "a mail is on its way" in words(page_of(member, conversation))
    assert sweep(conversation) == 1
    (sent,) = mail.outbox
    assert sent.to == ["dana@acme.example"]
    assert "mentioned you in the conversation with Visitor" in sent.subject
    assert "@dana reyes, can you **look**?" in sent.body
    assert f"/app/conversations/{conversation.id}/#n-" in sent.body
    assert sweep(conversation, later=True) == 0
    assert "Dana Reyes: mailed" in words(page_of(member, conversation))


def test_a_mail_that_is_not_taken_is_seen_and_tried_again_until_it_is_given_up(
    member: Browser, conversation: Conversation, dana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise smtplib.SMTPRecipientsRefused({})

    write(member, conversation, "@Dana look")
    with monkeypatch.context() as patch:
        patch.setattr(mention_mails, "send_mail", refuses)
        for _ in range(len(mention_mails.PAUSES)):
            assert sweep(conversation, later=True) == 1
            assert mention_mails.send_due() == 0
            assert "Not mailed yet The mail server did not take it" in words(page_of(member, conversation))
        sweep(conversation, later=True)
    page = words(page_of(member, conversation))
    assert "Not mailed The mail server did not take it" in page
    assert sweep(conversation, later=True) == 0
    assert not mail.outbox


def test_what_can_not_be_written_as_a_mail_is_said_and_tried_only_so_often(
    member: Browser, conversation: Conversation, dana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise ValueError("Header values can't contain newlines")

    write(member, conversation, "@Dana look")
    monkeypatch.setattr(mention_mails, "send_mail", refuses)
    for _ in range(len(mention_mails.PAUSES) + 1):
        assert sweep(conversation, later=True) == 1
    page = words(page_of(member, conversation))
    assert "Not mailed It could not be written as a mail: Header values" in page
    assert sweep(conversation, later=True) == 0


def test_who_may_no_longer_read_is_not_mailed(member: Browser, conversation: Conversation, dana: User) -> None:
    write(member, conversation, "@Dana look")
    dana.is_active = False
    dana.save()
    sweep(conversation)
    assert not mail.outbox
    assert "no longer a member" in words(page_of(member, conversation))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("@dana", ["Dana Reyes"]),
        ("(@DANA REYES!)", ["Dana Reyes"]),
        ("@Dana Reyes-Smith is somebody else, but @dana.", ["Dana Reyes"]),
        ("@dana@acme.example", ["Dana Reyes"]),
        ("mail to dana@acme.example", []),
        ("@danae", []),
        ("@dan and @ dana", []),
        ("@kim: see @Dana", ["Kim", "Dana Reyes"]),
        ("@Kim @kim", ["Kim"]),
        ("@max", ["Max Li", "Max Wu"]),
        ("@max wu", ["Max Wu"]),
        ("@Reyes and @wu, please", ["Dana Reyes", "Max Wu"]),
        ("@Lee is what two have", []),
        ("nobody", []),
        ("@", []),
    ],
)
def test_a_name_after_an_at_sign_means_a_member(said: str, meant: list[str]) -> None:
    people = [
        User(email="dana@acme.example", name="Dana Reyes"),
        User(email="kim@acme.example", name="Kim"),
        User(email="m.li@acme.example", name="Max Li"),
        User(email="m.wu@acme.example", name="Max Wu"),
        User(email="ann@acme.example", name="Ann Lee"),
        User(email="tom@acme.example", name="Tom Lee"),
    ]
    assert [user.name for user in notes.mentioned(said, people)] == meant


def test_a_mention_of_nobody_is_said(member: Browser, conversation: Conversation, dana: User) -> None:
    said = "@Reyes has it; @Olga and @olga-2 don't, nor does ops@acme.example"
    form = form_of(page_of(member, conversation), "/reply")
    sent = {**form.values, "text": said, "kind": "note"}
    answer = member.client.post(form.action, sent, headers={"HX-Request": "true"})
    told = json.loads(answer["HX-Trigger-After-Swap"])["replied"]["words"]
    assert told == "@Olga, @olga-2: nobody by that name, or several, so nobody was mailed for it."
    assert "Dana Reyes: a mail is on its way" in words(page_of(member, conversation))
    # Without JavaScript the page that one is led to says it.
    assert "@Olga: nobody by that name" in words(write(member, conversation, "@Olga?"))


def test_two_of_one_name_are_told_apart_by_their_addresses() -> None:
    people = [User(email="a@x.example", name="Sam"), User(email="b@x.example", name="sam"), User(email="c@x.example")]
    assert list(notes.handles(people).values()) == ["a@x.example", "b@x.example", "c"]


def test_where_one_is_mentioned_is_listed_with_the_way_there(
    member: Browser, workspace: Workspace, conversation: Conversation, dana: User
) -> None:
    hers = browser_of(workspace, dana)
    assert "Nobody has mentioned you" in text(hers.get("/app/conversations/mentions/"))
    write(member, conversation, "@Dana <script>alert(1)</script>")
    write(member, conversation, "nothing for her")
    page = text(hers.get("/app/conversations/mentions/"))
    assert f"/app/conversations/{conversation.id}/#n-" in page
    assert "<script>alert(1)" not in page
    assert "nothing for her" not in page
    assert "Nobody has mentioned you" in text(member.get("/app/conversations/mentions/"))


# --- Somebody else answered meanwhile ---------------------------------------------------------------------------------


def answer_as(user: User, conversation: Conversation, said: str) -> None:
    with tenant(conversation.workspace_id):
        handoff.reply(SYSTEM, user, conversations.lock(conversation.id), said, str(uuid4()))


def test_an_answer_that_crosses_another_members_is_asked_about_once(
    member: Browser, conversation: Conversation, dana: User
) -> None:
    form = form_of(page_of(member, conversation), "/reply")
    form["text"] = "My answer"
    answer_as(dana, conversation, "Dana's answer")
    asked = member.send(form)
    assert asked.status_code == 422
    assert "Dana Reyes answered meanwhile. Send anyway?" in words(asked)
    again = form_of(asked, "/reply")
    assert again["text"] == "My answer"
    assert again["client_id"] == form["client_id"]
    page = text(member.send(again))
    assert page.index("Dana's answer</p>") < page.index("My answer</p>")
    # The same again is the same answer, and nothing is asked about it.
    assert member.send(form).status_code == 200
    with tenant(conversation.workspace_id):
        assert Message.objects.filter(text="My answer").count() == 1


def test_by_htmx_the_question_comes_as_an_event(member: Browser, conversation: Conversation, dana: User) -> None:
    form = form_of(page_of(member, conversation), "/reply")
    form["text"] = "My answer"
    answer_as(dana, conversation, "Dana's answer")
    answer = member.client.post(form.action, form.values, headers={"HX-Request": "true"})
    asked = json.loads(answer["HX-Trigger-After-Swap"])["asked"]["words"]
    assert asked == "Dana Reyes answered meanwhile. Send anyway?"
    head = int(form["head_seq"])
    assert f'data-head-seq="{head}"' not in text(answer)
    with tenant(conversation.workspace_id):
        assert not Message.objects.filter(text="My answer").exists()


def test_ones_own_answer_and_a_note_are_not_asked_about(
    member: Browser, conversation: Conversation, dana: User
) -> None:
    form = form_of(page_of(member, conversation), "/reply")
    form["text"] = "From my other window"
    answer_as(member.user, conversation, "My own")
    assert member.send(form).status_code == 200
    stale = form_of(page_of(member, conversation), "/reply")
    answer_as(dana, conversation, "Dana's answer")
    stale["text"] = "a note"
    stale.values["kind"] = ["note"]
    assert member.send(stale).status_code == 200
    for strange in ("", "x", "٣", "9" * 50, "-1"):
        odd = form_of(page_of(member, conversation), "/reply")
        odd["text"], odd["head_seq"] = f"odd {strange}", strange
        assert member.send(odd).status_code == 200


# --- What the visitor has read ----------------------------------------------------------------------------------------


def test_seen_stands_below_the_last_message_that_was_read_until_the_visitor_writes(
    member: Browser, conversation: Conversation
) -> None:
    answer_as(member.user, conversation, "First answer")
    answer_as(member.user, conversation, "Second answer")
    with tenant(conversation.workspace_id):
        row = conversations.lock(conversation.id)
        reading.by_visitor(row.id, row.head_seq - 1)
    page = text(page_of(member, conversation))
    assert page.count(">Seen ") == 1
    assert page.index("First answer") < page.index(">Seen ") < page.index("Second answer")
    with tenant(conversation.workspace_id):
        row = conversations.lock(conversation.id)
        conversations.post_message(row, NewMessage(author_kind="visitor", text="thanks", status="received"))
    assert ">Seen " not in text(page_of(member, conversation))


def test_opening_the_page_reads_for_whose_conversation_it_is(
    member: Browser, workspace: Workspace, conversation: Conversation, dana: User
) -> None:
    def read() -> int:
        with tenant(conversation.workspace_id):
            return Conversation.objects.get().agent_read_seq

    page_of(member, conversation)
    assert read() == 0
    answer_as(member.user, conversation, "Hello")
    page_of(browser_of(workspace, dana), conversation)
    assert read() == 0
    page_of(member, conversation)
    assert read() == 3
