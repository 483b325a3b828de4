"""A mail about what answers for an assistant and doesn't, in words."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from convoship.lib import names
from deployments.models import ResponderHealth
from deployments.models.assistant import Responder
from workspaces.models import Workspace

_MEANWHILE = (
    "Visitors get what the assistant has for that: its script, a person, or words. Once it has answered again, you are "
    "mailed of the next time that it doesn't."
)


def what_of(health: ResponderHealth) -> str:
    """`The language model of “Shop”`: what doesn't answer; of an assistant that is published."""
    published = health.assistant.published
    kind = published.responder if published is not None else health.assistant.responder
    label = {Responder.LLM: "The model", Responder.WEBHOOK: "The bot"}.get(Responder(kind), "What answers")
    return f"{label} of “{names.line(health.assistant.name)}”"


def mail(workspace: Workspace, health: ResponderHealth) -> tuple[str, str]:
    """Its subject and its body."""
    head = f"{what_of(health)} doesn't answer"
    since = f" since {health.since.strftime('%-d %B %Y, %H:%M')} UTC" if health.since is not None else ""
    parts = [
        f"{head}{since}. That is in {names.line(workspace.name)}.",
        f"{names.line(health.reason)} {names.line(health.remedy)}".strip(),
        _MEANWHILE,
        _links(health),
    ]
    return f"{head}: {names.line(health.reason)}"[:200], "\n\n".join(part for part in parts if part) + "\n"


def _links(health: ResponderHealth) -> str:
    answers = reverse("assistant_answers", args=[health.assistant_id])
    lines = [f"Ask it again, or change what answers: {settings.PUBLIC_BASE_URL}{answers}"]
    if health.code == "key":
        lines.append(f"Write its key again: {settings.PUBLIC_BASE_URL}{reverse('secrets')}")
    return "\n".join(lines)
