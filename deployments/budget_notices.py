"""Which budgets their owner should know of: those that are spent, and those of which four fifths are taken.

What is noted here is mailed once for each period of a budget (`budget_mails`); a budget that is made larger is told of
anew. What each visitor has for themselves is told of when it is spent and not before: most never come near it.

So is what answers for an assistant and doesn't, once for each outage, which ends with the next answer. All of it inside
`tenant()`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from convoship.lib.tenancy import entered_workspace_id
from deployments import usage
from deployments.models import Budget, BudgetCount, BudgetNotice, Deployment, Spending
from deployments.models.budget_notice import Level
from deployments.models.spending import Per

MOST_NAMED = 3
# What no waiting mends: told of at once. All else may have passed in a moment, and is told of if it hasn't.
PRESSING = frozenset({"key", "quota", "model"})
PATIENCE = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Near:
    """A budget of which four fifths are taken, in a period, by whom."""

    budget_id: UUID
    day: dt.date
    whose: str


def period_of(budget: Budget, day: dt.date) -> dt.date:
    """The day under which a budget counts what is taken on this day."""
    return budget.created_at.date() if budget.per == Per.WHOLE else day


def note_spent(budget: Budget, whose: str, amount: int, day: dt.date) -> None:
    """Something was refused because of it."""
    _note(Level.SPENT, budget.id, period_of(budget, day), whose, amount)


def note_near(found: Sequence[Near]) -> None:
    """Four fifths are taken. In a transaction of its own: whoever changes budgets holds them before their counts."""
    for near in found:
        if Budget.objects.select_for_update(no_key=True).filter(id=near.budget_id).first() is not None:
            _note(Level.NEAR, near.budget_id, near.day, near.whose)


def _note(level: Level, budget_id: UUID, day: dt.date, whose: str, amount: int = 0) -> None:
    row = BudgetNotice(
        workspace_id=entered_workspace_id(),
        budget_id=budget_id,
        level=level,
        day=day,
        whose=whose[:300],
        amount=amount,
        due_at=timezone.now(),
    )
    BudgetNotice.objects.bulk_create([row], ignore_conflicts=True)


def note_down(health_id: UUID, code: str) -> None:
    """Something doesn't answer. Called with each failure, of which the first makes the notice; locks nothing else."""
    now = timezone.now()
    due_at = now if code in PRESSING else now + PATIENCE
    row = BudgetNotice(
        workspace_id=entered_workspace_id(), health_id=health_id, level=Level.DOWN, day=now.date(), due_at=due_at
    )
    BudgetNotice.objects.bulk_create([row], ignore_conflicts=True)
    if code in PRESSING:
        BudgetNotice.objects.filter(health=health_id, attempts=0, due_at__gt=now).update(due_at=now)


def note_up(assistant_id: UUID) -> None:
    """It answers again: the next outage is another."""
    BudgetNotice.objects.filter(health__assistant=assistant_id).delete()


def _nearly(counts: QuerySet[BudgetCount]) -> QuerySet[BudgetCount]:
    """Of these counts those of which four fifths or more are taken."""
    fifths = counts.exclude(budget__per=Per.VISITOR).annotate(fifths=F("count") * 5, enough=F("budget__most") * 4)
    return fifths.filter(fifths__gte=F("enough"))


def newly_near(spending_id: str) -> list[Near]:
    """The budgets in which a call counted, and of which nobody was told in this period."""
    spending = Spending.objects.filter(id=spending_id).first()
    if spending is None:
        return []
    counts = BudgetCount.objects.filter(id__in=[count for count, _, _ in spending.counted])
    told = BudgetNotice.objects.filter(budget=OuterRef("budget"), day=OuterRef("day"))
    return [Near(row.budget_id, row.day, row.whose) for row in _nearly(counts).exclude(Exists(told))]


def is_near(notice: BudgetNotice) -> bool:
    """Whether four fifths are taken still: what was set aside may have been given back."""
    counts = BudgetCount.objects.filter(budget=notice.budget_id, day=notice.day, whose=notice.whose)
    return _nearly(counts).exists()


def forget(budget: Budget) -> None:
    """A budget has another size: what was told of it is over."""
    BudgetNotice.objects.filter(budget=budget).delete()


# --- What to look at --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """A budget that is spent, or nearly so. `whose` is whose it is: a visitor's id, an origin, "" for all.

    `count` is None where it is spent: what is taken is all of it, or all but less than one answer.
    """

    budget: Budget
    level: Level
    whose: str
    count: int | None
    users: Sequence[usage.Row]
    opens_at: dt.datetime | None
    # Why the owner was not mailed, "" where nothing went wrong.
    trouble: str

    @property
    def is_spent(self) -> bool:
        """Whether something is refused because of it."""
        return self.level == Level.SPENT

    @property
    def deployment(self) -> Deployment | None:
        """Whose it is; None for the workspace's."""
        return self.budget.deployment


def troubles(deployment: Deployment | None = None) -> list[Trouble]:
    """What is spent or nearly so: of everything, or of what holds for a deployment; what is spent first."""
    budgets = Budget.objects.select_related("deployment").filter(Q(deployment=None) | Q(deployment__revoked_at=None))
    if deployment is not None:
        budgets = budgets.filter(Q(deployment=None) | Q(deployment=deployment))
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    is_spent = Q(spent_at__gte=midnight) | Q(per=Per.WHOLE, spent_at__isnull=False)
    spent = list(budgets.filter(is_spent).order_by("-spent_at"))
    left = budgets.exclude(id__in=[budget.id for budget in spent])
    counts = BudgetCount.objects.filter(Q(day=now.date()) | Q(budget__per=Per.WHOLE), budget__in=left)
    near = _nearly(counts).select_related("budget__deployment").order_by("budget", "-count").distinct("budget")
    return [
        *(_trouble(budget, Level.SPENT, budget.spent_by, None, midnight) for budget in spent),
        *(_trouble(row.budget, Level.NEAR, row.whose, row.count, midnight) for row in near),
    ]


def _trouble(budget: Budget, level: Level, whose: str, count: int | None, midnight: dt.datetime) -> Trouble:
    notices = BudgetNotice.objects.filter(budget=budget, level=level, day=period_of(budget, midnight.date()))
    return Trouble(
        budget,
        level,
        whose,
        count,
        users_of(budget, whose, midnight.date()),
        None if budget.per == Per.WHOLE else midnight + dt.timedelta(days=1),
        notices.values_list("trouble", flat=True).first() or "",
    )


def users_of(budget: Budget, whose: str, day: dt.date) -> list[usage.Row]:
    """The visitors who took most of what a budget counts in the period of this day, the most first."""
    calls = Spending.objects.filter(day__gte=period_of(budget, day))
    if budget.deployment_id is not None:
        calls = calls.filter(deployment=budget.deployment_id)
    if budget.per == Per.VISITOR:
        calls = calls.filter(visitor=_uuid(whose))
    elif budget.per == Per.ORIGIN:
        calls = calls.filter(origin=whose)
    return usage.visitors(calls, budget.measure)[:MOST_NAMED]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
