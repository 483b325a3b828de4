"""What connections hold of people (`deployments.person_holders`): how addresses stand, and how all of it is erased.

An opt-out outlives its person: its row keeps a keyed digest in place of the address (`deployments.erased_addresses`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from channels_app import accounts, address_locks, consents, unheard
from channels_app.models import (
    Call,
    CallCourse,
    CallSpeech,
    CallStep,
    CallTransfer,
    CallTurn,
    Connection,
    Consent,
    ConsentChange,
    ConversationLink,
    Delivery,
    DeliveryAttempt,
    InboundEvent,
    InboundMedia,
    InteractiveContent,
    Rehearsal,
    RehearsalCall,
    RehearsalLine,
    RehearsalPicture,
    ServiceWindow,
    SpendingCount,
)
from channels_app.models.consent import ConsentState
from channels_app.models.inbound import EventState
from channels_app.models.outbound import DeliveryStatus
from channels_app.models.personal import ERASED, blank
from channels_app.providers.base import Capability
from channels_app.providers.events import (
    CallEnded,
    DeskSaid,
    MessageReceived,
    NotUsed,
    StatusReported,
    event_of,
)
from channels_app.voice import audio
from convoship.lib import same_number
from convoship.lib.tenancy import entered_workspace_id
from deployments.models import Identity, Person
from deployments.models.person import IdentityKind
from deployments.person_holders import Address, ConsentLine, Gone, Standing, Unanswered

MOST_LINES = 50


class Connections:
    """The holder that connections are."""

    def consents_of(self, person: Person) -> list[Standing]:
        """The ledger's entries of the person's numbers, and of where their conversations took place."""
        links = ConversationLink.objects.filter(
            connection=OuterRef("connection"), address=OuterRef("address"), conversation__person=person
        )
        known = Identity.objects.filter(person=person).exclude(kind=IdentityKind.BRIDGE).values_list("value", flat=True)
        numbers = [form for value in known for form in same_number.forms(value)]
        lines = Prefetch("changes", queryset=ConsentChange.objects.order_by("-at"))
        rows = Consent.objects.filter(Q(address__in=numbers) | Exists(links)).select_related("connection")
        return [_standing(row) for row in rows.prefetch_related(lines).order_by("address", "id")]

    def unanswered_of(self, person: Person, most: int) -> list[Unanswered]:
        """What came in for them over connections, and was kept with its event alone."""
        return unheard.of(person, most)

    def addresses_of(self, identities: Sequence[Identity]) -> dict[UUID, Address]:
        """Of a bridge's keys: the key alone, and the name of the connection."""
        bridged = [identity for identity in identities if identity.kind == IdentityKind.BRIDGE]
        split = {identity.id: identity.value.partition(":") for identity in bridged}
        known = {str(row.id): row for row in Connection.objects.filter(id__in={parts[0] for parts in split.values()})}
        found = {}
        for identity_id, (connection_id, _, key) in split.items():
            row = known.get(connection_id)
            path = reverse("connection", args=[row.id]) if row else ""
            name = row.name if row else "a connection that is deleted"
            found[identity_id] = Address(key, name, path, is_rehearsal=bool(row and row.is_rehearsal))
        return found

    def begun_at(self, identities: Sequence[Identity], since: dt.datetime) -> list[UUID]:
        """Conversations over connections, by where they take place."""
        here = _links_at(identities)
        begun = ConversationLink.objects.filter(here, conversation__started_at__gt=since)
        return list(begun.values_list("conversation_id", flat=True))

    def own_addresses(self, people: Sequence[UUID]) -> None:
        """Those of channels that have consent or a window: of others nothing is decided."""
        kinds = [*accounts.kinds_that(Capability.CONSENT), *accounts.kinds_that(Capability.WINDOW)]
        here = set(Connection.objects.filter(kind__in=kinds).values_list("id", flat=True))
        links = ConversationLink.objects.filter(conversation__person__in=people, connection__in=here)
        found = {*links.exclude(address="").values_list("address", flat=True).distinct()}
        for kind, value in Identity.objects.filter(person__in=people).values_list("kind", "value"):
            connection_id, _, key = value.partition(":")
            if kind != IdentityKind.BRIDGE:
                found.add(value)
            elif connection_id in {str(one) for one in here}:
                found.add(key)
        address_locks.own_all(entered_workspace_id(), found)

    def erase_addresses(self, identities: Sequence[Identity], before: dt.datetime, gone: Gone) -> None:
        """What is known at an address, whether or not it led to a conversation."""
        for identity in identities:
            for connection, address in _places(identity):
                _forget_place(connection, address, before, gone)
            if identity.kind != IdentityKind.BRIDGE:
                forms = same_number.forms(identity.value)
                called = Q(lane__in=forms) | Q(content__person_address__in=forms)
                gone.add("events", _empty_events(InboundEvent.objects.filter(called, received_at__lte=before)))

    def erase_conversations(self, conversations: Sequence[UUID], before: dt.datetime, gone: Gone) -> None:
        """Where they took place, what came in for them and what was sent."""
        links = list(ConversationLink.objects.filter(conversation__in=conversations).select_related("connection"))
        for link in links:
            if link.address:
                _forget_place(link.connection, link.address, before, gone)
        gone.add("deliveries", _empty_deliveries(Delivery.objects.filter(conversation__in=conversations)))
        # Reports are known by what they are about, those among them that came while this was going on.
        of_them = Q(conversation__in=conversations) | Q(delivery__conversation__in=conversations)
        gone.add("events", _empty_events(InboundEvent.objects.filter(of_them)))
        # What is being fetched finds its row gone, and keeps nothing.
        InboundMedia.objects.filter(conversation__in=conversations).delete()
        _empty_calls(conversations)
        ConversationLink.objects.filter(conversation__in=conversations).update(
            **blank(ConversationLink), is_current=False
        )


