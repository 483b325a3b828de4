"""Finding conversations by their words: which are found, in which order, and by whom."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoship.lib.tenancy import NoTenant, tenant
from deployments import conversations, searching
from deployments.conversations import NewMessage
from deployments.deploying import NewDeployment
from deployments.models import Conversation, Message, Person
from tests import factories
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return factories.make_workspace()


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


def start(made: NewDeployment, *said: str, kind: str = "visitor", **request: Any) -> UUID:
    conversation = factories.start_session(made, **request).session.conversation
    with tenant(conversation.workspace_id):
        locked = conversations.lock(conversation.id)
        for text in said:
            conversations.post_message(locked, NewMessage(author_kind=kind, text=text))
    return conversation.id


def find(made: NewDeployment, text: str, limit: int = 10) -> list[UUID]:
    with tenant(made.deployment.workspace_id):
        return [hit.conversation_id for hit in searching.hits(text, limit=limit)]


@pytest.mark.parametrize(
    "asked",
    [
        "kettle",
        "KETTLE",
        "blue kettle",
        "kettle blue",
        '"blue kettle"',
        "kett",
        "Überraschung",
        "uberras",
        "red or kettle",
    ],
)
def test_words_are_found_whatever_their_case_accents_and_order(made: NewDeployment, asked: str) -> None:
    found = start(made, "My blue kettle, an Überraschung, leaks")
    start(made, "a teapot")
    assert find(made, asked) == [found]


@pytest.mark.parametrize(
    "asked", ['"kettle blue"', "kettle teapot", "kettle -blue", "ettle", "", " ", "%", '"', "-", "()", "ket"[:2]]
)
def test_what_is_not_said_like_that_is_not_found(made: NewDeployment, asked: str) -> None:
    start(made, "my blue kettle leaks")
    assert find(made, asked) == []


def test_a_conversation_stands_once_by_its_newest_message_with_the_words(made: NewDeployment) -> None:
    first = start(made, "kettle one", "something else", "kettle two", "the end")
    second = start(made, "another kettle")
    with tenant(made.deployment.workspace_id):
        hits = searching.hits("kettle", limit=10)
        assert [hit.conversation_id for hit in hits] == [second, first]
        (found,) = Message.objects.filter(id__in=[hit.message_id for hit in hits[1:]])
        assert (found.text, found.seq) == ("kettle two", hits[1].seq)


def test_names_and_addresses_are_found_and_lead_to_all_their_conversations(made: NewDeployment) -> None:
    grace = start(made, user={"name": "Grace Hopper", "email": "grace.h@navy.example"})
    start(made, user={"name": "Ada", "email": "ada@engine.example"})
    for asked in ("hopper", "grace", "navy.example", "grace.h@navy.example", "navy"):
        assert find(made, asked) == [grace], asked
    both = start(made, "I know grace")
    assert find(made, "grace") == [both, grace]


def test_what_the_product_says_by_itself_is_not_searched(made: NewDeployment) -> None:
    start(made, "somebody joined with a kettle", kind="system")
    assert find(made, "kettle") == []


def test_a_changed_message_is_found_by_what_it_says_now(made: NewDeployment) -> None:
    conversation_id = start(made, "a kettle")
    with tenant(made.deployment.workspace_id):
        Message.objects.filter(text="a kettle").update(text="")
    assert find(made, "kettle") == []
    with tenant(made.deployment.workspace_id):
        row = Message.objects.filter(conversation=conversation_id, author_kind="visitor")
        row.update(text="being written: teapot", status="streaming")
        assert searching.hits("teapot", limit=5) == []
        row.update(status="sent")
    assert find(made, "teapot") == [conversation_id]


def test_a_test_conversation_is_not_found(made: NewDeployment) -> None:
    conversation_id = start(made, "kettle", user={"name": "Kettle"})
    with tenant(made.deployment.workspace_id):
        Conversation.objects.filter(id=conversation_id).update(is_test=True)
    assert find(made, "kettle") == []


def test_pages_follow_without_gap_or_double_though_a_conversation_has_many_matches(made: NewDeployment) -> None:
    ids = [
        start(made, "kettle a", "kettle b", user={"name": "Kettle"} if number % 3 == 0 else {}) for number in range(7)
    ]
    with tenant(made.deployment.workspace_id):  # and again an older one, so that its earlier matches lie further back
        conversations.post_message(conversations.lock(ids[1]), NewMessage(author_kind="visitor", text="kettle c"))
    expected = [ids[1], *[one for one in reversed(ids) if one != ids[1]]]
    for look in (1, 20, 8000):
        seen: list[UUID] = []
        before = None
        with pytest.MonkeyPatch.context() as patch, tenant(made.deployment.workspace_id):
            patch.setattr(searching, "LOOK", look)
            for _page in range(9):
                hits = searching.hits("kettle", limit=2, before=before)
                if not hits:
                    break
                seen += [hit.conversation_id for hit in hits]
                before = (hits[-1].at, hits[-1].conversation_id)
        assert seen == expected, look


def test_long_talks_that_stood_on_an_earlier_page_end_no_later_one_early(
    made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at first is then full of what was seen already."""
    old = [start(made, "kettle") for _ in range(3)]
    talks = [start(made) for _ in range(6)]
    with tenant(made.deployment.workspace_id):
        for _ in range(4):
            for conversation_id in talks:
                locked = conversations.lock(conversation_id)
                conversations.post_message(locked, NewMessage(author_kind="visitor", text="a kettle again"))
        monkeypatch.setattr(searching, "LOOK", 12)
        seen: list[UUID] = []
        before = None
        while hits := searching.hits("kettle", limit=2, before=before):
            seen += [hit.conversation_id for hit in hits]
            before = (hits[-1].at, hits[-1].conversation_id)
    assert seen == [*reversed(talks), *reversed(old)]


