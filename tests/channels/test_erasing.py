"""Who is erased leaves no trace: every text of every table of the workspace is searched, those that come later too."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from channels_app import dismissing, examples, inbound
from channels_app.models import Delivery, InboundEvent, InteractiveContent, Rehearsal, RehearsalLine, SpendingCount
from channels_app.models.personal import PERSONAL as OF_CHANNELS
from channels_app.providers.events import MessageReceived
from channels_app.providers.twilio.messaging import TwilioMessaging
from channels_app.starting import Starting
from convoship.lib.problems import Problem
from convoship.lib.tenancy import TenantModel, tenant
from deployments import (
    blocking,
    conversations,
    doors,
    erasing,
    handoff,
    member_files,
    merging,
    notes,
    people,
    person_changes,
    person_fields,
    scanning,
    tagging,
)
from deployments.models import Conversation, File, GoneFile, Handoff, Message, Person, ReplyMail, Turn
from deployments.models.conversation import Status
from deployments.models.person import IdentityKind
from deployments.models.personal import PERSONAL as OF_CONVERSATIONS
from deployments.starting import Wanted
from tests import factories
from tests.channels.phones import Phone
from tests.channels.requests import request_of
from tests.channels.twilio_end import PERSON
from workspaces.models import AuditEvent, IdempotencyKey

# In lower case and of one piece, so that no cutting, casing or splitting into words hides it.
MARK = "zqmarkerzq"
# Another number of theirs.
SECOND = "+14155550188"
# By these they are found; in all others the mark is put.
KEYS = {"address", "lane", "visitor_id", "external_id", "client_id", "body_digest", "erasing"}


def traces(workspace_id: Any, words: str) -> dict[str, int]:
    """In which columns of the workspace's tables these words stand, and how often."""
    found: dict[str, int] = {}
    with tenant(workspace_id), connection.cursor() as cursor:
        for model in apps.get_models():
            if not issubclass(model, TenantModel):
                continue
            table, column = model._meta.db_table, model.TENANT_FIELD
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'",
                [table],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(
                    f'SELECT count(*) FROM "{table}" WHERE "{column}" = %s AND "{name}"::text ILIKE %s',
                    [workspace_id, f"%{words}%"],
                )
                (count,) = cursor.fetchone() or (0,)
                if count:
                    found[f"{table}.{name}"] = count
    return found


def fill(phone: Phone) -> Person:
    """Put the mark everywhere that somebody's words, names and addresses can get to. Inside `tenant()`."""
    who = phone.who
    person_fields.create(who, key="plan", label="Plan", kind="text")
    person = people.person_at([(IdentityKind.PHONE, PERSON)], {})
    other = people.person_of(f"browser-{MARK}", {"name": f"Other {MARK}", "email": f"{MARK}@other.example"}, None)
    merging.merge(who, person, other)
    person_changes.change(
        who, person, {"name": f"Ada {MARK}", "email": f"ada@{MARK}.example", "fields": {"plan": MARK}}
    )
    person_changes.add_note(who, person, f"A note {MARK}")
    for row in list(Conversation.objects.all()):
        conversation = conversations.lock(row.id)
        conversation.visitor_data = {"name": MARK, "plan": MARK}
        conversation.page_url, conversation.page_title = f"https://{MARK}.example/", MARK
        conversation.referrer, conversation.page_now = f"https://{MARK}.example/", {"url": MARK}
        conversation.flow_state = {"slots": {"name": MARK}}
        conversation.save()
        if conversation.is_active:
            handoff.request_by(who, conversation, f"They are {MARK}")
        Handoff.objects.filter(conversation=conversation).update(
            answers={"name": MARK}, summary=MARK, case_ref=MARK, tried=[{"desk": "inbox", "words": MARK, "at": ""}]
        )
        notes.add(who, conversation, f"Said {MARK}")
        tagging.put(who, conversation, ["vip"])
        Turn.objects.filter(conversation=conversation).update(trace={"heard": MARK}, reason=MARK)
        for state in ("sent", "complained"):
            ReplyMail.objects.create(
                conversation=conversation,
                address=f"{MARK}@navy.example",
                from_seq=1,
                to_seq=1,
                state=state,
                reason=MARK,
                due_at=timezone.now(),
            )
    write_first(phone, person)
    # What came before anybody could be found, and what a stand-in keeps.
    inbound.record(
        phone.connection, [MessageReceived(key="late", address=PERSON, text=MARK, user={"name": MARK})], request_of()
    )
    for model, said in {**OF_CHANNELS, **OF_CONVERSATIONS}.items():
        values = {name: marked(value) for name, value in said.blank.items() if name not in KEYS}
        if values and model.__name__ != "Person":
            model._default_manager.update(**values)
    Message.objects.filter(seq=1).update(client_id=MARK)
    # What the API keeps for a day, in case a call is repeated.
    path, answer = f"POST /v1/people/{person.id}/notes", {"id": "1", "text": MARK}
    IdempotencyKey.objects.create(route=path, key="k", body_digest=b"", status=201, answer=answer)
    return Person.objects.get(id=person.id)