def _standing(row: Consent) -> Standing:
    return Standing(
        place=row.connection.name,
        path=reverse("connection", args=[row.connection_id]),
        address=row.address,
        state=row.get_state_display(),
        may_write=row.state != ConsentState.WITHDRAWN,
        changed_at=row.changed_at,
        lines=[
            ConsentLine(change.at, ConsentState(change.state).label, change.source)
            for change in list(row.changes.all())[:MOST_LINES]
        ],
    )


def _links_at(identities: Sequence[Identity]) -> Q:
    """The links of conversations at these addresses."""
    here = Q(pk__in=[])
    for identity in identities:
        if identity.kind == IdentityKind.BRIDGE:
            connection_id, _, key = identity.value.partition(":")
            here |= Q(connection_id=connection_id, address=key)
        else:
            here |= Q(address__in=same_number.forms(identity.value))
    return here


def _places(identity: Identity) -> list[tuple[Connection, str]]:
    """The connections at which an identity may be known, each with its address there."""
    if identity.kind == IdentityKind.BRIDGE:
        connection_id, _, key = identity.value.partition(":")
        return [(row, key) for row in Connection.objects.filter(id=connection_id)]
    return [(row, identity.value) for row in Connection.objects.all()]


def _forget_place(connection: Connection, address: str, before: dt.datetime, gone: Gone) -> None:
    """Everything that is known at one address of one connection from before that moment."""
    gone.add("consents", consents.forget(connection, address))
    forms = same_number.forms(address)
    here = {"connection": connection, "address__in": forms}
    gone.add("deliveries", _empty_deliveries(Delivery.objects.filter(**here, created_at__lte=before)))
    lane = InboundEvent.objects.filter(connection=connection, lane__in=forms, received_at__lte=before)
    gone.add("events", _empty_events(lane))
    SpendingCount.objects.filter(whose__in=forms).delete()
    ServiceWindow.objects.filter(**here, wrote_at__lte=before).delete()
    if not connection.is_rehearsal:
        return
    lines = RehearsalLine.objects.filter(**here, created_at__lte=before)
    sent = [item["sid"] for media in lines.values_list("media", flat=True) for item in media if "sid" in item]
    RehearsalPicture.objects.filter(connection=connection, sid__in=sent).delete()
    theirs = Q(caller__in=forms) | Q(called__in=forms)
    RehearsalCall.objects.filter(theirs, connection=connection, began_at__lte=before).update(**blank(RehearsalCall))
    gone.add("rehearsal_lines", lines.update(**blank(RehearsalLine), due_at=None))
    for rehearsal in Rehearsal.objects.select_for_update().filter(connection=connection):
        rehearsal.opted_out = [known for known in rehearsal.opted_out if known not in forms]
        rehearsal.phones = {known: phone for known, phone in rehearsal.phones.items() if known not in forms}
        # What was made to be sent has the message's words in it; whoever sends the same again makes it anew.
        made = InteractiveContent.objects.filter(connection=connection)
        sids = set(made.values_list("sid", flat=True))
        rehearsal.contents = {sid: content for sid, content in rehearsal.contents.items() if sid not in sids}
        made.delete()
        rehearsal.save(update_fields=["opted_out", "phones", "contents"])


def _empty_events(rows: QuerySet[InboundEvent]) -> int:
    """Their content and where they came from. Their keys stay, or a copy of one would be taken for a new one."""
    rows.filter(state__in=(EventState.RECEIVED, EventState.FAILED)).update(
        state=EventState.IGNORED, handled_at=timezone.now(), claim=None, leased_until=None
    )
    left = rows.exclude(reason=ERASED)
    return sum(
        left.filter(kind=kind).update(**emptied(kind))
        for kind in (MessageReceived.kind, StatusReported.kind, CallEnded.kind, DeskSaid.kind, NotUsed.kind)
    )


def _empty_calls(conversations: Sequence[UUID]) -> None:
    """What was said in them, who called, and their audio. That there were calls stays."""
    calls = Call.objects.filter(conversation__in=conversations)
    CallSpeech.objects.filter(call__in=calls).delete()
    audio.erase(conversations)
    for model in (CallTurn, CallStep, CallTransfer, CallCourse):
        model.objects.filter(call__in=calls).update(**blank(model))
    calls.update(**blank(Call))


def emptied(kind: str) -> dict[str, Any]:
    """What is left of an event of this kind."""
    return {**blank(InboundEvent), "content": event_of(kind, {"key": ""}).as_json()}


def _empty_deliveries(rows: QuerySet[Delivery]) -> int:
    """What they carried, where to, and what the provider said. What was still to be sent is sent to nobody."""
    rows.filter(status__in=(DeliveryStatus.QUEUED, DeliveryStatus.PARKED)).update(
        status=DeliveryStatus.SUPPRESSED, settled_at=timezone.now(), claim=None, leased_until=None
    )
    rows.filter(dismissed_at=None).update(dismissed_at=timezone.now())  # nobody has to see to them any more
    DeliveryAttempt.objects.filter(delivery__in=rows).update(**blank(DeliveryAttempt))
    return rows.exclude(reason=ERASED).update(**blank(Delivery), is_parked=False, awaits_window=False)
