"""The list of people, one of them, and the form that corrects what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import merging, person_changes, person_fields, person_holders, person_list, person_words
from deployments.models import Conversation, Identity, Person, PersonField
from deployments.models.conversation import Channel
from deployments.models.person import IdentityKind
from deployments.models.person_parts import FieldKind
from deployments.pages import queries
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page
from workspaces.models import AuditEvent

PAGE_SIZE = 30
MOST_CONVERSATIONS, MOST_NOTES, MOST_UNANSWERED = 30, 50, 20
SHOWN = {"all": "All", "verified": "Verified", "blocked": "Blocked"}


@dataclass(frozen=True)
class Row:
    """A person on the list: what leads to them, and when something last happened."""

    person: Person
    addresses: list[str]
    seen_at: object


def person_of(person_id: UUID) -> Person:
    """The person whom this address means; Http404 where there is none."""
    with refusals.missing_is_404():
        return person_changes.get(person_id)


@require_safe
@workspace_page("people.read")
def people(request: WorkspaceRequest) -> HttpResponse:
    """The list, the newest first."""
    show, channel = request.GET.get("show", ""), request.GET.get("channel", "")
    show, channel = show if show in SHOWN else "all", channel if channel in Channel.values else ""
    words = " ".join(request.GET.get("q", "").replace("\x00", " ").split())[: person_list.LONGEST_SEARCH]
    found = person_list.found(
        q=words, channel=channel, blocked=True if show == "blocked" else None, verified=show == "verified" or None
    )
    after = queries.read_cursor(request.GET.get("after", "")[:200])
    if after is not None:
        moment, last_id = after
        found = found.filter(Q(created_at__lt=moment) | Q(created_at=moment, id__lt=last_id))
    rows = list(found.order_by("-created_at", "-id")[: PAGE_SIZE + 1])
    page, more = rows[:PAGE_SIZE], len(rows) > PAGE_SIZE

    def query(**parts: str) -> str:
        kept = {"show": "" if show == "all" else show, "q": words, "channel": channel, **parts}
        written = urlencode({name: value for name, value in kept.items() if value})
        return f"?{written}" if written else ""

    context = {
        "rows": _rows(page),
        "chips": [
            (name, label, query(show="" if name == "all" else name), name == show) for name, label in SHOWN.items()
        ],
        "show": show,
        "q": words,
        "channel": channel,
        "channels": Channel.choices,
        "next": query(after=queries.cursor_of(page[-1].created_at, page[-1].id)) if more else "",
        "first": query(),
        "is_first": after is None,
        "is_narrowed": bool(words or channel or show != "all"),
        "may_manage": request.actor.may("people.manage"),
    }
    return render(request, "deployments/people.html", context)


def _rows(page: Sequence[Person]) -> list[Row]:
    identities, seen = person_list.identities_of(page), person_list.seen_last(page)
    shown = person_holders.addresses_of([row for rows in identities.values() for row in rows])
    return [
        Row(
            person,
            person_words.each_once(shown[row.id].value for row in identities.get(person.id, [])),
            seen.get(person.id),
        )
        for person in page
    ]


# --- One person -------------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("people.read")
def person(request: WorkspaceRequest, person_id: UUID) -> HttpResponse:
    """What is known of somebody. Who was merged leads to the one who was kept; of who was erased the proof is left."""
    row = Person.objects.filter(id=person_id).first()
    if row is not None and row.erased_at is not None:
        return _erased(request, row)
    found = person_of(person_id)
    return redirect("person", found.id) if found.id != person_id else shown(request, found)


def _erased(request: WorkspaceRequest, row: Person) -> HttpResponse:
    proof = AuditEvent.objects.filter(action="person.erased", target_id=str(row.id)).first()
    counts = [(name.replace("_", " "), count) for name, count in (proof.data if proof else {}).items()]
    return render(request, "deployments/person_erased.html", {"person": row, "counts": counts, "proof": proof})


def shown(
    request: WorkspaceRequest, row: Person, *, note: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    """The person's page; `note` is what was typed of a note that could not be kept, `error` why."""
    identities = list(Identity.objects.filter(person=row).order_by("created_at", "id"))
    addresses = person_holders.addresses_of(identities)
    talks = Conversation.objects.filter(person=row).select_related("assigned_to", "assistant")
    talk_count = talks.filter(is_test=False).count()
    # Whoever was only met in a test is shown that, and of others no test is theirs.
    is_played = not talk_count and talks.exists()
    talks = talks.filter(is_test=is_played)
    context = {
        "person": row,
        "said_by": {name: person_words.said_by(row, name) for name in ("name", "email")},
        "identities": [
            (
                addresses[one.id],
                person_words.kind_of(one, addresses[one.id]),
                person_words.how_known(one, addresses[one.id]),
            )
            for one in identities
        ],
        "has_number": any(one.kind == IdentityKind.PHONE for one in identities),
        "may_start": request.actor.may("conversations.write") and row.blocked_at is None,
        "consents": person_holders.consents_of(row),
        "unanswered": person_holders.unanswered_of(row, MOST_UNANSWERED),
        "fields": person_fields.values_of(row),
        "talks": list(talks.order_by("-last_activity_at")[:MOST_CONVERSATIONS]),
        "talk_count": talks.count() if is_played else talk_count,
        "is_played": is_played,
        "notes": list(person_changes.notes_of(row).select_related("author")[:MOST_NOTES]),
        "merges": merging.merges_of(row),
        "may_write": request.actor.may("people.write"),
        "may_manage": request.actor.may("people.manage"),
        "note": note,
        "error": error,
    }
    return render(request, "deployments/person.html", context, status=status)