def marked(blank: Any) -> Any:
    """The mark, in the shape of what takes its place."""
    return {"m": MARK} if isinstance(blank, dict) else [{"m": MARK}] if isinstance(blank, list) else MARK


def write_first(phone: Phone, person: Person) -> None:
    """What members and programs do at the person's numbers."""
    merging.merge(phone.who, person, people.person_at([(IdentityKind.PHONE, SECOND)], {}))
    Starting().start(phone.who, None, Wanted(phone.connection.id, SECOND, text=MARK, consent=MARK))
    examples.send_message(phone.who, phone.connection, PERSON)
    for delivery in Delivery.objects.filter(conversation=None):
        Delivery.objects.filter(id=delivery.id).update(status="failed", settled_at=timezone.now())
        dismissing.dismiss(phone.who, delivery.id)


def send_files(phone: Phone) -> None:
    """One from a member, and one with a virus, whose names say whose they are."""
    with tenant(phone.workspace.id):
        conversation = Conversation.objects.get(status="active").id
    scanning.note(phone.workspace.id, conversation, scanning.Infected(f"CV {MARK}.pdf", "Eicar"))
    taken = member_files.may_upload(phone.workspace.id, phone.who, conversation)
    member_files.upload(phone.workspace.id, phone.who, conversation, f"Contract {MARK}.txt", b"hello", taken)


@pytest.mark.django_db(transaction=True)
def test_no_trace_is_left_in_any_table(phone: Phone) -> None:
    asyncio.run(talk(phone))
    workspace_id = phone.workspace.id
    send_files(phone)
    with tenant(workspace_id):
        person = fill(phone)
    found = traces(workspace_id, MARK)
    assert len(found) > 45, "the mark is in too few places to prove anything"
    assert "deployments_message.template" in found
    assert not any(name.startswith("workspaces_auditevent") for name in found)
    for number in (PERSON[1:], SECOND[1:]):
        assert traces(workspace_id, number)
        assert not any(name.startswith("workspaces_auditevent") for name in traces(workspace_id, number))
    with tenant(workspace_id):
        seqs = list(Message.objects.order_by("conversation", "seq").values_list("conversation", "seq", "status"))
        erased = erasing.begin(phone.who, person)
        assert erased.id == person.id
    assert traces(workspace_id, MARK) == {}
    assert traces(workspace_id, PERSON[1:]) == traces(workspace_id, SECOND[1:]) == {}
    # What a provider reports days later, of reading say, brings nothing back.
    asyncio.run(report(phone))
    assert traces(workspace_id, PERSON[1:]) == traces(workspace_id, SECOND[1:]) == {}
    with tenant(workspace_id):
        assert not Delivery.objects.exclude(provider_id="").exists()
        assert not InboundEvent.objects.filter(kind="status").exclude(reason="Erased with its person.").exists()
        after = list(Message.objects.order_by("conversation", "seq").values_list("conversation", "seq", "status"))
        assert [row[:2] for row in after[: len(seqs)]] == [row[:2] for row in seqs]
        proof = AuditEvent.objects.get(action="person.erased")
        assert proof.data["people"] == 3
        assert {"conversations", "messages", "notes", "mails", "events", "deliveries"} <= set(proof.data)
        assert all(isinstance(count, int) for count in proof.data.values())
        # A complaint goes on holding, and nobody can read whose it was.
        kept = set(ReplyMail.objects.values_list("state", "address"))
        assert [state for state, _ in kept] == ["complained"]
        assert all(address.endswith("@erased.invalid") for _, address in kept)


