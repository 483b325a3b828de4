"""The form of a deployment, on the Deploy page and on Channels alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, QueryDict

from convoship.lib.problems import Problem
from deployments import deploying, origins
from deployments.deploying import NewDeployment
from deployments.models import Assistant, Deployment
from workspaces import refusals
from workspaces.access import WorkspaceRequest

OVERLAPS = {
    "0": "ends at once",
    "3600": "goes on for an hour",
    "86400": "goes on for a day",
    "604800": "goes on for a week",
}


@dataclass(frozen=True)
class Refused:
    """A line that can't be an allowed origin, and the value to use instead if there is one."""

    line: int
    typed: str
    message: str
    suggestion: str


class DeploymentForm(forms.Form):
    """Name, allowed origins one per line, and whether programs may call."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give it a name, such as the site it is for."})
    allowed_origins = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": "Name at least one origin, for example https://www.example.com."},
    )
    allow_server_callers = forms.BooleanField(required=False)

    refused: list[Refused]

    @classmethod
    def of(cls, deployment: Deployment) -> DeploymentForm:
        """The form as the deployment is now."""
        return cls(
            initial={
                "name": deployment.name,
                "allowed_origins": "\n".join(deployment.allowed_origins),
                "allow_server_callers": deployment.allow_server_callers,
            }
        )

    def clean_allowed_origins(self) -> list[str]:
        """Each line as an origin; a refused one is kept with what to use instead."""
        self.refused, kept = [], []
        for number, line in enumerate(self.cleaned_data["allowed_origins"].splitlines()):
            if not (typed := line.strip()):
                continue
            try:
                kept.append(origins.parse_allowed(typed))
            except origins.OriginRefused as refused:
                self.refused.append(Refused(number, typed, refused.message, refused.suggestion or ""))
        if self.refused:
            count = len(self.refused)
            words = (
                "One of these can't be used as it is." if count == 1 else f"{count} of these can't be used as they are."
            )
            raise forms.ValidationError(words)
        return kept

    @property
    def values(self) -> dict[str, Any]:
        """What the acts take."""
        return {name: self.cleaned_data[name] for name in ("name", "allowed_origins", "allow_server_callers")}


def wants_correction(request: HttpRequest) -> bool:
    """Whether *Use this* was pressed beside a refused origin."""
    return "use" in request.POST


def corrected(data: QueryDict) -> QueryDict:
    """What was sent, with the chosen line (or every line that can be) replaced by its corrected value."""
    chosen, lines = data.get("use", ""), data.get("allowed_origins", "").splitlines()
    for number, line in enumerate(lines):
        if chosen in {"all", str(number)}:
            lines[number] = _corrected_line(line)
    copy = data.copy()
    copy["allowed_origins"] = "\n".join(lines)
    return copy


def _corrected_line(line: str) -> str:
    try:
        return origins.parse_allowed(line.strip())
    except origins.OriginRefused as refused:
        return refused.suggestion or line


def create(request: WorkspaceRequest, form: DeploymentForm, assistant: Assistant) -> NewDeployment | None:
    """Make the deployment that a valid form asks for; None where the act refused, with the form saying why."""
    try:
        with transaction.atomic():
            return deploying.create(request.actor, assistant, **form.values)
    except Problem as problem:
        refusals.put_on(form, problem)
        return None


def change(request: WorkspaceRequest, form: DeploymentForm, deployment: Deployment) -> bool:
    """Change the deployment as a valid form asks, if anything is different; False where the act refused."""
    values: Mapping[str, Any] = form.values
    changes = {name: value for name, value in values.items() if value != getattr(deployment, name)}
    try:
        with transaction.atomic():
            if changes:
                deploying.change(request.actor, deployment, changes)
    except Problem as problem:
        refusals.put_on(form, problem)
        return False
    return True
