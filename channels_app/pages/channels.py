"""Operate, Channels: the web widget, the connections to providers, and the catalogue of their kinds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from channels_app import accounts, health
from channels_app.health import Standing
from channels_app.models import Connection
from channels_app.pages.queries import connections
from channels_app.providers.base import Provider
from channels_app.providers.registry import PROVIDERS
from deployments.models import Assistant
from deployments.pages import deployment_cards, deployment_form, origin_rows, queries, tokens
from deployments.pages.deployment_form import DeploymentForm
from workspaces import once
from workspaces.access import WorkspaceRequest, form_of, workspace_page


class ChannelDeploymentForm(DeploymentForm):
    """The Deploy page's form, and which assistant it is for."""

    assistant: forms.ModelChoiceField[Assistant] = forms.ModelChoiceField(
        queryset=None,
        empty_label=None,
        error_messages={"required": "Choose an assistant.", "invalid_choice": "Choose one of your assistants."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assistant"].queryset = Assistant.objects.order_by("name", "created_at")  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Listed:
    """A connection as the list shows it; `connection` is one of `queries.connections`."""

    connection: Connection
    kind: type[Provider]
    standing: Standing

    @property
    def is_spoken(self) -> bool:
        """Whether calls are all that goes over it: nothing is ever sent out then."""
        return accounts.is_spoken(self.connection)


@require_safe
@workspace_page("deployments.read")
def channels(request: WorkspaceRequest) -> HttpResponse:
    """The channels of the workspace."""
    return _page(request, ChannelDeploymentForm())


def _page(request: WorkspaceRequest, form: ChannelDeploymentForm) -> HttpResponse:
    rows = sorted(
        queries.deployments().filter(revoked_at=None), key=lambda row: (row.assistant.name, str(row.assistant_id))
    )
    context = {
        "groups": [
            (assistant, list(found))
            for assistant, found in groupby(deployment_cards.cards(rows), key=lambda card: card.deployment.assistant)
        ],
        "form": form,
        "once": once.mark(),
        "has_assistants": Assistant.objects.exists(),
        "may_write": request.actor.may("deployments.write"),
        "connections": [Listed(row, accounts.kind_of(row), health.standing(row)) for row in connections()],
        "kinds": list(PROVIDERS.values()),
        "may_connect": request.actor.may("connections.write"),
    }
    return render(request, "channels_app/channels.html", context, status=422 if form.is_bound and form.errors else 200)


@form_of("channels")
@never_cache
@workspace_page("deployments.write")
def channel_deployment_create(request: WorkspaceRequest) -> HttpResponse:
    """Make a deployment of the chosen assistant and show its token, this once."""
    if origin_rows.wants_rows(request):
        return _page(request, ChannelDeploymentForm.typed(origin_rows.with_rows(request.POST)))
    form = ChannelDeploymentForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    assistant = form.cleaned_data["assistant"]
    if once.was_sent(request):
        return tokens.already_made(request, assistant)
    made = deployment_form.create(request, form, assistant)
    return tokens.token_page(request, made) if made else _page(request, form)
