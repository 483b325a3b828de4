"""What may be taken of models and bots: set aside before a call, settled after it (RELIABILITY R44).

A call is counted in each budget that it falls under, by one conditional statement each, with what it may take at most:
so a budget holds however many calls begin at once. Afterwards the rest is given back. What a process that died had set
aside is given back when somebody else would be refused because of it, once its lease is over; what it had sent by then
stays counted.

Days are UTC's. A call that goes on over midnight belongs to the day on which it began. A model without a price takes
no money, a bot of somebody's own no tokens. All of it inside `tenant()`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from convoship.lib import rows
from convoship.lib.amounts import money, whole
from deployments import budget_notices, model_prices
from deployments.handoff_outline import duration
from deployments.models import Budget, BudgetCount, BudgetNotice, Spending
from deployments.models.spending import Measure, Per
from deployments.responders.base import ResponderError, Usage
from deployments.words import say

# Longer than any answer may take.
HELD = dt.timedelta(minutes=5)
NOTED_AGAIN = dt.timedelta(minutes=1)
MOST_FREED = 200
COUNTS_KEPT = dt.timedelta(days=2)
CALLS_KEPT = dt.timedelta(days=400)
# All calls lock their counts in this order, the ones that many share last.
_ORDER = {Per.VISITOR: 0, Per.ORIGIN: 1, Per.DAY: 2, Per.WHOLE: 3}

_TAKE = """
    INSERT INTO deployments_budgetcount AS kept (id, workspace_id, budget_id, whose, day, count)
    SELECT gen_random_uuid(), %(workspace)s, %(budget)s, %(whose)s, %(day)s, %(many)s
     WHERE %(many)s <= %(most)s
        ON CONFLICT (budget_id, whose, day)
        DO UPDATE SET count = kept.count + excluded.count WHERE kept.count + excluded.count <= %(most)s
 RETURNING kept.id
"""


@dataclass(frozen=True)
class Who:
    """Whom a call is for. `origin` is the channel where no page is; all of it is empty for a try."""

    deployment_id: UUID | None = None
    visitor_id: UUID | None = None
    origin: str = ""
    turn_id: UUID | None = None
    locale: str = ""


@dataclass(frozen=True)
class Refusal:
    """A budget that has no room. `opens_at`: when it has again, None for never by itself."""

    budget: Budget
    whose: str
    amount: int
    opens_at: dt.datetime | None

    def error(self, locale: str) -> ResponderError:
        """As the responder says it: for the timeline, its owner and the visitor."""
        most = words_of(self.budget.measure, self.budget.most)
        of = "the deployment" if self.budget.deployment_id else "the workspace"
        per = Per(self.budget.per).label
        if self.amount > self.budget.most:
            reason = f"One answer may take {words_of(self.budget.measure, self.amount)}, and {of} allows {most}: {per}."
        else:
            reason = f"The budget of {of} is spent: {most}, {per}."
        until = "Raise it in the budgets" + (", or wait for midnight UTC." if self.opens_at else ".")
        return ResponderError(reason, until, code="budget", visitor=visitor_words(self.opens_at, locale))


class _Refused(Exception):
    """Takes back what was counted on the way."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


def words_of(measure: str, amount: int) -> str:
    """An amount in words: `5 messages`, `2,000 tokens`, `0.0025 USD`."""
    if measure == Measure.MONEY:
        return money(amount)
    return f"{whole(amount)} {measure if amount != 1 else measure[:-1]}"


