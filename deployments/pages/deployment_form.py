"""A deployment's forms: the one that makes it, on the Deploy page and on Channels alike, and that of its origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import transaction

from convoship.lib.problems import Problem
from deployments import deploying
from deployments.deploying import NewDeployment
from deployments.deployment_settings import LONGEST_LABEL
from deployments.models import Assistant, Deployment
from deployments.pages import queries
from deployments.pages.origin_rows import OriginRowsForm
from workspaces import refusals
from workspaces.access import WorkspaceRequest


class DeploymentForm(OriginRowsForm):
    """What a new deployment needs: name, environment, allowed origins. The rest has good values to begin with."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give it a name, such as the site it is for."})
    label = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"list": "labels", "maxlength": str(LONGEST_LABEL), "autocomplete": "off"}),
    )

    @property
    def labels(self) -> list[str]:
        """The environments that the workspace has named so far."""
        return queries.labels()

    @property
    def values(self) -> dict[str, Any]:
        """What the acts take."""
        return {name: self.cleaned_data[name] for name in ("name", "label", "allowed_origins")}


class OriginsForm(OriginRowsForm):
    """Who may come in: the allowed origins, and whether programs may call."""

    allow_server_callers = forms.BooleanField(required=False)

    @classmethod
    def of(cls, deployment: Deployment) -> OriginsForm:
        """The form as the deployment is now."""
        initial = {
            "allowed_origins": deployment.allowed_origins,
            "allow_server_callers": deployment.allow_server_callers,
        }
        return cls(initial=initial, known=deployment.allowed_origins)

    @property
    def values(self) -> dict[str, Any]:
        """What the act takes."""
        return {name: self.cleaned_data[name] for name in ("allowed_origins", "allow_server_callers")}


def create(request: WorkspaceRequest, form: DeploymentForm, assistant: Assistant) -> NewDeployment | None:
    """Make the deployment that a valid form asks for; None where the act refused, with the form saying why."""
    try:
        with transaction.atomic():
            return deploying.create(request.actor, assistant, **form.values)
    except Problem as problem:
        refusals.put_on(form, problem)
        return None


def change(request: WorkspaceRequest, form: forms.Form, values: Mapping[str, Any], row: Deployment) -> bool:
    """Change the deployment as a valid form asks, if anything is different; False where the act refused."""
    changes = {name: value for name, value in values.items() if value != getattr(row, name)}
    try:
        with transaction.atomic():
            if changes:
                deploying.change(request.actor, row, changes)
    except Problem as problem:
        refusals.put_on(form, problem)
        return False
    return True
