"""The Hand-over tab of an assistant: when a person is asked for, who comes, when, and what the visitor is told."""

from __future__ import annotations

import hashlib
import json
import re
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import public_holidays, publishing
from deployments.handoff_rules import MOST_HOLIDAYS
from deployments.models import Assistant
from deployments.pages import handoff_preview, queries, rules_drawing, rules_typed
from deployments.pages.rules_drawing import CHANNEL_NAMES, Drawn, Errors
from deployments.pages.rules_typed import Typed
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
CHANGED = (
    "Somebody else changed these rules meanwhile. What you typed is kept here: save it again, and it takes the place "
    "of theirs."
)


@dataclass
class Shown:
    """What a page says beside the form."""

    notice: str = ""
    status: int = 200
    took: str = ""
    focus: str = ""


@require_safe
@workspace_page("assistants.read")
def handoff_rules(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The rules as the draft has them."""
    row = queries.assistant(assistant_id)
    return _page(request, row, Drawn(Typed.of_content(_rules(row))), Shown())


def _rules(row: Assistant) -> dict[str, Any]:
    rules: dict[str, Any] = row.draft.get("handoff", {})
    return rules


def _mark(row: Assistant) -> str:
    """Which rules a form was made of."""
    return hashlib.sha256(json.dumps(_rules(row), sort_keys=True).encode()).hexdigest()[:16]


@form_of("assistant_handoff")
@workspace_page("assistants.write")
def handoff_rules_save(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Save the form into the draft; or add a row to it, take one out, take a country's holidays, show a preview."""
    row = queries.assistant(assistant_id, lock=True)
    op, typed = request.POST.get("op", "save"), Typed.of_post(request.POST)
    if op == "preview":
        return _page(request, row, Drawn(typed), Shown(focus="preview"))
    if op == "holidays":
        return _take_holidays(request, row, typed)
    if rules_typed.changed_rows(typed, op):
        return _page(request, row, Drawn(typed), Shown(focus=op))
    if request.POST.get("seen", _mark(row)) != _mark(row):
        return _page(request, row, Drawn(typed), Shown(notice=CHANGED, status=409))
    content = typed.without_empty().content()
    try:
        with transaction.atomic():
            publishing.change_draft(request.actor, row, handoff=content)
    except Problem as problem:
        errors = {path.removeprefix("handoff").removeprefix("."): said for path, said in problem.errors.items()}
        shown = Shown(status=422)
        return _page(request, row, Drawn(typed, errors or {"": [refusals.words_of(problem)]}), shown)
    messages.success(request, "Saved in the draft. Visitors meet it once you publish it.")
    return redirect("assistant_handoff", row.id)


def _take_holidays(request: WorkspaceRequest, row: Assistant, typed: Typed) -> HttpResponse:
    country, part = request.POST.get("country", ""), request.POST.get("subdivision", "")
    year = request.POST.get("year", "")
    errors: dict[str, list[str]] = {}
    took = ""
    try:
        found = public_holidays.of(country, part, int(year)) if year in map(str, _years()) else []
        if found:
            came, left = rules_typed.take_holidays(typed, found)
            took = f"{came} day{'' if came == 1 else 's'} added."
            took += f" {left} found no place: a list holds {MOST_HOLIDAYS}." if left else ""
        else:
            errors["take.year"] = ["No holidays are known for this year. Choose another."]
    except public_holidays.NoSuchPlace as wrong:
        errors[f"take.{wrong.field}"] = [wrong.words]
    status = 422 if errors else 200
    return _page(request, row, Drawn(typed, errors), Shown(status=status, took=took, focus="holidays"))


def _years() -> list[int]:
    this = timezone.now().year
    return list(range(this, this + public_holidays.YEARS_AHEAD))


def _page(request: WorkspaceRequest, row: Assistant, drawn: Drawn, shown: Shown) -> HttpResponse:
    rules, is_typed = _meant(row, drawn)
    locale = request.POST.get("preview_language", "").strip()
    locale = locale if _LANGUAGE.fullmatch(locale) else "en"
    channel = request.POST.get("preview_channel", "web")
    channel = channel if channel in CHANNEL_NAMES else "web"
    how: dict[str, Any] = {
        "person": request.user.public_name,
        "locale": locale,
        "channel": channel,
        "now": timezone.now(),
    }
    context = {
        "assistant": row,
        "tab": "handoff",
        "drawn": drawn,
        "shown": shown,
        "seen": _mark(row),
        "may_write": request.actor.may("assistants.write"),
        "meets": handoff_preview.meets(rules, **{**how, "locale": "en", "channel": "web"}),
        "preview": handoff_preview.preview(rules, **how),
        "is_of_typed": is_typed,
        "language": locale,
        "channel": channel,
        "time_zones": rules_drawing.time_zones(),
        "countries": public_holidays.countries(),
        "years": _years(),
        "chosen": {name: request.POST.get(name, "") for name in ("country", "subdivision", "year")},
        "take_errors": _of_take(drawn.errors),
        "intents": _that_hand_over(row),
    }
    # htmx draws only what came with 200.
    status = 200 if request.headers.get("HX-Request") else shown.status
    return render(request, "deployments/handoff_rules.html", context, status=status)


def _meant(row: Assistant, drawn: Drawn) -> tuple[dict[str, Any], bool]:
    """The rules that were typed where they can be used, else those of the draft; whether it is the former."""
    try:
        return publishing.parsed_handoff(deepcopy(drawn.typed).without_empty().content(), known=None), True
    except Problem:
        return _rules(row), False


def _of_take(errors: Errors) -> dict[str, list[str]]:
    return {path.removeprefix("take."): said for path, said in errors.items() if path.startswith("take.")}


def _that_hand_over(row: Assistant) -> list[tuple[str, str]]:
    """(name, address in the editor) of the script's intents that ask for a person."""
    intents = row.draft.get("scripted", {}).get("intents", [])
    return [(intent["name"], f"f-intents-{place}-name") for place, intent in enumerate(intents) if _hands_over(intent)]


def _hands_over(intent: dict[str, Any]) -> bool:
    if intent.get("action", {}).get("type") == "hand_over":
        return True
    spoken = [*intent.get("answers", ()), *(each["give_up"] for each in intent.get("ask", ()) if "give_up" in each)]
    return any(each.get("then") == "hand_over" for each in spoken)