def visitor_words(opens_at: dt.datetime | None, locale: str) -> str:
    """What a visitor is told, with how long it takes until there is room again."""
    if opens_at is None:
        return say("budget_over", locale)
    left = max(60, -(-(opens_at - timezone.now()).total_seconds() // 60) * 60)
    # To the minute where it is soon, to the hour where it isn't.
    left = left if left < 2 * 3600 else -(-left // 3600) * 3600
    return say("budget_until", locale, wait=duration(int(left), locale))


# --- Set aside --------------------------------------------------------------------------------------------------------


def take_ahead(who: Who, most: Usage) -> str | None:
    """As `take`, in the transaction that takes a visitor's message; None where that may wait for others, or fail.

    So it is where a budget counts: many lock the same count, and one that is being deleted would break the transaction.
    """
    now = timezone.now()
    is_counted, has_of_day, has_budgets = _standing_of(who, now)
    if has_budgets or not has_of_day:
        return None
    spending = _spending(who, most, int(not is_counted), now)
    rows.insert([spending])
    return str(spending.id)


def take_back(spending_id: str) -> None:
    """What was taken ahead, and nobody asked for."""
    rows.run("DELETE FROM deployments_spending WHERE id = %s AND counted = '[]'::jsonb", [spending_id])


def take(who: Who, most: Usage, *, is_beside: bool = False) -> str | Refusal:
    """Set aside what a call may take at most: the id to settle it by, or the budget that has no room for it.

    `is_beside`: what is asked beside the answer (the embedding of a question). It is no message, is done where there is
    room for one, and nobody is told where there is none.
    """
    now = timezone.now()
    is_counted, has_of_day, has_budgets = _standing_of(who, now)
    messages = int(not is_counted)
    if is_beside:
        if messages and (refusal := _without_room(who, now)):
            return refusal
        messages = 0
    spending = _spending(who, most, messages, now)
    if not has_of_day:
        _forget_old(now.date())
    if not has_budgets:
        # Nothing that it could be refused by, as with most.
        rows.insert([spending])
        return str(spending.id)
    try:
        with transaction.atomic():
            spending.counted = list(_counted(who, _amounts(spending), now))
            spending.save(force_insert=True)
    except _Refused as refused:
        if not is_beside:
            _note(refused.refusal, now)
        return refused.refusal
    return str(spending.id)


def _spending(who: Who, most: Usage, messages: int, now: dt.datetime) -> Spending:
    price = model_prices.price_of(most.model, now.date())
    return Spending(
        id=uuid.uuid4(),
        deployment_id=who.deployment_id,
        visitor=who.visitor_id,
        turn=who.turn_id,
        origin=who.origin[:300],
        day=now.date(),
        model=most.model[:200],
        messages=messages,
        tokens_in=most.tokens_in,
        tokens_out=most.tokens_out,
        cost=price.of(most) if price else None,
        price_in=price.price_in if price else None,
        price_out=price.price_out if price else None,
        held_until=now + HELD,
    )


def _standing_of(who: Who, now: dt.datetime) -> tuple[bool, bool, bool]:
    """Whether this turn's message is counted already, a call of today is kept, and there is any budget for it."""
    row = rows.one(
        "SELECT EXISTS (SELECT FROM deployments_spending WHERE turn = %s AND messages > 0),"
        " EXISTS (SELECT FROM deployments_spending WHERE day = %s),"
        " EXISTS (SELECT FROM deployments_budget WHERE deployment_id IS NULL OR deployment_id = %s)",
        [who.turn_id, now.date(), who.deployment_id],
    )
    is_counted, has_of_day, has_budgets = row or (False, False, True)
    return is_counted, has_of_day, has_budgets


def _amounts(spending: Spending) -> dict[str, int]:
    return {
        Measure.MESSAGES: spending.messages,
        Measure.TOKENS: spending.tokens_in + spending.tokens_out,
        Measure.MONEY: spending.cost or 0,
    }


def _counted(who: Who, amounts: dict[str, int], now: dt.datetime) -> Iterator[list[str | int]]:
    """Count it wherever it counts, as it is kept with the call; `_Refused` where there is no room."""
    budgets = Budget.objects.filter(Q(deployment=None) | Q(deployment=who.deployment_id))
    for budget in sorted(budgets, key=lambda it: (_ORDER[Per(it.per)], it.id)):
        amount = amounts[budget.measure]
        if not amount:
            continue
        whose = _whose(budget, who)
        day = budget_notices.period_of(budget, now.date())
        with database.cursor() as cursor:
            values: dict[str, Any] = {"workspace": budget.workspace_id, "budget": budget.id, "whose": whose, "day": day}
            cursor.execute(_TAKE, values | {"many": amount, "most": budget.most})
            row = cursor.fetchone()
        if row is None:
            raise _Refused(Refusal(budget, whose, amount, _opens_at(budget, amount, now)))
        yield [str(row[0]), budget.measure, amount]


def _without_room(who: Who, now: dt.datetime) -> Refusal | None:
    """The budget that has no room for a message; nothing is counted."""
    budgets = Budget.objects.filter(Q(deployment=None) | Q(deployment=who.deployment_id), measure=Measure.MESSAGES)
    for budget in budgets:
        whose, day = _whose(budget, who), budget_notices.period_of(budget, now.date())
        counts = BudgetCount.objects.filter(budget=budget, whose=whose, day=day)
        if sum(counts.values_list("count", flat=True)) >= budget.most:
            return Refusal(budget, whose, 1, _opens_at(budget, 1, now))
    return None


def _whose(budget: Budget, who: Who) -> str:
    if budget.per == Per.VISITOR:
        return str(who.visitor_id or "")
    return who.origin[:300] if budget.per == Per.ORIGIN else ""


def _opens_at(budget: Budget, amount: int, now: dt.datetime) -> dt.datetime | None:
    if budget.per == Per.WHOLE or amount > budget.most:
        return None
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)


def _note(refusal: Refusal, now: dt.datetime) -> None:
    """For the owner: that something was refused. Once a minute, as a flood refuses often."""
    rows = Budget.objects.filter(id=refusal.budget.id)
    stale = rows.filter(Q(spent_at=None) | Q(spent_at__lt=now - NOTED_AGAIN))
    if stale.update(spent_at=now, spent_by=refusal.whose):
        budget_notices.note_spent(refusal.budget, refusal.whose, refusal.amount, now.date())


# --- Settle -----------------------------------------------------------------------------------------------------------


def settle(spending_id: str, usage: Usage) -> tuple[int | None, bool]:
    """What the call took in the end: its cost in billionths of a dollar, None where its model has no price.

    And whether it is counted in any budget. More than was set aside is counted too; said again, the last word holds.
    """
    sql = f"SELECT {rows.columns(Spending, 's')} FROM deployments_spending s WHERE s.id = %s FOR UPDATE"  # noqa: S608  (names of columns)
    row = rows.one(sql, [spending_id]) if spending_id else None
    if row is None:
        return None, False
    spending = rows.read(Spending, row)
    _settle(spending, usage)
    return spending.cost, bool(spending.counted)


def _settle(spending: Spending, usage: Usage) -> None:
    spending.tokens_in, spending.tokens_out, spending.held_until = usage.tokens_in, usage.tokens_out, None
    if spending.price_in is not None and spending.price_out is not None:
        spending.cost = model_prices.cost(usage, spending.price_in, spending.price_out)
    amounts = _amounts(spending)
    counted = []
    for count_id, measure, before in spending.counted:
        change = amounts[measure] - before
        if change:
            BudgetCount.objects.filter(id=count_id).update(count=F("count") + change)
        counted.append([count_id, measure, amounts[measure]])
    spending.counted = counted
    rows.update(spending, ("tokens_in", "tokens_out", "held_until", "cost", "counted"))


def overdue() -> list[UUID]:
    """Calls of which nobody has said what they took, and whose lease is over."""
    rows = Spending.objects.filter(held_until__lt=timezone.now()).order_by("held_until")
    return list(rows.values_list("id", flat=True)[:MOST_FREED])


def free(spending_id: UUID) -> None:
    """Give back what an overdue call did not come to write; a transaction each, as others lock the same counts."""
    rows = Spending.objects.select_for_update()
    spending = rows.filter(id=spending_id, held_until__lt=timezone.now()).first()
    if spending is not None:
        _settle(spending, Usage(spending.model, spending.tokens_in, 0))


def _forget_old(today: dt.date) -> None:
    """With the first call of a day: what nobody looks at any more."""
    BudgetCount.objects.filter(day__lt=today - COUNTS_KEPT).exclude(budget__per=Per.WHOLE).delete()
    BudgetNotice.objects.filter(day__lt=today - COUNTS_KEPT, health=None).exclude(budget__per=Per.WHOLE).delete()
    Spending.objects.filter(day__lt=today - CALLS_KEPT).delete()


# --- Standing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """A budget and what is taken of it now: of a visitor's or an origin's, by who has taken most."""

    budget: Budget
    count: int
    whose: str

    @property
    def words(self) -> str:
        """Such as `12 of 20 messages`."""
        return f"{words_of(self.budget.measure, self.count)} of {words_of(self.budget.measure, self.budget.most)}"

    @property
    def opens_at(self) -> dt.datetime | None:
        """When a spent one begins anew; None for never."""
        return _opens_at(self.budget, 0, timezone.now())

    @property
    def is_spent(self) -> bool:
        """Whether something was refused today because of it (or ever, of one that never begins anew)."""
        at = self.budget.spent_at
        if at is None:
            return False
        return self.budget.per == Per.WHOLE or at.date() == timezone.now().date()


def spent() -> QuerySet[Budget]:
    """The budgets because of which something is refused."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return Budget.objects.filter(Q(spent_at__gte=midnight) | Q(per=Per.WHOLE, spent_at__isnull=False))


def standings(deployment_id: UUID | None) -> list[Standing]:
    """The budgets of a deployment (None: of the workspace) with what is taken of each, in a fixed order."""
    budgets = sorted(
        Budget.objects.filter(deployment=deployment_id),
        key=lambda it: (list(Measure).index(Measure(it.measure)), _ORDER[Per(it.per)]),
    )
    today = timezone.now().date()
    counts = BudgetCount.objects.filter(Q(day=today) | Q(budget__per=Per.WHOLE), budget__in=budgets)
    largest: dict[UUID, BudgetCount] = {}
    for count in counts.order_by("budget", "-count").distinct("budget"):
        largest[count.budget_id] = count
    return [
        Standing(it, largest[it.id].count if it.id in largest else 0, largest[it.id].whose if it.id in largest else "")
        for it in budgets
    ]
