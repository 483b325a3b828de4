"""Identities by what somebody is known by: (kind, value) each, such as a telephone number."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from convoship.lib import same_number
from deployments.models import Identity


def identities_of(known_by: Sequence[tuple[str, str]], *, lock: bool = False) -> QuerySet[Identity]:
    """The identities with these kinds and values, a number's in any of its forms, with their people.

    With `lock` they are held: whoever merges, blocks or erases their person holds them first, in this order, and waits.
    """
    wanted = Q(pk__in=[])
    for kind, value in known_by:
        wanted |= Q(kind=kind, value__in=same_number.forms(value))
    rows = Identity.objects.select_related("person").filter(wanted).order_by("id")
    return rows.select_for_update(of=("self",), no_key=True) if lock else rows
