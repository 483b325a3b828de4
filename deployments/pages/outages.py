"""What answers for an assistant and doesn't, where pages show it beside budgets: the reason, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass

from deployments import outage_words, responder_health
from deployments.models import BudgetNotice, ResponderHealth
from workspaces.access import WorkspaceRequest

MOST_SHOWN = 5


@dataclass(frozen=True)
class Outage:
    """One of them as a page has it. `trouble`: why its owners were not mailed, "" where nothing went wrong."""

    health: ResponderHealth
    what: str
    kind: str
    trouble: str
    may_ask: bool
    may_see_secrets: bool


def shown(request: WorkspaceRequest) -> tuple[list[Outage], int]:
    """What stands above a page, and how many more there are."""
    found = responder_health.down()
    notices = BudgetNotice.objects.filter(health__in=found).values_list("health_id", "trouble")
    troubles = dict(notices) if found else {}
    outages = [
        Outage(
            health,
            outage_words.what_of(health),
            health.assistant.published.responder if health.assistant.published is not None else "",
            troubles.get(health.id, ""),
            request.actor.may("assistants.write"),
            request.actor.may("secrets.read"),
        )
        for health in found[:MOST_SHOWN]
    ]
    return outages, max(0, len(found) - MOST_SHOWN)


def count() -> int:
    """How many assistants' visitors get no answer of what should answer."""
    return len(responder_health.down())
