"""*New message*: writing to somebody first, with what is known of whether that may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from channels_app import accounts, starting, template_choice, windows
from channels_app.models import Connection, MessageTemplate
from channels_app.pages import template_preview
from channels_app.providers import numbers
from channels_app.starting import Standing
from convoship.lib.problems import Problem
from deployments.models import Identity
from deployments.models.person import IdentityKind
from deployments.pages.inbox_filters import as_id
from deployments.starting import Wanted
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page
from workspaces.members import user_of

# Variables of the chosen template; and, with the choice, what was typed for another one or over another connection.
_BEFORE, _KEPT, _KEPT_CHOICE = "v-", "kept-v-", "kept-template"
_MOST_VARIABLES = 50


class NewMessageForm(forms.Form):
    """To whom, over which connection, with which words. What they may be, the act says."""

    connection = forms.ChoiceField(required=False)
    to = forms.CharField(
        required=False,
        max_length=60,
        widget=forms.TextInput({"type": "tel", "autocomplete": "off", "inputmode": "tel"}),
    )
    text = forms.CharField(required=False, strip=False, widget=forms.Textarea({"rows": 5}))
    consent = forms.CharField(required=False, max_length=300, widget=forms.TextInput({"autocomplete": "off"}))

    def __init__(self, found: list[Connection], numbers_of: Sequence[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(numbers_of) > 1:
            self.fields["to"] = forms.ChoiceField(choices=[(one, one) for one in numbers_of], required=False)
        choices = [(str(one.id), f"{one.name}: {accounts.kind_of(one).label}") for one in found]
        self.fields["connection"] = forms.ChoiceField(choices=choices, required=False)

    def wanted(self) -> Wanted:
        """What was typed, as the act takes it."""
        self.full_clean()
        typed = self.cleaned_data
        try:
            connection_id = UUID(typed.get("connection", ""))
        except ValueError:
            connection_id = UUID(int=0)
        template = str(self.data.get("template", "")).replace("\0", "")[:512]
        return Wanted(
            connection_id=connection_id,
            to=typed.get("to", "").replace("\0", ""),
            text=typed.get("text", ""),
            template=template,
            variables=_variables(self.data) if template else {},
            consent=typed.get("consent", ""),
        )


def _variables(typed: Mapping[str, Any], before: str = _BEFORE) -> dict[str, str]:
    """What was typed for the variables of a template."""
    found = {key.removeprefix(before): str(typed[key])[:2000] for key in typed if key.startswith(before)}
    return {name[:40]: value.replace("\0", "") for name, value in list(found.items())[:_MOST_VARIABLES]}


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("conversations.write")
def conversation_new(request: WorkspaceRequest) -> HttpResponse:
    """The form, and what comes of it."""
    found, theirs = starting.startable(), _numbers_of(request.GET.get("person", ""))
    if request.method != "POST" or not found:
        asked = {"connection": request.GET.get("connection", "")[:300], "to": theirs[0] if theirs else ""}
        status = 422 if request.method == "POST" else 200
        return _page(request, NewMessageForm(found, theirs, initial=asked), found, asked, status=status)
    if once.was_sent(request):
        return redirect("conversations")
    form = NewMessageForm(found, theirs, request.POST)
    wanted = form.wanted()
    if form.errors:
        # A field that can't be read is empty for the act, which may do without it: its words would be lost.
        return _page(request, form, found, request.POST, status=422)
    try:
        with transaction.atomic():
            started = starting.Starting().start(request.actor, user_of(request.actor), wanted)
    except Problem as problem:
        refusals.put_on(form, problem, {"connection_id": "connection"})
        # What names a variable stands beside it.
        return _page(request, form, found, request.POST, problem=problem, status=422 if problem.errors else 409)
    once.spend(request)
    return redirect("conversation", started.conversation.id)


def _numbers_of(person: str) -> list[str]:
    """The numbers of whom the page was asked for by their id: a number belongs into no address, which is logged."""
    person_id = as_id(person)
    if not person_id:
        return []
    known = Identity.objects.filter(person=UUID(person_id), kind=IdentityKind.PHONE).order_by("created_at", "id")
    return list(known.values_list("value", flat=True))


@form_of("conversation_new")
@workspace_page("conversations.write")
def conversation_new_standing(request: WorkspaceRequest) -> HttpResponse:
    """How it stands with writing to this number, while it is typed. Changes nothing.

    A POST all the same: what is written to whom belongs into no address, which is logged, and has no room for it.
    """
    found = starting.startable()
    part = _template_part(_connection(found, request.POST), request.POST)
    if request.POST.get("part") == "template":
        return render(request, "channels_app/new_message_template.html", part)
    context = _words(request, _standing(found, request.POST), part["chosen"])
    return render(request, "channels_app/new_message_standing.html", context)


def _connection(found: list[Connection], typed: Mapping[str, Any]) -> Connection | None:
    """The one that is chosen: the first until another is."""
    wanted = str(typed.get("connection", ""))
    return next((one for one in found if str(one.id) == wanted), found[0] if found and not wanted else None)


def _standing(found: list[Connection], typed: Mapping[str, Any]) -> Standing | None:
    """None while what was typed is no number yet."""
    connection = _connection(found, typed)
    if connection is None:
        return None
    try:
        number = numbers.e164(str(typed.get("to", "")).replace("\0", ""))
    except ValidationError:
        return None
    return starting.standing(connection, number, str(typed.get("text", ""))[:8000])


def _words(request: WorkspaceRequest, shown: Standing | None, chosen: MessageTemplate | None) -> dict[str, Any]:
    """What the part that shows how it stands needs."""
    if shown is None:
        return {"standing": None}
    return {
        "standing": shown,
        "consent_words": starting.consent_words(shown),
        "cost_words": starting.cost_words(shown, chosen),
        "may_set": request.actor.may("connections.write"),
    }


def _template_part(
    connection: Connection | None, typed: Mapping[str, Any], problem: Problem | None = None
) -> dict[str, Any]:
    """What the template's part needs, whoever it goes to: the choice, what is in it, and what only waits in it."""
    sid = str(typed.get("template") or typed.get(_KEPT_CHOICE, "")).replace("\0", "")[:512]
    values = _variables(typed, _KEPT) | _variables(typed)
    has_templates = connection is not None and windows.has_one(connection)
    offered = template_choice.ranked(connection) if connection is not None and has_templates else []
    chosen = next((one.template for one in offered if one.template.sid == sid), None)
    names = template_choice.variables_of(chosen) if chosen else []
    errors = problem.errors if problem else {}
    return {
        "has_templates": has_templates,
        "templates": [one.template for one in offered],
        "chosen": chosen,
        "preview": template_preview.of(chosen, values) if chosen else None,
        "fields": [
            {
                "id": f"{_BEFORE}{name}",
                "name": name,
                "value": values.get(name, ""),
                "sample": chosen.variables.get(name, "") if chosen else "",
                "errors": errors.get(f"variables.{name}", ()),
            }
            for name in names
        ],
        "kept_template": sid if chosen is None else "",
        "kept": [(name, value) for name, value in values.items() if name not in names and value],
    }


def _page(
    request: WorkspaceRequest,
    form: NewMessageForm,
    found: list[Connection],
    typed: Mapping[str, Any],
    *,
    problem: Problem | None = None,
    status: int = 200,
) -> HttpResponse:
    part = _template_part(_connection(found, typed), typed, problem)
    context = {
        "form": form,
        "connections": found,
        "has_choice": isinstance(form.fields["to"], forms.ChoiceField),
        "once": once.mark(),
        "may_connect": request.actor.may("connections.write"),
        **part,
        **_words(request, _standing(found, typed), part["chosen"]),
    }
    return render(request, "channels_app/new_message.html", context, status=status)