def test_rare_words_are_found_far_beyond_what_is_looked_at_first(
    made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = start(made, "a kettle", user={"name": "Hopper"})
    for _ in range(3):
        start(made, "something else")
    monkeypatch.setattr(searching, "LOOK", 20)
    with tenant(made.deployment.workspace_id):
        Message.objects.filter(conversation=old).update(created_at=timezone.now() - dt.timedelta(days=900))
        Conversation.objects.filter(id=old).update(last_activity_at=timezone.now() - dt.timedelta(days=900))
    monkeypatch.setattr(searching, "LOOK", 1)
    assert find(made, "kettle") == [old]


def test_another_workspaces_words_are_not_found_whatever_is_asked(made: NewDeployment) -> None:
    start(made, "kettle", user={"name": "Kettle"})
    other = factories.make_workspace()
    with tenant(other.id):
        assert searching.hits("kettle", limit=10) == []
    with pytest.raises(NoTenant):
        searching.hits("kettle", limit=10)
    with connection.cursor() as cursor:  # and past our own code: without a workspace the door shows nothing
        cursor.execute("SELECT * FROM search_conversations('kettle', NULL, %s, 10, 8000)", [UUID(int=2**128 - 1)])
        assert cursor.fetchall() == []


def test_the_sentence_marks_the_words(made: NewDeployment) -> None:
    start(made, "I have a \x02<b>blue</b> kettle, and the kettles are hot")
    with tenant(made.deployment.workspace_id):
        message = Message.objects.get(text__contains="kettle")
        sentence = searching.sentences("kettle", [message.id])[message.id]
    assert sentence.count(searching.MARK_OPEN) == sentence.count(searching.MARK_CLOSE) == 2
    assert f"{searching.MARK_OPEN}kettle{searching.MARK_CLOSE}" in sentence
    assert "blue" in sentence


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("Where is my kettle?", "kettle\x03?"),
        ("Is the kettle blue?! Or green?", "green?"),
        ("my kettle", "kettle\x03"),
        ("the kettle (blue).", "blue)."),
    ],
)
def test_the_sentence_keeps_its_last_sign(made: NewDeployment, said: str, ends: str) -> None:
    start(made, said)
    with tenant(made.deployment.workspace_id):
        message = Message.objects.get(text__contains="kettle", author_kind="visitor")
        assert searching.sentences("kettle", [message.id])[message.id].endswith(ends)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.text(st.characters(codec="utf-8"), max_size=60) | st.text("ab'\"\\:&|!<->*() %_\n", max_size=30))
def test_whatever_is_typed_is_answered(made: NewDeployment, asked: str) -> None:
    with tenant(made.deployment.workspace_id):
        hits = searching.hits(asked, limit=3)
        message_ids = list(Message.objects.values_list("id", flat=True)[:2])
        searching.sentences(asked, message_ids)
    assert len(hits) <= 3


def test_a_persons_change_of_name_is_found_at_once(made: NewDeployment) -> None:
    conversation_id = start(made, user={"name": "Ada"})
    with tenant(made.deployment.workspace_id):
        Person.objects.filter(name="Ada").update(name="Grace")
    assert find(made, "grace") == [conversation_id]
    assert find(made, "ada") == []


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_what_was_said_before_the_release_is_found_once_it_is_put_in(
    made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("deployments.migrations.0016_list_indexes")
    conversation_id = start(made, "a kettle", "a second kettle", "a third")
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE deployments_message SET words = NULL")
    assert find(made, "kettle") == []
    monkeypatch.setattr(migration, "BATCH", 1)
    owner = SimpleNamespace(connection=connections["owner"])
    migration.fill(None, owner)
    assert find(made, "kettle") == [conversation_id]
    migration.index(None, owner)  # once more: what is there stays
    assert find(made, "third") == [conversation_id]
