"""What answers may take and who took it: the Budgets tab of a deployment, the workspace's Usage, prices of models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import budget_settings, budgets, model_prices, usage
from deployments.budget_words import TITLES, UNITS
from deployments.models import Assistant, Budget, Deployment, ModelPrice
from deployments.models.spending import Measure, Per
from deployments.pages import budget_troubles, queries
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

_PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days"}


class BudgetsForm(forms.Form):
    """A number for each budget that there can be; an empty one is none. What it may be the act says."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for per in Per:
            for measure in Measure:
                mode = "decimal" if measure == Measure.MONEY else "numeric"
                self.fields[f"{measure.value}_{per.value}"] = forms.CharField(
                    required=False,
                    label=UNITS[measure],
                    widget=forms.TextInput({"inputmode": mode, "autocomplete": "off", "class": "amount"}),
                )
        for field in self.fields.values():
            field.validators.clear()  # the act has words for each thing that they may not be

    @classmethod
    def of(cls, deployment_id: UUID | None) -> BudgetsForm:
        """As the budgets are."""
        standings = budgets.standings(deployment_id)
        initial = {f"{it.budget.measure}_{it.budget.per}": _typed(it) for it in standings}
        return cls(initial=initial)

    @property
    def groups(self) -> Iterator[tuple[str, list[tuple[forms.BoundField, str]]]]:
        """The fields by whose they are, each with its label."""
        for per in Per:
            bound = [(self[f"{measure.value}_{per.value}"], UNITS[measure]) for measure in Measure]
            yield TITLES[per], bound

    def save(self, request: WorkspaceRequest, deployment: Deployment | None) -> bool:
        """Have what was typed; False where something can't be, with its field saying why."""
        wanted: list[Mapping[str, Any]] = []
        self.full_clean()
        for name, value in self.cleaned_data.items():
            measure, per = name.split("_")
            if value:
                wanted.append({"measure": measure, "per": per, "most": _meant(Measure(measure), value)})
        try:
            with transaction.atomic():
                budget_settings.replace(request.actor, deployment, wanted)
        except Problem as problem:
            for path, said in problem.errors.items():
                which = wanted[int(path.partition("[")[2].partition("]")[0])]
                self.add_error(f"{which['measure']}_{which['per']}", list(said))
            return False
        return True


