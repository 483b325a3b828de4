"""Finding people: by name, e-mail, number or the customer's own id, and by how they stand. Inside `tenant()`.

Plain `ILIKE` over the workspace's own people: the wall's policies forbid an index of words to whoever has to mind them
(`searching`), and a workspace's people are thousands, which takes a few hundredths of a second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from convoship.lib import same_number
from deployments.models import Conversation, Identity, Person

LONGEST_SEARCH = 200


def people() -> QuerySet[Person]:
    """Those that there are: not who was merged into another or erased, nor who was only met in tests of our own."""
    of_theirs = Conversation.objects.filter(person=OuterRef("pk"))
    real = Exists(of_theirs.filter(is_test=False)) | ~Exists(of_theirs)
    return Person.objects.filter(real, merged_into=None, erased_at=None)


def found(
    *, q: str = "", channel: str = "", blocked: bool | None = None, verified: bool | None = None
) -> QuerySet[Person]:
    """Those whom the filters leave."""
    rows = people()
    if words := " ".join(q.replace("\x00", " ").split())[:LONGEST_SEARCH]:
        rows = rows.filter(_has(words))
    if channel:
        rows = rows.filter(Exists(Conversation.objects.filter(person=OuterRef("pk"), channel=channel, is_test=False)))
    if blocked is not None:
        rows = rows.filter(blocked_at__isnull=not blocked)
    if verified is not None:
        rows = rows.filter(external_id__isnull=not verified)
    return rows


def _has(words: str) -> Q:
    digits = "".join(character for character in words if character.isdigit())
    # A number is typed with blanks, brackets and dashes.
    number = digits if len(digits) >= 4 and len(digits) >= len(words) // 2 else words
    addresses = Identity.objects.filter(
        Q(value__icontains=words) | Q(value__icontains=number) | Q(value__in=same_number.forms(f"+{digits}"))
    )
    said = Q(name__icontains=words) | Q(email__icontains=words) | Q(external_id__icontains=words)
    return said | Q(id__in=addresses.values("person")) | _is_labelled(words)


def _is_labelled(words: str) -> Q:
    """By the label of those without a name (`Person.label`) or a word of it, or by what an id begins with."""
    first, _, rest = words.partition(" ")
    is_label = first.casefold() == _LABEL.casefold()
    begins = rest if is_label else words
    if begins and not _ID.fullmatch(begins):
        return Q(pk__in=[])
    by_id = Q(id__istartswith=begins) if begins else Q()
    return by_id & Q(name="", email="") if is_label else by_id


_LABEL = "Visitor"
# The four digits of a label, or more of an id.
_ID = re.compile(r"[0-9a-f]{4}[0-9a-f-]{0,32}", re.IGNORECASE)


def seen_last(rows: Sequence[Person]) -> dict[UUID, object]:
    """When something last happened with these people, by their ids."""
    moved = Conversation.objects.filter(person__in=[row.id for row in rows], is_test=False)
    return dict(moved.values_list("person").annotate(at=Max("last_activity_at")).order_by())


def identities_of(rows: Sequence[Person]) -> dict[UUID, list[Identity]]:
    """The addresses of these people, the oldest first, by the people's ids."""
    kept: dict[UUID, list[Identity]] = {}
    for identity in Identity.objects.filter(person__in=[row.id for row in rows]).order_by("created_at", "id"):
        kept.setdefault(identity.person_id, []).append(identity)
    return kept
