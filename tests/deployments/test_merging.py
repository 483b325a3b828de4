"""Merging and parting: whatever two people were, parting them puts it back; and no message lands at the wrong one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import blocking, conversations, merging, people, person_changes
from deployments.models import Conversation, Identity, Person, PersonNote
from deployments.models.person import IdentityKind
from deployments.variants import Met
from tests import factories
from workspaces.models import Workspace

_TEXT = st.sampled_from(["", "Ada", "Łukasz <b>"])
_PERSON = st.fixed_dictionaries(
    {
        "name": _TEXT,
        "email": st.sampled_from(["", "a@b.example"]),
        "known_by": st.dictionaries(st.sampled_from(["name", "email"]), st.sampled_from(["member", "token"])),
        "fields": st.dictionaries(st.sampled_from(["plan", "born"]), st.sampled_from(["x", 3])),
        "is_blocked": st.booleans(),
        "identities": st.integers(0, 2),
        "conversations": st.integers(0, 2),
        "notes": st.integers(0, 2),
    }
)


def made(workspace: Workspace, assistant: Any, what: dict[str, Any], external_id: str | None) -> Person:
    plain = {name: what[name] for name in ("name", "email", "known_by", "fields")}
    person = Person.objects.create(external_id=external_id, **plain)
    for number in range(what["identities"]):
        Identity.objects.create(person=person, kind=IdentityKind.PHONE, value=f"{person.id.hex[:10]}{number}")
    for _ in range(what["conversations"]):
        conversations.open_conversation(assistant, Met(assistant.published, {}), person, channel="web", context={})
    for number in range(what["notes"]):
        person_changes.add_note(factories.actor(workspace), person, f"note {number}")
    if what["is_blocked"]:
        blocking.block(factories.actor(workspace), person, "why")
    return person


def everything() -> list[Any]:
    """All that a merge could touch, row by row."""
    return [
        list(Person.objects.order_by("id").values()),
        list(Identity.objects.order_by("id").values()),
        list(Conversation.objects.order_by("id").values()),
        list(PersonNote.objects.order_by("id").values()),
    ]


def as_was(rows: list[Any]) -> list[Any]:
    """Of conversations, whose they are."""
    people, identities, talks, notes = rows
    return [people, identities, [(talk["id"], talk["person_id"]) for talk in talks], notes]


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=_PERSON, two=_PERSON, proved=st.sampled_from([None, "one", "two"]))
def test_parting_puts_everything_back(db: None, one: dict[str, Any], two: dict[str, Any], proved: str | None) -> None:
    from django.db import transaction

    with transaction.atomic():
        workspace = factories.make_workspace()
        assistant = factories.make_assistant(workspace)
        who = factories.actor(workspace)
        with tenant(workspace.id):
            kept = made(workspace, assistant, one, "u-1" if proved == "one" else None)
            merged = made(workspace, assistant, two, "u-1" if proved == "two" else None)
            before = everything()
            row = merging.merge(who, kept, merged)
            now = everything()
            assert (now == before) is False
            assert {line["person_id"] for rows in now[1:] for line in rows} <= {kept.id}
            merging.undo(who, row)
            # What ended because one of them is blocked stays ended.
            assert as_was(everything()) == as_was(before)


@pytest.mark.django_db
def test_what_was_changed_since_stays_changed(db: None) -> None:
    workspace = factories.make_workspace()
    who = factories.actor(workspace)
    with tenant(workspace.id):
        kept = Person.objects.create(name="")
        merged = Person.objects.create(name="Ada", email="ada@navy.example")
        row = merging.merge(who, kept, merged)
        person_changes.change(who, kept, {"name": "Countess"})
        merging.undo(who, row)
        kept.refresh_from_db()
        assert (kept.name, kept.email) == ("Countess", "")


@pytest.mark.django_db
@pytest.mark.parametrize("which", ["kept", "merged"])
def test_who_was_blocked_since_does_not_come_in_by_being_parted(db: None, which: str) -> None:
    workspace = factories.make_workspace()
    who = factories.actor(workspace)
    with tenant(workspace.id):
        kept, merged = Person.objects.create(name="Kept"), Person.objects.create(name="Merged")
        if which == "merged":
            blocking.block(who, merged, "Before")
        row = merging.merge(who, kept, merged)
        if which == "kept":
            blocking.block(who, kept, "Since")
        parted = merging.undo(who, row)
        states = {person.name: (person.state, person.blocked_reason) for person in Person.objects.all()}
        # Which of the two it was for nobody knows where it was done since.
        of_the_kept = ("blocked", "Since") if which == "kept" else ("active", "")
        assert states == {"Kept": of_the_kept, "Merged": ("blocked", "Since" if which == "kept" else "Before")}
        blocking.unblock(who, parted)
        assert Person.objects.get(name="Merged").state == "active"


@pytest.mark.django_db
def test_an_earlier_merge_is_parted_after_the_later_one(db: None) -> None:
    workspace = factories.make_workspace()
    who = factories.actor(workspace)
    with tenant(workspace.id):
        one, two, three = (Person.objects.create(name=name) for name in ("One", "Two", "Three"))
        first = merging.merge(who, two, one)
        second = merging.merge(who, three, two)
        with pytest.raises(Problem, match="merged into another person since"):
            merging.undo(who, first)
        with pytest.raises(Problem, match="was merged into another person already"):
            merging.merge(who, three, one)
        merging.undo(who, second)
        merging.undo(who, first)
        assert set(Person.objects.values_list("merged_into", flat=True)) == {None}


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run these in threads that begin together; what each gave or raised."""
    found: list[Any] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def run(place: int) -> None:
        try:
            barrier.wait(10)
            found[place] = acts[place]()
        except Exception as error:
            found[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


@pytest.mark.django_db(transaction=True)
def test_who_writes_while_two_are_merged_lands_at_the_kept_one(transactional_db: None) -> None:
    workspace = factories.make_workspace()
    assistant = factories.make_assistant(workspace)
    who = factories.actor(workspace)

    def write(number: str) -> None:
        with tenant(workspace.id):
            person = people.person_at([(IdentityKind.PHONE, number)], {"name": f"Said {number}"})
            conversations.open_conversation(assistant, Met(assistant.published, {}), person, channel="sms", context={})

    def start(browser: str) -> None:
        with tenant(workspace.id):
            person = people.person_of(browser, {}, None)
            conversations.open_conversation(assistant, Met(assistant.published, {}), person, channel="web", context={})

    for round_ in range(8):
        number, browser = f"+1415555{round_:04}", f"browser-{round_}"
        with tenant(workspace.id):
            merged = people.person_at([(IdentityKind.PHONE, number)], {})
            Person.objects.filter(id=merged.id).update(visitor_id=browser)
            kept = Person.objects.create(name="Kept")

        def merge(kept: Person = kept, merged: Person = merged) -> None:
            with tenant(workspace.id):
                merging.merge(who, kept, merged)

        results = at_once(merge, partial(write, number), partial(start, browser), partial(write, number))
        busy = [result for result in results if isinstance(result, Problem)]
        others = [result for result in results if isinstance(result, Exception) and not isinstance(result, Problem)]
        assert others == []
        if busy:  # refused with words, and nothing has changed: said again
            merge()
        with tenant(workspace.id):
            theirs = Conversation.objects.filter(person__in=[kept, merged])
            assert set(theirs.values_list("person", flat=True)) == {kept.id}
            assert theirs.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_who_merge_each_other_at_once_make_one(transactional_db: None) -> None:
    workspace = factories.make_workspace()
    who = factories.actor(workspace)
    with tenant(workspace.id):
        one, two = Person.objects.create(name="One"), Person.objects.create(name="Two")

    def merge(kept: Person, merged: Person) -> None:
        with tenant(workspace.id):
            merging.merge(who, kept, merged)

    results = at_once(lambda: merge(one, two), lambda: merge(two, one))
    assert sorted(type(result).__name__ for result in results) == ["NoneType", "Problem"]
    with tenant(workspace.id):
        assert Person.objects.filter(merged_into=None).count() == 1
    connection.close()