class PersonForm(forms.Form):
    """Name, e-mail and the workspace's own fields. What they may be their act says; here it is only taken."""

    name = forms.CharField(required=False, widget=forms.TextInput({"autocomplete": "off"}))
    email = forms.CharField(required=False, widget=forms.TextInput({"autocomplete": "off", "inputmode": "email"}))

    def __init__(self, fields: Sequence[PersonField], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = {f"own-{field.key}": field for field in fields}
        for name, field in self.own.items():
            self.fields[name] = _form_field(field)
        for taken in self.fields.values():
            taken.validators.clear()

    @property
    def sent(self) -> dict[str, Any]:
        """As the act takes it."""
        self.full_clean()
        values = {field.key: self.cleaned_data.get(name) or None for name, field in self.own.items()}
        return {"name": self.cleaned_data["name"], "email": self.cleaned_data["email"], "fields": values}

    @property
    def own_fields(self) -> list[forms.BoundField]:
        """The workspace's own, in their order."""
        return [self[name] for name in self.own]


class _AnyChoice(forms.ChoiceField):
    """Takes what is sent: the act says whether it can be chosen."""

    def valid_value(self, value: Any) -> bool:
        return True


def _form_field(field: PersonField) -> forms.Field:
    if field.kind == FieldKind.YES_NO:
        chosen = [("", "Not known"), ("yes", "Yes"), ("no", "No")]
        return _AnyChoice(label=field.label, required=False, choices=chosen)
    if field.kind == FieldKind.CHOICE:
        choices = [("", "Not known"), *((choice, choice) for choice in field.choices)]
        return _AnyChoice(label=field.label, required=False, choices=choices)
    kinds = {FieldKind.DATE: {"type": "date"}, FieldKind.NUMBER: {"inputmode": "decimal"}}
    attrs = {"autocomplete": "off", **kinds.get(FieldKind(field.kind), {})}
    return forms.CharField(label=field.label, required=False, widget=forms.TextInput(attrs))


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("people.write")
def person_edit(request: WorkspaceRequest, person_id: UUID) -> HttpResponse:
    """Correct what is known of them."""
    row, fields = person_of(person_id), person_fields.all_of()
    if request.method != "POST":
        own = {f"own-{field.key}": _initial(field, row.fields.get(field.key)) for field in fields}
        return _edit(request, row, PersonForm(fields, initial={"name": row.name, "email": row.email, **own}))
    form = PersonForm(fields, request.POST)
    try:
        with transaction.atomic():
            kept = person_changes.change(request.actor, row, form.sent)
    except Problem as problem:
        if problem.code == "not_found":
            raise Http404 from None
        named = Problem(
            problem.code,
            problem.detail,
            errors={name.replace("fields.", "own-"): said for name, said in problem.errors.items()},
            hint=problem.hint,
        )
        refusals.put_on(form, named)
        return _edit(request, row, form, status=422)
    messages.success(request, f"{kept.label} is saved.")
    return redirect("person", kept.id)


def _initial(field: PersonField, value: Any) -> Any:
    if field.kind == FieldKind.YES_NO:
        return {True: "yes", False: "no"}.get(value, "")
    return value


def _edit(request: WorkspaceRequest, row: Person, form: PersonForm, status: int = 200) -> HttpResponse:
    return render(request, "deployments/person_edit.html", {"person": row, "form": form}, status=status)
