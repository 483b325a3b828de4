"""What answers for an assistant and doesn't, where pages show it beside budgets: the reason, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from deployments import outage_words, responder_health
from deployments.models import BudgetNotice, ResponderHealth
from deployments.responders.webhook import KIND as WEBHOOK
from workspaces.access import WorkspaceRequest

MOST_SHOWN = 5


@dataclass(frozen=True)
class Outage:
    """One of them as a page has it. `trouble`: why its owners were not mailed, "" where nothing went wrong.

    `key_at`: where its key is mended, "" where that is no help, or not this member's to see.
    """

    health: ResponderHealth
    what: str
    trouble: str
    may_ask: bool
    key_at: str
    key_label: str

    @property
    def headline(self) -> str:
        """What is the matter, without a full stop."""
        return f"{self.what} doesn't answer"


def shown(request: WorkspaceRequest) -> tuple[list[Outage], int]:
    """What stands above a page, and how many more there are."""
    found = responder_health.down()
    notices = BudgetNotice.objects.filter(health__in=found).values_list("health_id", "trouble")
    troubles = dict(notices) if found else {}
    outages = [
        Outage(
            health,
            outage_words.what_of(health),
            troubles.get(health.id, ""),
            request.actor.may("assistants.write"),
            *_key_of(request, health),
        )
        for health in found[:MOST_SHOWN]
    ]
    return outages, max(0, len(found) - MOST_SHOWN)


def _key_of(request: WorkspaceRequest, health: ResponderHealth) -> tuple[str, str]:
    published = health.assistant.published
    if health.code != "key":
        return "", ""
    if published is not None and published.responder == WEBHOOK:
        return reverse("webhook_secret", args=[health.assistant_id]), "Signing secret"
    return (reverse("secrets"), "Secrets") if request.actor.may("secrets.read") else ("", "")


def count() -> int:
    """How many assistants' visitors get no answer of what should answer."""
    return len(responder_health.down())
