"""What people write while nobody may answer them, after STOP or while they are blocked: kept, and shown with them."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.urls import reverse

from channels_app.models import ConversationLink, InboundEvent
from channels_app.models.inbound import EventState
from channels_app.providers.events import MessageReceived
from convoship.lib import same_number
from deployments import blocking
from deployments.models import Identity, Person
from deployments.models.person import IdentityKind
from deployments.person_holders import Unanswered

OPTED_OUT = "They have opted out, so nothing answers until they write START."
BLOCKED = f"{blocking.UNANSWERED} {blocking.REMEDY}"
# Places that a person's words are looked for at; who has more of them is a program.
MOST_PLACES = 200


def of(person: Person, most: int) -> list[Unanswered]:
    """So much of what they wrote in vain, the newest first."""
    rows = InboundEvent.objects.filter(
        _at_places_of(person),
        kind=MessageReceived.kind,
        state=EventState.HANDLED,
        message=None,
        reason__in=(OPTED_OUT, BLOCKED),
    )
    found: QuerySet[InboundEvent] = rows.select_related("connection").order_by("-received_at")
    return [
        Unanswered(
            at=row.received_at,
            place=row.connection.name,
            path=reverse("connection_events", args=[row.connection_id]),
            text=str(row.content.get("text") or row.content.get("payload") or ""),
            files=len(row.content.get("media") or ()),
            why="after they opted out" if row.reason == OPTED_OUT else "while they were blocked",
        )
        for row in found[:most]
    ]


def _at_places_of(person: Person) -> Q:
    """Events from where they are known, and from where their conversations took place."""
    places = Q(pk__in=[])
    numbers: set[str] = set()
    for kind, value in Identity.objects.filter(person=person).values_list("kind", "value")[:MOST_PLACES]:
        if kind == IdentityKind.BRIDGE:
            bridge, _, key = value.partition(":")
            places |= Q(connection_id=bridge, lane=key)
        else:
            numbers.update(same_number.forms(value))
    links = ConversationLink.objects.filter(conversation__person=person).exclude(address="")
    for connection_id, address in links.values_list("connection_id", "address").distinct()[:MOST_PLACES]:
        places |= Q(connection_id=connection_id, lane__in=same_number.forms(address))
    return places | Q(lane__in=numbers)