# What tells thousands apart where people write by hand; the same one all through the number.
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:(?P<mark>[,.' \u00a0\u202f_])[0-9]{3})(?:(?P=mark)[0-9]{3})*", re.ASCII)
_ENGLISH_MONEY = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{1,6}", re.ASCII)
_CONTINENTAL_MONEY = re.compile(r"[0-9]+,[0-9]{1,2}", re.ASCII)


def _meant(measure: Measure, typed: str) -> str:
    """The number that was typed, where its marks can be read in one way only; else as it is, which the act refuses.

    `1.000` messages are a thousand, as there are no parts of one. `2,50` dollars are two and a half; `1,000` may be
    one or a thousand.
    """
    if measure != Measure.MONEY:
        return re.sub(r"[^0-9]", "", typed) if _THOUSANDS.fullmatch(typed) else typed
    if _CONTINENTAL_MONEY.fullmatch(typed):
        return typed.replace(",", ".")
    return typed.replace(",", "") if _ENGLISH_MONEY.fullmatch(typed) else typed


def _typed(it: budgets.Standing) -> str:
    amount = budget_settings.amount_of(it.budget)
    return str(amount) if isinstance(amount, int) else f"{amount.normalize():f}"


@require_safe
@workspace_page("deployments.read")
def deployment_budgets(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """What answers of a deployment may take, how much of it is taken, and who took it."""
    row = queries.deployment(deployment_id)
    return _of_deployment(request, row, BudgetsForm.of(row.id))


def _of_deployment(request: WorkspaceRequest, row: Deployment, form: BudgetsForm, status: int = 200) -> HttpResponse:
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "form": form,
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
        "save_to": reverse("deployment_budgets_save", args=[row.id]),
        "unpriced": _unpriced(row),
        **_troubles(request, row),
        **_usage(request, row.id),
    }
    return render(request, "deployments/budgets.html", context, status=status)


@form_of("deployment_budgets")
@workspace_page("deployments.write")
def deployment_budgets_save(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Have these budgets."""
    row = queries.deployment(deployment_id)
    form = BudgetsForm(request.POST)
    if not form.save(request, row):
        return _of_deployment(request, row, form, 422)
    messages.success(request, "Saved. The budgets hold from the next answer on.")
    return redirect("deployment_budgets", row.id)


def _troubles(request: WorkspaceRequest, deployment: Deployment | None) -> dict[str, Any]:
    troubles, more = budget_troubles.shown(request, deployment)
    return {"troubles": troubles, "more_troubles": more}


def _unpriced(deployment: Deployment | None) -> list[str]:
    """Models that answer here and have no price, where money is limited."""
    limited = Budget.objects.filter(measure=Measure.MONEY)
    if not limited.filter(Q(deployment=None) | Q(deployment=deployment)).exists():
        return []
    rows = Assistant.objects.filter(published__isnull=False).select_related("published")
    if deployment is not None:
        rows = rows.filter(id=deployment.assistant_id)
    names = {name for row in rows if row.published is not None for name in _models(row.published.content)}
    today = timezone.now().date()
    return sorted(name for name in names if model_prices.price_of(name, today) is None)


def _models(content: Mapping[str, Any]) -> Iterator[str]:
    if content.get("responder") == "llm":
        llm = content.get("llm") or {}
        yield from (str(llm[name]) for name in ("model", "cheaper") if llm.get(name))


def _usage(request: WorkspaceRequest, deployment_id: UUID | None) -> dict[str, Any]:
    days = request.GET.get("days", "")
    days = days if days in _PERIODS else "30"
    found = usage.of(deployment_id, int(days))
    standings = budgets.standings(deployment_id)
    names = usage.names_of(
        [visitor for it in standings if it.budget.per == Per.VISITOR for visitor in (it.whose, it.budget.spent_by)]
    )
    return {
        "usage": found,
        "periods": _PERIODS.items(),
        "days": days,
        "standings": [
            {
                "it": it,
                "title": TITLES[Per(it.budget.per)],
                "who": names.get(it.whose, it.whose),
                "spent_by": names.get(it.budget.spent_by, it.budget.spent_by),
            }
            for it in standings
        ],
        "tables": [
            ("Visitor", "visitor", [*found.visitors, *([found.tried] if found.tried.calls else [])]),
            ("Origin", "origin", found.origins),
            ("Model", "model", found.models),
            ("Day", "day", found.days),
        ],
    }


# --- The workspace's --------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("workspace.read")
def workspace_usage(request: WorkspaceRequest) -> HttpResponse:
    """What all deployments and channels together may take, and who took it."""
    return _of_workspace(request, BudgetsForm.of(None))


def _of_workspace(request: WorkspaceRequest, form: BudgetsForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "may_write": request.actor.may("workspace.write"),
        "save_to": reverse("usage_budgets_save"),
        "unpriced": _unpriced(None),
        **_troubles(request, None),
        **_usage(request, None),
    }
    return render(request, "deployments/usage.html", context, status=status)


@form_of("usage")
@workspace_page("workspace.write")
def usage_budgets_save(request: WorkspaceRequest) -> HttpResponse:
    """Have these budgets."""
    form = BudgetsForm(request.POST)
    if not form.save(request, None):
        return _of_workspace(request, form, 422)
    messages.success(request, "Saved. The budgets hold from the next answer on.")
    return redirect("usage")


class PriceForm(forms.Form):
    """A price from a day on."""

    model = forms.CharField(required=False, widget=forms.TextInput({"class": "mono", "autocomplete": "off"}))
    price_in = forms.CharField(required=False, widget=forms.TextInput({"inputmode": "decimal"}))
    price_out = forms.CharField(required=False, widget=forms.TextInput({"inputmode": "decimal"}))
    valid_from = forms.CharField(required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.validators.clear()  # the act has words for each thing that they may not be


@require_safe
@workspace_page("workspace.read")
def prices(request: WorkspaceRequest) -> HttpResponse:
    """What models cost."""
    return _prices(request, PriceForm(initial={"valid_from": timezone.now().date().isoformat()}))


def _prices(request: WorkspaceRequest, form: PriceForm) -> HttpResponse:
    context = {
        "form": form,
        "may_write": request.actor.may("workspace.write"),
        "own": ModelPrice.objects.order_by("model", "-valid_from"),
        "listed": model_prices.listed(),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "deployments/model_prices.html", context, status=status)


@form_of("model_prices")
@workspace_page("workspace.write")
def price_add(request: WorkspaceRequest) -> HttpResponse:
    """Say what a model costs from a day on."""
    form = PriceForm(request.POST)
    form.full_clean()
    typed = {name: str(form.cleaned_data.get(name, "")) for name in form.fields}
    try:
        with transaction.atomic():
            made = budget_settings.add_price(request.actor, **typed)
    except Problem as problem:
        refusals.put_on(form, problem)
        return _prices(request, form)
    messages.success(request, f"{made.model} has a price from {made.valid_from.isoformat()} on.")
    return redirect("model_prices")


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("workspace.write")
def price_delete(request: WorkspaceRequest, price_id: UUID) -> HttpResponse:
    """Ask, then say it no more."""
    with refusals.missing_is_404():
        row = budget_settings.price(price_id)
    if request.method == "POST":
        budget_settings.delete_price(request.actor, row)
        messages.success(request, f"The price of {row.model} is deleted. What was spent by it stays.")
        return redirect("model_prices")
    context = {
        "price": row,
        "question": f"Delete the price of {row.model}?",
        "button": "Delete the price",
        "back": reverse("model_prices"),
    }
    return render(request, "deployments/model_price_delete.html", context)
