"""*New message*: writing to somebody first, with what is known of whether that may be."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from channels_app import accounts, starting
from channels_app.models import Connection
from channels_app.providers import numbers
from channels_app.starting import Standing
from convoship.lib.problems import Problem
from deployments.starting import Wanted
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, workspace_page
from workspaces.members import user_of


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

    def __init__(self, found: list[Connection], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
        return Wanted(
            connection_id=connection_id,
            to=typed.get("to", "").replace("\0", ""),
            text=typed.get("text", ""),
            consent=typed.get("consent", ""),
        )


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("conversations.write")
def conversation_new(request: WorkspaceRequest) -> HttpResponse:
    """The form, and what comes of it."""
    found = starting.startable()
    if request.method != "POST" or not found:
        asked = {name: request.GET.get(name, "")[:300] for name in ("connection", "to")}
        status = 422 if request.method == "POST" else 200
        return _page(request, NewMessageForm(found, initial=asked), found, _standing(found, asked), status=status)
    if once.was_sent(request):
        return redirect("conversations")
    form = NewMessageForm(found, request.POST)
    try:
        with transaction.atomic():
            started = starting.Starting().start(request.actor, user_of(request.actor), form.wanted())
    except Problem as problem:
        refusals.put_on(form, problem, {"connection_id": "connection"})
        shown = _standing(found, request.POST)
        return _page(request, form, found, shown, status=422 if problem.errors else 409)
    once.spend(request)
    return redirect("conversation", started.conversation.id)


@require_safe
@workspace_page("conversations.write")
def conversation_new_standing(request: WorkspaceRequest) -> HttpResponse:
    """How it stands with writing to this number, while it is typed."""
    shown = _standing(starting.startable(), request.GET)
    return render(request, "channels_app/new_message_standing.html", {"standing": shown, **_words(shown)})


def _standing(found: list[Connection], typed: Any) -> Standing | None:
    """None while what was typed is no number yet."""
    wanted = str(typed.get("connection", ""))
    connection = next((one for one in found if str(one.id) == wanted), found[0] if found and not wanted else None)
    if connection is None:
        return None
    try:
        number = numbers.e164(str(typed.get("to", "")).replace("\0", ""))
    except ValidationError:
        return None
    return starting.standing(connection, number, str(typed.get("text", ""))[:8000])


def _words(shown: Standing | None) -> dict[str, str]:
    return {"consent_words": starting.consent_words(shown), "cost_words": starting.cost_words(shown)} if shown else {}


def _page(
    request: WorkspaceRequest, form: NewMessageForm, found: list[Connection], shown: Standing | None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "connections": found,
        "standing": shown,
        "once": once.mark(),
        "may_connect": request.actor.may("connections.write"),
        **_words(shown),
    }
    return render(request, "channels_app/new_message.html", context, status=status)
