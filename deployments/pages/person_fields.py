"""Pages of the fields that a workspace keeps of its people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import person_fields
from deployments.models import Person, PersonField
from deployments.models.person_parts import FieldKind
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page

_ASKED_OR_SENT = require_http_methods(["GET", "HEAD", "POST"])


class _AnyKind(forms.ChoiceField):
    """Takes what is sent: the act has the words for what can't be."""

    def valid_value(self, value: Any) -> bool:
        return True


class FieldForm(forms.Form):
    """A field. What it may be its act says; here it is only taken."""

    label = forms.CharField(required=False, widget=forms.TextInput({"autocomplete": "off"}))
    key = forms.CharField(
        required=False,
        widget=forms.TextInput(
            {"class": "mono", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    kind = _AnyKind(required=False, choices=FieldKind.choices)
    choices = forms.CharField(required=False, strip=False, widget=forms.Textarea({"rows": 5}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.validators.clear()

    def sent(self, *names: str) -> dict[str, Any]:
        """These as the act takes them."""
        self.full_clean()
        found: dict[str, Any] = {name: str(self.cleaned_data.get(name, "")) for name in names}
        # Where nothing is chosen among, the field for that is not shown.
        is_choice = found.get("kind", FieldKind.CHOICE) == FieldKind.CHOICE
        return {**found, "choices": str(self.cleaned_data.get("choices", "")).splitlines() if is_choice else []}


@require_safe
@workspace_page("people.read")
def person_fields_list(request: WorkspaceRequest) -> HttpResponse:
    """All of them, the oldest first."""
    context = {"rows": person_fields.all_of(), "may_manage": request.actor.may("people.manage")}
    return render(request, "deployments/person_fields.html", context)


@_ASKED_OR_SENT
@workspace_page("people.manage")
def person_field_new(request: WorkspaceRequest) -> HttpResponse:
    """Add one."""
    if request.method != "POST":
        return _form(request, FieldForm(initial={"kind": FieldKind.TEXT}))
    form = FieldForm(request.POST)
    try:
        with transaction.atomic():
            row = person_fields.create(request.actor, **form.sent("key", "label", "kind"))
    except Problem as problem:
        refusals.put_on(form, problem)
        return _form(request, form, status=422)
    messages.success(request, f"{row.label} is kept of every person from now on.")
    return redirect("person_fields")


@_ASKED_OR_SENT
@workspace_page("people.manage")
def person_field(request: WorkspaceRequest, field_id: UUID) -> HttpResponse:
    """Change what it is called and what can be chosen."""
    with refusals.missing_is_404():
        row = person_fields.get(field_id)
    if request.method != "POST":
        return _form(request, FieldForm(initial={"label": row.label, "choices": "\n".join(row.choices)}), row)
    form = FieldForm(request.POST)
    try:
        with transaction.atomic():
            person_fields.change(request.actor, row, **form.sent("label"))
    except Problem as problem:
        refusals.put_on(form, problem)
        return _form(request, form, row, status=422)
    messages.success(request, f"{row.label} is saved.")
    return redirect("person_fields")


def _form(
    request: WorkspaceRequest, form: FieldForm, row: PersonField | None = None, status: int = 200
) -> HttpResponse:
    if row is not None:
        del form.fields["key"], form.fields["kind"]
        if row.kind != FieldKind.CHOICE:
            del form.fields["choices"]
    return render(request, "deployments/person_field.html", {"form": form, "row": row}, status=status)


@_ASKED_OR_SENT
@workspace_page("people.manage")
def person_field_delete(request: WorkspaceRequest, field_id: UUID) -> HttpResponse:
    """Ask, then delete it and what is kept in it."""
    with refusals.missing_is_404():
        row = person_fields.get(field_id)
    if request.method == "POST":
        label, people = row.label, person_fields.delete(request.actor, row)
        gone = f"and what it said of {people} {'person' if people == 1 else 'people'}" if people else "It was empty"
        messages.success(request, f"{label} is deleted, {gone}." if people else f"{label} is deleted. {gone}.")
        return redirect("person_fields")
    context = {
        "row": row,
        "people": Person.objects.filter(fields__has_key=row.key).count(),
        "question": f"Delete the field {row.label}?",
        "button": "Delete the field",
        "back": reverse("person_field", args=[row.id]),
    }
    return render(request, "deployments/person_field_delete.html", context)
