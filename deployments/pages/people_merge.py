"""Making two people one: choosing the other, seeing what will happen, doing it, and parting them again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from convoship.lib.problems import Problem
from deployments import merging, person_fields, person_holders, person_list, person_words
from deployments.models import Conversation, Person, PersonMerge
from deployments.pages.inbox_filters import as_id
from deployments.pages.people import person_of
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

MOST_FOUND = 20


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("people.write")
def person_merge(request: WorkspaceRequest, person_id: UUID) -> HttpResponse:
    """Choose another one (`?q=`), see what would happen (`?with=`), and make them one."""
    row = person_of(person_id)
    given = request.POST.get("with", "") if request.method == "POST" else request.GET.get("with", "")
    other = Person.objects.filter(id=as_id(given), erased_at=None).first() if as_id(given) else None
    if other is None:
        missing = "That person is not there any more. Choose another one." if given else ""
        return _choose(request, row, error=missing)
    if request.method == "POST":
        try:
            merging.merge(request.actor, row, other)
        except Problem as problem:
            return _choose(request, row, error=refusals.words_of(problem))
        messages.success(request, f"{other.label} is part of {row.label} now. It can be undone for 30 days.")
        return redirect("person", row.id)
    try:
        return render(request, "deployments/person_merge_look.html", _looked(merging.outcome(row, other)))
    except Problem as problem:
        return _choose(request, row, error=refusals.words_of(problem))


def _looked(found: merging.Outcome) -> dict[str, Any]:
    kept, merged = found.kept, found.merged
    identities = person_list.identities_of([kept, merged])
    shown = person_holders.addresses_of([row for rows in identities.values() for row in rows])
    known = {
        who: person_words.each_once(shown[row.id].value for row in identities.get(who, []))
        for who in (kept.id, merged.id)
    }
    proof = {who.id: who.external_id or "" for who in (kept, merged)}
    values: list[tuple[str, str, str, str]] = [
        ("Name", kept.name, merged.name, found.name),
        ("E-mail", kept.email, merged.email, found.email),
        ("Id at your server", proof[kept.id], proof[merged.id], proof[kept.id] or proof[merged.id]),
        (
            "Addresses",
            ", ".join(known[kept.id]),
            ", ".join(known[merged.id]),
            ", ".join(known[kept.id] + known[merged.id]),
        ),
    ]
    both = zip(person_fields.values_of(kept), person_fields.values_of(merged), strict=True)
    values += [(one.field.label, one.words, two.words, one.words or two.words) for one, two in both]
    theirs = Conversation.objects.filter(person=kept, is_test=False).count()
    counts = (theirs, found.conversations, theirs + found.conversations)
    values.append(("Conversations", str(counts[0]), str(counts[1]), str(counts[2])))
    is_alike = kept.label == merged.label
    return {
        "kept": kept,
        "merged": merged,
        "other": f"the other {merged.label}" if is_alike else merged.label,
        "outcome": found,
        "values": values,
        "addresses": [shown[row.id] for row in found.identities],
        "turned": f"{reverse('person_merge', args=[merged.id])}?with={kept.id}",
    }


def _choose(request: WorkspaceRequest, row: Person, *, error: str = "") -> HttpResponse:
    words = " ".join(request.GET.get("q", "").replace("\x00", " ").split())[: person_list.LONGEST_SEARCH]
    if words:
        rows = person_list.found(q=words)
    else:
        alike = Q(pk__in=[])
        if row.email:
            alike |= Q(email__iexact=row.email)
        if row.name:
            alike |= Q(name__iexact=row.name)
        rows = person_list.people().filter(alike)
    found = list(rows.exclude(id=row.id).order_by("-created_at", "-id")[:MOST_FOUND])
    identities, seen = person_list.identities_of(found), person_list.seen_last(found)
    shown = person_holders.addresses_of([one for rows in identities.values() for one in rows])
    context = {
        "person": row,
        "q": words,
        "found": [
            (
                other,
                person_words.each_once(shown[one.id].value for one in identities.get(other.id, [])),
                seen.get(other.id),
            )
            for other in found
        ],
        "error": error,
    }
    return render(request, "deployments/person_merge.html", context, status=422 if error else 200)


@form_of("person")
@workspace_page("people.write")
def person_merge_undo(request: WorkspaceRequest, person_id: UUID, merge_id: UUID) -> HttpResponse:
    """Part them again."""
    row = person_of(person_id)
    with refusals.missing_is_404():
        merge = merging.get(merge_id)
    return _undo(request, row, merge)


def _undo(request: WorkspaceRequest, row: Person, merge: PersonMerge) -> HttpResponse:
    with refusals.said_as_message(request):
        parted = merging.undo(request.actor, merge)
        blocked = " They are blocked: Unblock on this page lets them in." if parted.blocked_at is not None else ""
        messages.success(request, f"{parted.label} is a person of their own again.{blocked}")
        return redirect("person", parted.id)
    return redirect("person", row.id)