async def report(phone: Phone) -> None:
    await phone.report(phone.twilio.taken[-1], "delivered")
    await phone.drain()


async def talk(phone: Phone) -> None:
    await phone.text(f"hello, I am {MARK}")
    await phone.text("STOP it, said " + MARK)
    await phone.drain()
    await phone.text("STOP")
    await phone.drain()
    await phone.text("START")
    await phone.drain()
    await phone.text(f"me again, {MARK}")
    await phone.drain()


@pytest.mark.django_db(transaction=True)
def test_a_rehearsals_lines_and_counts_are_emptied(phone: Phone) -> None:
    workspace_id = phone.workspace.id
    with tenant(workspace_id):
        type(phone.connection).objects.update(is_rehearsal=True)
        phone.connection.refresh_from_db()
        person = people.person_at([(IdentityKind.BRIDGE, f"{phone.connection.id}:{MARK}")], {"name": MARK})
        phones = {MARK: {"wrote_at": "2026-05-01T10:00:00+00:00", "name": MARK}}
        buttons = {"HX1": {"sid": "HX1", "types": {"twilio/text": {"body": MARK}}}, "HX2": {"sid": "HX2"}}
        Rehearsal.objects.create(connection=phone.connection, opted_out=[MARK], phones=phones, contents=buttons)
        InteractiveContent.objects.create(connection=phone.connection, digest="d", sid="HX1")
        RehearsalLine.objects.create(
            connection=phone.connection,
            kind="said",
            address=MARK,
            text=MARK,
            body=MARK,
            answer=MARK,
            headers={"From": MARK},
            note=MARK,
        )
        SpendingCount.objects.create(
            connection=phone.connection, what="unasked", whose=MARK, since=timezone.now(), count=1
        )
    assert traces(workspace_id, MARK)
    with tenant(workspace_id):
        erasing.begin(phone.who, person)
        assert list(Rehearsal.objects.get().contents) == ["HX2"]
        assert not InteractiveContent.objects.exists()
    assert traces(workspace_id, MARK) == {}


