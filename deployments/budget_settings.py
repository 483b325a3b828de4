"""Setting budgets and prices. All of it inside `tenant()`; what is refused is a Problem that names each field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from convoship.lib.actors import Actor
from convoship.lib.amounts import NANO
from convoship.lib.problems import invalid, not_found
from convoship.lib.tenancy import entered_workspace_id
from deployments import budget_notices
from deployments.budgets import words_of
from deployments.model_prices import DEAREST
from deployments.models import Budget, Deployment, ModelPrice
from deployments.models.spending import Measure
from workspaces import audit
from workspaces.models import Workspace

MOST = {Measure.MESSAGES: 10_000_000, Measure.TOKENS: 1_000_000_000_000, Measure.MONEY: 1_000_000}
LARGEST_PRICE = DEAREST
MOST_PRICES = 200
LONGEST_MODEL = 200
_PLACES = 6


def amount_of(budget: Budget) -> int | Decimal:
    """As its owner says it: messages, tokens, or US dollars."""
    return Decimal(budget.most) / NANO if budget.measure == Measure.MONEY else budget.most


def replace(actor: Actor, deployment: Deployment | None, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Have these budgets and no others: `{measure, per, most}` each, of a deployment or of the whole workspace.

    What is taken of a budget that stays keeps its count, also where its size changes.
    """
    sizes = _parsed(wanted)
    kept = {(it.measure, it.per): it for it in Budget.objects.select_for_update().filter(deployment=deployment)}
    before = {key: it.most for key, it in kept.items()}
    if sizes == before:
        return
    for key, budget in kept.items():
        if key not in sizes:
            budget.delete()
        elif sizes[key] != budget.most:
            budget.most, budget.spent_at, budget.spent_by = sizes[key], None, ""
            budget.save(update_fields=["most", "spent_at", "spent_by"])
            budget_notices.forget(budget)
    for measure, per in sizes.keys() - kept.keys():
        # Somebody may just have made one as well: the last word holds.
        size = {"most": sizes[measure, per]}
        Budget.objects.update_or_create(deployment=deployment, measure=measure, per=per, defaults=size)
    target = deployment or Workspace.objects.get(id=entered_workspace_id())
    told = {f"{measure} {per}": words_of(measure, most) for (measure, per), most in sorted(sizes.items())}
    audit.record(actor, "budgets.changed", target, budgets=told)


def _parsed(wanted: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    errors: dict[str, list[str]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for place, each in enumerate(wanted):
        key = (str(each["measure"]), str(each["per"]))
        if key in sizes:
            errors[f"budgets[{place}]"] = ["There is one like it above. Say each once."]
            continue
        sizes[key] = 0
        try:
            sizes[key] = _size(Measure(key[0]), each["most"])
        except ValueError as error:
            errors[f"budgets[{place}].most"] = [str(error)]
    if errors:
        raise invalid(errors)
    return sizes


def _size(measure: Measure, value: object) -> int:
    number = _decimal(value)
    largest = MOST[measure]
    if measure == Measure.MONEY:
        if number is None or not 0 < number <= largest or _places(number) > _PLACES:
            raise ValueError(f"US dollars such as 2.50: more than 0, at most {largest:,}, {_PLACES} decimals at most.")
        return int(number * NANO)
    if number is None or not 1 <= number <= largest or number != int(number):
        raise ValueError(f"A whole number from 1 to {largest:,}.")
    return int(number)


def _decimal(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value).strip()[:40])
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _places(number: Decimal) -> int:
    return max(0, -int(number.normalize().as_tuple().exponent))


# --- Prices -----------------------------------------------------------------------------------------------------------


def price(price_id: UUID) -> ModelPrice:
    """One of the workspace's own; 404 where there is none."""
    found = ModelPrice.objects.filter(id=price_id).first()
    if found is None:
        raise not_found()
    return found


def add_price(actor: Actor, *, model: str, price_in: object, price_out: object, valid_from: object) -> ModelPrice:
    """Say what a model costs from a day on; what it cost before stays as it was."""
    errors: dict[str, list[str]] = {}
    name = " ".join(model.replace("\x00", "").split())
    if not 0 < len(name) <= LONGEST_MODEL or "*" in name[:-1] or name == "*":
        errors["model"] = ["The model's name, or the beginning of names with a * after it, such as gpt-4o-mini*."]
    prices: dict[str, Decimal] = {}
    for field, value in (("price_in", price_in), ("price_out", price_out)):
        number = _decimal(value)
        if number is None or not 0 <= number <= LARGEST_PRICE or _places(number) > _PLACES:
            errors[field] = [f"US dollars for a million tokens, 0 to {LARGEST_PRICE:,}, such as 0.15."]
        else:
            prices[field] = number
    try:
        day = dt.date.fromisoformat(str(valid_from).strip()[:10])
    except ValueError:
        errors["valid_from"] = ["A day such as 2026-01-31."]
    if ModelPrice.objects.count() >= MOST_PRICES:
        errors["model"] = [f"A workspace keeps at most {MOST_PRICES} prices. Delete one first."]
    if errors:
        raise invalid(errors)
    made = ModelPrice(model=name, valid_from=day, **prices)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:
        raise invalid(
            {"valid_from": ["There is a price of this model from this day on. Delete that one first."]}
        ) from None
    audit.record(actor, "model_price.added", made, price_in=str(made.price_in), price_out=str(made.price_out))
    return made


def delete_price(actor: Actor, row: ModelPrice) -> None:
    """Say it no more; what was spent by it stays."""
    audit.record(actor, "model_price.deleted", row, price_in=str(row.price_in), price_out=str(row.price_out))
    row.delete()
