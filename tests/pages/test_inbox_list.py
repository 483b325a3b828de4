"""The inbox's list: filtered by everything at once, searched, put in order, and kept as views."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoship.lib.tenancy import tenant
from deployments import conversations, doors, handoff, snoozing, sweeping, tagging
from deployments.conversations import NewMessage
from deployments.deploying import NewDeployment
from deployments.models import Conversation, ConversationTag, SavedView, Tag
from deployments.pages import inbox_queries, queries
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, forms_of, text, words
from workspaces.models import AuditEvent, Workspace

LIST = "/app/conversations/"


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


def start(made: NewDeployment, *said: str, **request: Any) -> Conversation:
    conversation = factories.start_session(made, **request).session.conversation
    with tenant(conversation.workspace_id):
        locked = conversations.lock(conversation.id)
        for words_ in said:
            conversations.post_message(locked, NewMessage(author_kind="visitor", text=words_))
    return conversation


def change(conversation: Conversation, **values: Any) -> None:
    with tenant(conversation.workspace_id):
        Conversation.objects.filter(id=conversation.id).update(**values)


def ask(conversation: Conversation) -> None:
    with tenant(conversation.workspace_id):
        handoff.request(conversations.lock(conversation.id), "The visitor asked.")


def tag(conversation: Conversation, *names: str) -> None:
    with tenant(conversation.workspace_id):
        who = factories.actor(Workspace.objects.get())
        tagging.put(who, conversations.lock(conversation.id), names)


def listed(member: Browser, **query: Any) -> list[str]:
    """The ids on the list, in their order."""
    return re.findall(r'id="c-([^"]+)"', text(member.get(LIST, data=query)))


def ask_page(member: Browser, address: str) -> Form:
    """The form of a page that is sent to the page itself."""
    path = address.partition("?")[0]
    (form,) = [form for form in forms_of(member.get(address)) if form.action.partition("?")[0] == path]
    form.action = address
    return form


def fresh(conversation: Conversation) -> Conversation:
    with tenant(conversation.workspace_id):
        return Conversation.objects.get(id=conversation.id)


# --- Filters ----------------------------------------------------------------------------------------------------------


def test_the_main_filters_leave_what_they_say_and_count_it(
    member: Browser, workspace: Workspace, made: NewDeployment
) -> None:
    colleague = factories.member(workspace, "agent")
    alone, waiting, mine, theirs, nobodys, snoozed, ended = (start(made) for _ in range(7))
    ask(waiting)
    change(mine, control="human", assigned_to=member.user)
    change(theirs, control="human", assigned_to=colleague)
    change(nobodys, control="human")
    change(snoozed, snoozed_until=timezone.now() + dt.timedelta(hours=1), control="human", assigned_to=member.user)
    change(ended, status="completed", ended_at=timezone.now(), assigned_to=member.user)

    def ids(*rows: Conversation) -> set[str]:
        return {str(row.id) for row in rows}

    assert set(listed(member)) == ids(alone, waiting, mine, theirs, nobodys, ended)
    assert set(listed(member, show="mine")) == ids(mine)
    assert set(listed(member, show="unassigned")) == ids(waiting, nobodys)
    assert set(listed(member, show="waiting")) == ids(waiting)
    assert set(listed(member, show="active")) == ids(alone, waiting, mine, theirs, nobodys)
    assert set(listed(member, show="snoozed")) == ids(snoozed)
    assert set(listed(member, show="ended")) == ids(ended)
    chips = dict(re.findall(r'data-chip="(\w+)"[^>]*>[^<]*(?:<span class="chip-count">(\d+))?', text(member.get(LIST))))
    assert chips == {
        "all": "",
        "mine": "1",
        "unassigned": "2",
        "waiting": "1",
        "active": "5",
        "missed": "",
        "snoozed": "1",
        "ended": "",
    }


def test_filters_of_the_form_add_up_and_stay_chosen(member: Browser, workspace: Workspace, made: NewDeployment) -> None:
    other = factories.make_deployment(workspace, name="Other shop")
    first, second, third = start(made, "kettle"), start(other, "kettle"), start(other, "kettle")
    tag(second, "Parcel")
    tag(third, "parcel")
    change(third, channel="sms")
    with tenant(workspace.id):
        tag_id = str(Tag.objects.get().id)
    assert set(listed(member, deployment=str(other.deployment.id))) == {str(second.id), str(third.id)}
    assert listed(member, assistant=str(made.deployment.assistant_id)) == [str(first.id)]
    assert listed(member, tag=tag_id, channel="web") == [str(second.id)]
    assert listed(member, tag=tag_id, channel="sms", q="kettle") == [str(third.id)]
    assert listed(member, tag=str(uuid4())) == []
    page = member.get(LIST, data={"show": "active", "tag": tag_id, "q": "kettle", "sort": "longest"})
    form = form_of(page, LIST)
    sent = {name: value for name, (value,) in form.values.items() if value}
    assert sent == {"show": "active", "tag": tag_id, "q": "kettle", "sort": "longest"}


def test_longest_waiting_first_turns_the_list_round(member: Browser, made: NewDeployment) -> None:
    rows = [start(made) for _ in range(5)]
    ask(rows[3])
    ask(rows[1])
    order = [str(rows[number].id) for number in (3, 1, 0, 2, 4)]
    assert listed(member, sort="longest") == order
    assert listed(member, show="waiting") == order[:2]
    assert listed(member) == [*order[:2], *reversed(order[2:])]


@pytest.mark.parametrize(
    "query", [{}, {"sort": "longest"}, {"show": "waiting"}, {"q": "kettle"}, {"q": "kettle", "show": "active"}]
)
def test_pages_of_every_order_show_each_once(
    member: Browser, made: NewDeployment, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    rows = [start(made, "a kettle") for _ in range(7)]
    if query.get("show") == "waiting":
        for row in rows:
            ask(row)
    monkeypatch.setattr(inbox_queries, "PAGE_SIZE", 2)
    seen: list[str] = []
    address = f"{LIST}?{urlencode(query)}"
    for _page in range(9):
        page = text(member.get(address))
        seen += re.findall(r'id="c-([^"]+)"', page)
        further = re.search(r'<a class="push" href="([^"]+)"', page)
        if not further:
            break
        address = html.unescape(further[1])
    assert sorted(seen) == sorted(str(row.id) for row in rows)


@pytest.mark.parametrize("sort", ["newest", "longest"])
def test_a_page_full_of_those_who_wait_is_followed_by_the_others(
    member: Browser, made: NewDeployment, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    rows = [start(made) for _ in range(5)]
    for row in rows[:2]:
        ask(row)
    monkeypatch.setattr(inbox_queries, "PAGE_SIZE", 2)
    assert listed(member, sort=sort) == [str(row.id) for row in rows[:2]]
    page = text(member.get(LIST, data={"sort": sort}))
    further = re.search(r'<a class="push" href="([^"]+)"', page)
    assert further
    shown = re.findall(r'id="c-([^"]+)"', text(member.get(html.unescape(further[1]))))
    order = rows[2:] if sort == "longest" else rows[:1:-1]
    assert shown == [str(row.id) for row in order[:2]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.dictionaries(
        st.sampled_from(["show", "q", "channel", "assistant", "deployment", "tag", "sort", "after", "m", "x\x00"]),
        st.text(st.characters(codec="utf-8"), max_size=40)
        | st.sampled_from(["mine", "sms", "longest", "snoozed", str(uuid4())]),
    )
)
def test_no_address_of_the_list_is_a_fault(member: Browser, made: NewDeployment, query: dict[str, str]) -> None:
    for address in (LIST, f"{LIST}rows", f"{LIST}views/new"):
        assert member.client.get(address, query).status_code == 200


def test_the_list_costs_the_same_statements_however_long_it_is(member: Browser, made: NewDeployment) -> None:
    def cost(**query: str) -> int:
        with CaptureQueriesContext(connection) as statements:
            member.client.get(LIST, query)
        return len(statements)

    for _ in range(2):
        tag(start(made, "a kettle"), "parcel")
    few = cost(), cost(q="kettle")
    for number in range(12):
        tag(start(made, "a kettle"), "parcel", f"tag {number}")
    assert (cost(), cost(q="kettle")) == few
    assert few[0] <= 20


def test_what_a_visitor_wrote_to_people_is_marked_until_it_is_read(member: Browser, made: NewDeployment) -> None:
    held, assistants = start(made, "hello"), start(made, "hello")
    change(held, control="human")
    page = text(member.get(LIST))
    assert page.count("inbox-row unread") == 1
    assert f'inbox-row unread" id="c-{held.id}"' in page
    change(held, agent_read_seq=fresh(held).head_seq)
    assert "inbox-row unread" not in text(member.get(LIST))
    assert str(assistants.id) in page


# --- Search -----------------------------------------------------------------------------------------------------------


def test_a_hit_shows_the_words_in_their_sentence_and_leads_to_the_message(member: Browser, made: NewDeployment) -> None:
    conversation = start(made, "<img src=x onerror=alert(1)> my **blue** kettle leaks & drips", "thanks")
    page = text(member.get(LIST, data={"q": "kettle"}))
    assert "my blue <mark>kettle</mark> leaks &amp; drips" in page
    assert "<img" not in page
    assert f"/app/conversations/{conversation.id}/?m=2#m-2" in page
    assert 'id="m-2"' in text(member.get(f"{LIST}{conversation.id}/?m=2"))


def test_a_hit_far_up_opens_the_part_of_the_transcript_around_it(
    member: Browser, made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "LONGEST_TRANSCRIPT", 6)
    conversation = start(made, *(f"line {number}" for number in range(30)))
    head = fresh(conversation).head_seq

    def shown(query: str = "", part: str = "") -> list[int]:
        page = text(member.get(f"{LIST}{conversation.id}/{part}{query}"))
        return [int(seq) for seq in re.findall(r'id="m-(\d+)"', page)]

    assert shown() == list(range(head - 5, head + 1))
    assert shown("?m=10") == list(range(8, 14))
    assert shown("?m=1") == list(range(1, 5))
    assert shown("?m=10", "live") == list(range(8, 14))
    assert f'hx-get="{LIST}{conversation.id}/live?m=10"' in text(member.get(f"{LIST}{conversation.id}/?m=10"))
    for strange in (f"{head}", "99999", "0", "-1", "x", "9" * 30, "%00"):
        assert member.get(f"{LIST}{conversation.id}/?m={strange}").status_code == 200
    page = text(member.get(f"{LIST}{conversation.id}/?m=10"))
    assert "Show earlier ones" in page
    assert "Show later ones" in page


def test_filters_that_leave_little_of_what_is_found_are_gone_through(
    member: Browser, made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [start(made, "a kettle") for _ in range(9)]
    tag(rows[0], "old")
    with tenant(made.deployment.workspace_id):
        tag_id = str(Tag.objects.get().id)
    monkeypatch.setattr(inbox_queries, "PAGE_SIZE", 2)
    assert listed(member, q="kettle", tag=tag_id) == [str(rows[0].id)]


# --- Tags -------------------------------------------------------------------------------------------------------------


def test_tags_are_put_on_taken_off_renamed_and_deleted(
    member: Browser, workspace: Workspace, made: NewDeployment
) -> None:
    conversation, other = start(made, "hello"), start(made, "hello")
    page = member.get(f"{LIST}{conversation.id}/")
    form = form_of(page, "/tags")
    form["add"] = "Parcel, urgent ,  parcel"
    shown = words(member.send(form))
    assert "Take off Parcel" in shown
    assert "Take off urgent" in shown
    tag(other, "PARCEL")  # the same tag
    with tenant(workspace.id):
        parcel = Tag.objects.get(name="Parcel")
        assert Tag.objects.count() == 2
        assert parcel.tagged.count() == 2
    assert "Parcel 2 with Parcel" in words(member.get(f"{LIST}tags/"))
    rename = ask_page(member, f"{LIST}tags/{parcel.id}/")
    rename["name"] = "URGENT"
    refused = member.send(rename)
    assert "There is a tag called URGENT already." in text(refused)
    rename["name"] = "Post"
    assert "The tag is called Post." in text(member.send(rename))
    assert "Post" in words(member.get(LIST))
    off = form_of(member.get(f"{LIST}{conversation.id}/"), "/tags")
    off.values["remove"] = [str(parcel.id)]
    assert "Take off Post" not in words(member.send(off))
    gone = ask_page(member, f"{LIST}tags/{parcel.id}/delete")
    assert "It comes off 1 conversation." in words(member.get(f"{LIST}tags/{parcel.id}/delete"))
    member.send(gone)
    with tenant(workspace.id):
        assert set(ConversationTag.objects.values_list("tag__name", flat=True)) == {"urgent"}
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"tag.created", "tag.renamed", "tag.deleted", "conversation.tagged", "conversation.untagged"} <= actions


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (" ", "Write a word"),
        ("x" * 41, "at most 40 characters"),
        ("\u2800\u3164", "Write a word"),
        (",".join(map(str, range(21))), "at most 20 tags"),
    ],
)
def test_a_tag_that_is_refused_stays_in_its_field_with_the_reason(
    member: Browser, made: NewDeployment, typed: str, reason: str
) -> None:
    form = form_of(member.get(f"{LIST}{start(made).id}/"), "/tags")
    form["add"] = typed
    refused = member.send(form)
    assert refused.status_code == 422
    assert reason in words(refused)
    assert form_of(refused, "/tags")["add"].strip() == typed.strip()
    with tenant(made.deployment.workspace_id):
        assert not Tag.objects.exists()


def test_a_viewer_sees_tags_and_can_change_none(workspace: Workspace, made: NewDeployment) -> None:
    conversation = start(made)
    tag(conversation, "parcel")
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = text(viewer.get(f"{LIST}{conversation.id}/"))
    assert "parcel" in page
    assert "/tags" not in page
    assert "/snooze" not in page


# --- Snoozing ---------------------------------------------------------------------------------------------------------


def snooze(member: Browser, conversation: Conversation, until: str, **more: str) -> Any:
    form = form_of(member.get(f"{LIST}{conversation.id}/"), "/snooze")
    form.values |= {"until": [until], **{name: [value] for name, value in more.items()}}
    return member.send(form)


def test_a_snoozed_conversation_is_away_until_its_time_comes(member: Browser, made: NewDeployment) -> None:
    conversation = start(made, "hello")
    assert "Snoozed until" in text(snooze(member, conversation, "hour"))
    assert listed(member) == []
    assert listed(member, show="snoozed") == [str(conversation.id)]
    assert not [piece for piece in doors.due_work(100) if piece.kind == "wake"]
    change(conversation, snoozed_until=timezone.now() - dt.timedelta(hours=1))
    assert listed(member) == [str(conversation.id)]  # though nobody has swept yet
    (piece,) = [piece for piece in doors.due_work(100) if piece.kind == "wake"]
    sweeping.wake(piece.workspace_id, piece.id)
    assert fresh(conversation).snoozed_until is None
    assert not [piece for piece in doors.due_work(100) if piece.kind == "wake"]


def test_it_comes_back_when_the_visitor_writes_is_asked_for_or_ends(member: Browser, made: NewDeployment) -> None:
    rows = [start(made, "hello") for _ in range(4)]
    for row in rows:
        snooze(member, row, "hour")
    with tenant(made.deployment.workspace_id):
        for author in ("assistant", "visitor"):
            assert fresh(rows[0]).snoozed_until is not None
            conversations.post_message(conversations.lock(rows[0].id), NewMessage(author_kind=author, text="one more"))
        handoff.request(conversations.lock(rows[1].id), "Asked")
        conversations.end(conversations.lock(rows[2].id), "completed", "Over.", "")
    assert [fresh(row).snoozed_until is None for row in rows] == [True, True, True, False]
    form = form_of(member.get(f"{LIST}{rows[3].id}/"), "/snooze")
    form.values["until"] = ["wake"]
    member.send(form)
    assert fresh(rows[3]).snoozed_until is None


def test_times_are_those_of_where_the_member_is(member: Browser, made: NewDeployment) -> None:
    conversation = start(made)
    tokyo = ZoneInfo("Asia/Tokyo")
    snooze(member, conversation, "tomorrow", zone="Asia/Tokyo")
    until = fresh(conversation).snoozed_until
    assert until is not None
    there = until.astimezone(tokyo)
    assert (there.hour, there.minute) == (9, 0)
    assert there.date() == (timezone.now().astimezone(tokyo) + dt.timedelta(days=1)).date()
    change(conversation, snoozed_until=None)
    typed = (timezone.now().astimezone(tokyo) + dt.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    snooze(member, conversation, "own", zone="Asia/Tokyo", at=typed)
    until = fresh(conversation).snoozed_until
    assert until is not None
    assert until.astimezone(tokyo).strftime("%Y-%m-%dT%H:%M") == typed


@pytest.mark.parametrize(
    ("until", "at", "reason"),
    [
        ("own", "", "Choose a day and a time."),
        ("own", "soon\x00", "Choose a day and a time."),
        ("own", "2020-01-01T10:00", "That moment is over."),
        ("own", "9999-12-31T23:59", "At most a year"),
        ("own", "0001-01-01T00:00+23:59", "Choose a day and a time."),
        ("never", "", "Choose one of the times"),
    ],
)
def test_a_time_that_is_no_good_is_told_beside_its_field(
    member: Browser, made: NewDeployment, until: str, at: str, reason: str
) -> None:
    conversation = start(made)
    refused = snooze(member, conversation, until, at=at, zone="Nowhere/../etc")
    assert refused.status_code == 422
    assert reason in words(refused)
    assert fresh(conversation).snoozed_until is None


def test_where_somebody_waits_nothing_is_put_away(member: Browser, made: NewDeployment) -> None:
    conversation = start(made)
    page = member.get(f"{LIST}{conversation.id}/")
    ask(conversation)
    form = form_of(page, "/snooze")
    form.values["until"] = ["hour"]
    assert "Somebody waits for a person here. Take the conversation over" in words(member.send(form))


def test_monday_is_always_to_come() -> None:
    where = ZoneInfo("Europe/Berlin")
    monday = snoozing.preset("monday", where).astimezone(where)
    assert (monday.weekday(), monday.hour) == (0, 9)
    assert monday.date() > timezone.now().astimezone(where).date()


# --- Views ------------------------------------------------------------------------------------------------------------


def save(member: Browser, query: str, name: str, *, shared: bool = False) -> Any:
    address = f"{LIST}views/new{query}"
    form = ask_page(member, address)
    form["name"] = name
    if shared:
        form.values["is_shared"] = ["on"]
    else:
        form.values.pop("is_shared", None)
    return member.send(form)


def test_a_view_keeps_its_filters_and_is_its_makers_own(
    member: Browser, workspace: Workspace, made: NewDeployment
) -> None:
    start(made)
    page = text(save(member, "?show=mine&sort=longest&after=abc", "My oldest"))
    assert f'href="{LIST}?show=mine&amp;sort=longest" aria-current="page">My oldest' in page
    assert "Change this view" in page
    assert "Save this view" not in page
    colleague = browser_of(workspace, factories.member(workspace, "agent"))
    assert "My oldest" not in text(colleague.get(LIST))
    with tenant(workspace.id):
        view = SavedView.objects.get()
    assert colleague.get(f"{LIST}views/{view.id}/").status_code == 404
    assert "Give the view a name." in text(save(member, "?show=mine", " "))


def test_a_shared_view_is_changed_by_its_maker_or_an_admin(
    workspace: Workspace, member: Browser, made: NewDeployment
) -> None:
    maker = browser_of(workspace, factories.member(workspace, "agent"))
    colleague = browser_of(workspace, factories.member(workspace, "agent"))
    save(maker, "?show=waiting", "Queue", shared=True)
    with tenant(workspace.id):
        view = SavedView.objects.get()
    page = text(colleague.get(f"{LIST}?show=waiting"))
    assert "Queue" in page
    assert "Change this view" not in page
    assert "Only who made the view Queue, or an admin, can change it." in words(
        colleague.get(f"{LIST}views/{view.id}/")
    )
    for who, name in ((maker, "The queue"), (member, "Who waits")):
        form = ask_page(who, f"{LIST}views/{view.id}/")
        form["name"] = name
        form.values["is_shared"] = ["on"]
        assert name in text(who.send(form))
    form = ask_page(maker, f"{LIST}views/{view.id}/delete")
    colleague.send(form)
    with tenant(workspace.id):
        assert SavedView.objects.get().name == "Who waits"
    member.send(ask_page(member, f"{LIST}views/{view.id}/delete"))
    with tenant(workspace.id):
        assert not SavedView.objects.exists()


def test_a_viewer_keeps_views_and_shares_none(workspace: Workspace) -> None:
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    assert "Your role may keep views, and not share them." in words(save(viewer, "?show=active", "Open", shared=True))
    assert "Saved as Open." in words(save(viewer, "?show=active", "Open"))


def test_many_who_wait_are_all_listed_page_by_page_before_the_others(
    member: Browser, made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_queries, "PAGE_SIZE", 2)
    waiting, others = [start(made) for _ in range(5)], [start(made) for _ in range(3)]
    for row in waiting:
        with tenant(row.workspace_id):
            handoff.request(conversations.lock(row.id), "They asked.")
    seen: list[str] = []
    address = LIST
    for _ in range(10):
        page = text(member.get(address))
        seen += re.findall(r'class="title-link" href="/app/conversations/([0-9a-f-]+)/', page)
        following = re.search(r'href="([^"]+)"[^>]*>Older<', page)
        if following is None:
            break
        address = LIST + following[1].replace("&amp;", "&").removeprefix(LIST)
    assert seen[:5] == [str(row.id) for row in waiting]  # who waits longest first
    assert sorted(seen[5:]) == sorted(str(row.id) for row in others)


def test_who_waits_stands_there_with_how_long_why_and_at_which_assistant(member: Browser, made: NewDeployment) -> None:
    conversation = start(made, "hello")
    assert "Waiting for" not in words(member.get(LIST))
    ask(conversation)
    change(conversation, waiting_since=timezone.now() - dt.timedelta(minutes=130, seconds=5))
    assert "Waiting for 2 h 10 min · Ada · The visitor asked." in words(member.get(LIST))
    change(conversation, waiting_since=timezone.now() - dt.timedelta(minutes=4), handoff_reason="<b>Why</b>")
    page = member.get(f"{LIST}rows?q=hello")
    assert "Waiting for 4 min · Ada · " in words(page)
    assert "<b>Why" not in text(page)
    # What is over waits for nobody.
    change(conversation, status="abandoned", ended_at=timezone.now())
    assert "Waiting for" not in words(member.get(LIST))