@pytest.mark.django_db(transaction=True)
def test_who_has_much_is_erased_in_batches_that_the_next_worker_goes_on_with(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, site = phone.workspace, factories.make_deployment(phone.workspace)
    opened = [factories.start_session(site, visitor_id="one") for _ in range(5)]
    file = factories.sent_file(opened[0])
    with tenant(workspace.id):
        person = conversations.lock(opened[0].session.conversation_id).person
        person_changes.change(phone.who, person, {"name": MARK})
    monkeypatch.setattr(erasing, "CONVERSATIONS", 2)
    with tenant(workspace.id):
        assert erasing.begin(phone.who, person).state == "erasing"
        assert Conversation.objects.filter(erased_at=None).count() == 5
    # Whoever comes back now is somebody new.
    with tenant(workspace.id):
        assert people.person_of("one", {}, None).id != person.id
    monkeypatch.setattr(erasing, "BATCHES", 1)
    assert erasing.go_on_due() == 1
    real = erasing._empty_messages
    died = {"times": 0}

    def dies(conversation: Conversation, gone: Any) -> None:
        died["times"] += 1
        if died["times"] == 2:
            raise RuntimeError("the worker is killed")
        real(conversation, gone)

    monkeypatch.setattr(erasing, "_empty_messages", dies)
    assert erasing.go_on_due() == 0
    with tenant(workspace.id):
        assert Person.objects.get(id=person.id).state == "erasing"
        assert Conversation.objects.filter(person=person, erased_at=None).count() == 3
    assert [row[1] for row in doors.due_erasures(10)] == [person.id]
    monkeypatch.setattr(erasing, "_empty_messages", real)
    while doors.due_erasures(10):
        assert erasing.go_on_due()
    with tenant(workspace.id):
        row = Person.objects.get(id=person.id)
        assert (row.state, row.name, row.erasing) == ("erased", "Erased person", {})
        assert not File.objects.exists()
        proof = AuditEvent.objects.get(action="person.erased")
        assert (proof.data["conversations"], proof.data["files"]) == (5, 1)
        assert proof.actor_label == phone.who.label
        assert {talk.status for talk in Conversation.objects.filter(person=person)} == {Status.COMPLETED}
    assert GoneFile.objects.filter(key=file.key).exists()
    assert traces(workspace.id, MARK) == {}


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_being_written_writes_nothing_after_the_erasure(phone: Phone) -> None:
    asyncio.run(talk(phone))
    with tenant(phone.workspace.id):
        conversation = Conversation.objects.order_by("-started_at")[0]
        message = Message.objects.filter(conversation=conversation).order_by("seq")[0]
        Turn.objects.filter(conversation=conversation).update(status="running", leased_until=timezone.now())
        erasing.begin(phone.who, conversation.person)
        assert set(Turn.objects.values_list("status", flat=True)) <= {"failed", "done"}
        assert not Turn.objects.filter(claim__isnull=False, status="running").exists()
        message.refresh_from_db()
        assert message.text == ""
        assert not InboundEvent.objects.exclude(lane="").exists()
        assert json.dumps(list(Delivery.objects.values_list("address", flat=True))).count("+") == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_taken_while_they_are_erased_leaves_no_id_of_the_providers(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TwilioMessaging.send

    def erase() -> None:
        with tenant(phone.workspace.id):
            erasing.begin(phone.who, Person.objects.get(erasing_at=None))

    async def slow(self: TwilioMessaging, outgoing: Any) -> Any:
        receipt = await real(self, outgoing)
        await asyncio.to_thread(in_thread, erase)
        return receipt

    monkeypatch.setattr(TwilioMessaging, "send", slow)

    async def go() -> None:
        await phone.text("hello")
        await phone.drain()

    asyncio.run(go())
    assert phone.twilio.taken
    with tenant(phone.workspace.id):
        assert set(Delivery.objects.values_list("provider_id", "address", "reason")) == {
            ("", "", "Erased with its person.")
        }


def in_thread(act: Callable[[], None]) -> None:
    """As another worker: with a connection of its own."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            act()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not failed, failed


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["into another", "another into them"])
def test_erasing_and_merging_at_once_says_so_and_erases_nobody_by_halves(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    asyncio.run(talk(phone))
    with tenant(phone.workspace.id):
        me = people.person_at([(IdentityKind.PHONE, PERSON)], {})
        other = people.person_at([(IdentityKind.PHONE, SECOND)], {"name": "Other"})
    real, met = erasing._everybody, list[Any]()

    def merge() -> None:
        with tenant(phone.workspace.id):
            merging.merge(phone.who, *((other, me) if way == "into another" else (me, other)))

    def meanwhile(person_id: Any) -> Any:
        found = real(person_id)
        if not met:
            met.append(person_id)
            in_thread(merge)
        return found

    monkeypatch.setattr(erasing, "_everybody", meanwhile)
    with tenant(phone.workspace.id), pytest.raises(Problem, match="merged"):
        erasing.begin(phone.who, me)
    with tenant(phone.workspace.id):
        assert not Person.objects.filter(erasing_at__isnull=False).exists()
        assert not AuditEvent.objects.filter(action__startswith="person.eras").exists()
    monkeypatch.undo()
    # Whoever is kept has everything, and erasing them erases both.
    with tenant(phone.workspace.id):
        kept = Person.objects.get(merged_into=None)
        assert erasing.begin(phone.who, kept).state == "erased"
    assert traces(phone.workspace.id, MARK) == traces(phone.workspace.id, PERSON[1:]) == {}


@pytest.mark.django_db(transaction=True)
def test_blocking_does_not_survive_being_erased(phone: Phone) -> None:
    asyncio.run(talk(phone))
    with tenant(phone.workspace.id):
        person = people.person_at([(IdentityKind.PHONE, PERSON)], {})
        blocking.block(phone.who, person, MARK)
        erasing.begin(phone.who, person)
        assert not blocking.is_blocked_at([(IdentityKind.PHONE, PERSON)])
    assert traces(phone.workspace.id, MARK) == {}
