"""People on channels: who is blocked is answered by nothing, who is erased leaves nothing, an opt-out outlives both."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.test import Client

from channels_app import consents
from channels_app.models import Consent, ConsentChange, Delivery, InboundEvent
from convoship.lib.threads import in_thread
from deployments import blocking, erasing, merging, people, person_holders
from deployments.models import Conversation, Identity, Person
from deployments.models.person import IdentityKind
from tests import factories
from tests.channels.phones import Phone
from tests.channels.twilio_end import PERSON

pytestmark = pytest.mark.asyncio


async def their_person(phone: Phone) -> Person:
    return await phone.inside(lambda: Identity.objects.select_related("person").get(value=PERSON).person)


async def test_nothing_of_a_blocked_person_is_answered_and_all_of_it_is_kept(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    said = len(phone.twilio.taken)
    person = await their_person(phone)
    await phone.inside(blocking.block, phone.who, person, "Insults")
    assert (await phone.inside(lambda: Conversation.objects.get().status)) == "completed"
    await phone.text("are you there?")
    await phone.drain()
    await phone.text("STOP")
    await phone.drain()
    assert len(phone.twilio.taken) == said
    assert await phone.inside(lambda: Conversation.objects.count()) == 1
    kept = await phone.inside(lambda: list(InboundEvent.objects.order_by("received_at")))
    assert kept[1].content["text"] == "are you there?"
    assert kept[1].reason.startswith("They are blocked, so nothing answers them.")
    assert await phone.consent() == "withdrawn"
    # Who looks at them finds it, and what came along.
    await phone.inside(blocking.unblock, phone.who, person)
    await phone.text("<b>Well?</b>", NumMedia="1", MediaUrl0="https://api.twilio.com/x", MediaContentType0="image/png")
    await phone.drain()
    found = await phone.inside(person_holders.unanswered_of, person, 10)
    assert [(one.text, one.files, one.why) for one in found] == [
        ("<b>Well?</b>", 1, "after they opted out"),
        ("are you there?", 0, "while they were blocked"),
    ]

    def asked(path: str) -> bytes:
        member = Client()
        member.force_login(factories.owner_of(phone.workspace))
        return bytes(member.get(f"/app/people/{person.id}{path}").getvalue())

    page = (await in_thread(asked, "/")).decode()
    assert "&lt;b&gt;Well?&lt;/b&gt;" in page
    assert "With 1 file, which was not fetched." in page
    exported = json.loads(await in_thread(asked, "/export.json"))
    assert [one["text"] for one in exported["unanswered"]] == ["<b>Well?</b>", "are you there?"]
    await phone.inside(blocking.block, phone.who, person, "Insults")
    await phone.text("START")
    await phone.drain()
    await phone.inside(blocking.unblock, phone.who, person)
    await phone.text("hello")
    await phone.drain()
    assert len(phone.twilio.taken) > said


async def test_what_waits_to_be_sent_to_a_blocked_person_is_held_back(phone: Phone) -> None:
    await phone.text("hello")
    await phone.inside(lambda: None)

    async def answered_but_not_sent() -> None:
        from channels_app import drain, inbound

        for event in await phone.inside(lambda: inbound.claim(phone.workspace.id, 5)):
            await drain.handle(event)

    await answered_but_not_sent()
    waiting = await phone.inside(lambda: Delivery.objects.filter(status="queued").count())
    assert waiting
    await phone.inside(blocking.block, phone.who, await their_person(phone))
    await phone.drain()
    assert phone.twilio.taken == []
    held = await phone.inside(lambda: list(Delivery.objects.all()))
    assert {row.status for row in held} == {"suppressed"}
    assert {row.reason for row in held} == {"They are blocked, so nothing is sent to them."}
    assert all("Unblock" in row.remedy for row in held)


async def test_an_opt_out_outlives_the_erasure_and_ends_with_start(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    await phone.text("STOP")
    await phone.drain()
    said = len(phone.twilio.taken)
    await phone.inside(erasing.begin, phone.who, await their_person(phone))
    kept = await phone.inside(lambda: Consent.objects.get())
    assert kept.address.startswith("erased:")
    assert PERSON not in kept.address
    assert await phone.inside(consents.is_withdrawn, phone.connection, PERSON)
    assert not await phone.inside(consents.is_withdrawn, phone.connection, "+14155550199")
    await phone.text("hello again")
    await phone.drain()
    assert len(phone.twilio.taken) == said
    await phone.text("START")
    await phone.drain()
    await phone.text("hello once more")
    await phone.drain()
    assert len(phone.twilio.taken) > said
    assert await phone.consent() == "given"
    ledger = await phone.inside(lambda: list(ConsentChange.objects.order_by("at").values_list("state", "source")))
    assert ledger == [("withdrawn", "Erased with its person."), ("given", "They wrote 'START'.")]


async def test_who_writes_after_being_erased_is_somebody_new(phone: Phone) -> None:
    await phone.text("My name is Ada")
    await phone.drain()
    before = await their_person(phone)
    await phone.inside(erasing.begin, phone.who, before)
    await phone.text("hello")
    await phone.drain()
    after = await their_person(phone)
    assert after.id != before.id
    rows = await phone.inside(lambda: list(Conversation.objects.order_by("started_at")))
    assert [row.person_id for row in rows] == [before.id, after.id]
    assert [bool(row.last_text) for row in rows] == [False, True]


async def test_what_was_erased_is_not_sent_again(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    await phone.inside(erasing.begin, phone.who, await their_person(phone))
    await phone.inside(lambda: Delivery.objects.update(status="failed"))
    row = await phone.inside(lambda: Delivery.objects.first())
    assert row is not None
    assert (row.address, row.content, row.provider_id) == ("", {"text": ""}, "")

    def again() -> str:
        from channels_app import replaying
        from convoship.lib.problems import Problem

        with pytest.raises(Problem) as refused:
            replaying.replay(phone.who, row.id)
        return refused.value.detail

    assert "erased" in await phone.inside(again)


async def test_a_conversation_that_began_at_a_number_since_goes_with_it_when_two_are_parted(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    person = await their_person(phone)
    kept = await phone.inside(lambda: people.person_at([(IdentityKind.BRIDGE, f"{uuid4()}:room")], {"name": "Kept"}))
    merge = await phone.inside(merging.merge, phone.who, kept, person)
    await phone.inside(lambda: Conversation.objects.update(status="completed", ended_at="2026-01-01T00:00:00Z"))
    await phone.text("once more")
    await phone.drain()
    rows = await phone.inside(lambda: list(Conversation.objects.all()))
    assert len(rows) == 2
    assert {row.person_id for row in rows} == {kept.id}
    await phone.inside(merging.undo, phone.who, merge)
    assert {row.person_id for row in await phone.inside(lambda: list(Conversation.objects.all()))} == {person.id}
