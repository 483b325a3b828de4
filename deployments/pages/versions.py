"""An assistant's versions: the list, one of them, what changed between two, and restoring one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import differences, interchange, outline, versions
from deployments.models import Assistant, AssistantVersion
from deployments.pages import diff_drawing, queries
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

PAGE_SIZE = 20
FIRST = "The first version"
MOST_CHOICES = 200  # versions to choose from


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    version: Any
    who: str
    what: str
    is_live: bool


@dataclass(frozen=True)
class Shown:
    """One side of a comparison: `value` is how addresses name it."""

    value: str
    name: str
    content: Mapping[str, Any] | None
    text: str


def draft_changes(row: Assistant) -> list[differences.Change]:
    """What the draft has that visitors don't meet yet."""
    return differences.compare(row.published.content if row.published else None, row.content_of_draft())


@require_safe
@workspace_page("assistants.read")
def versions_list(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Every version, the newest first, beneath the draft."""
    row = queries.assistant(assistant_id)
    before = request.GET.get("before", "")
    rows = versions.listed(row)
    if before.isascii() and before.isdigit() and len(before) < 10:
        rows = rows.filter(number__lt=int(before))
    else:
        before = ""
    found = list(rows[: PAGE_SIZE + 1])
    shown, who = found[:PAGE_SIZE], versions.publishers(row, found[:PAGE_SIZE])
    what = versions.summaries(zip(found[1:], found, strict=False))
    changes = draft_changes(row) if row.has_unpublished_changes else []
    context = {
        "assistant": row,
        "tab": "versions",
        "rows": [
            Row(
                version,
                who.get(version.number, ""),
                what.get(version.number, FIRST),
                version == row.published,
            )
            for version in shown
        ],
        "older": shown[-1].number if len(found) > PAGE_SIZE else None,
        "is_first_page": not before,
        "change_count": len(changes),
        "what_changed": differences.summary(changes),
        "may_write": request.actor.may("assistants.write"),
    }
    return render(request, "deployments/versions.html", context)


@require_safe
@workspace_page("assistants.read")
def version(request: WorkspaceRequest, assistant_id: UUID, number: int) -> HttpResponse:
    """What one version says, who made it and when, and who still talks with it."""
    row = queries.assistant(assistant_id)
    return _version_page(request, row, _found(row, number))


def _version_page(
    request: WorkspaceRequest, row: Assistant, found: Any, *, refused: Problem | None = None
) -> HttpResponse:
    older = versions.number_before(row, found.number)
    draft_is_same = found.content == row.content_of_draft()
    context = {
        "assistant": row,
        "tab": "versions",
        "version": found,
        "who": versions.publishers(row, [found]).get(found.number, ""),
        "older": older,
        "is_live": found == row.published,
        "draft_is_same": draft_is_same,
        "parts": diff_drawing.read(outline.parts(found.content)),
        "json": _json(interchange.exported(row, found.number)),
        "refused": refused,
        "may_write": request.actor.may("assistants.write"),
    }
    return render(request, "deployments/version.html", context, status=refused.status if refused else 200)


def _found(row: Assistant, number: int) -> Any:
    with refusals.missing_is_404():
        return versions.one(row, number)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2)


# --- Comparing ----------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("assistants.read")
def compare(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """What changed between two versions, or a version and the draft."""
    row = queries.assistant(assistant_id)
    to, since = side_of(request.GET.get("to") or versions.DRAFT), request.GET.get("from")
    new, old = _side(row, to), _side(row, side_of(since) if since else versions.usual_old(row, to))
    changes = differences.compare(old.content, new.content or {})
    drawn, left_out = diff_drawing.draw(changes)
    choices = AssistantVersion.objects.filter(assistant=row).order_by("-number").values_list("number", "note")
    context = {
        "assistant": row,
        "tab": "versions",
        "old": old,
        "new": new,
        "changes": drawn,
        "left_out": left_out,
        "summary": differences.summary(changes),
        "restorable": _restorable(row, old, new) if request.actor.may("assistants.write") else [],
        "choices": [(str(number), note) for number, note in choices[:MOST_CHOICES]],
    }
    return render(request, "deployments/compare.html", context)


@dataclass(frozen=True)
class Restorable:
    """A compared version that can be gone back to."""

    number: int
    is_live: bool
    is_draft: bool


def _restorable(row: Assistant, old: Shown, new: Shown) -> list[Restorable]:
    """The versions among both sides that are not what stands in every way."""
    live, draft = row.published.number if row.published else None, row.content_of_draft()
    sides = {side.value: side for side in (old, new) if side.value.isdigit()}
    found = [Restorable(int(value), int(value) == live, side.content == draft) for value, side in sides.items()]
    return [side for side in found if not (side.is_live and side.is_draft)]


def side_of(value: str) -> versions.Side:
    """What an address names; what isn't a version's number is 0, which none has."""
    if value == versions.DRAFT:
        return versions.DRAFT
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _side(row: Assistant, side: versions.Side | None) -> Shown:
    if side is None:
        return Shown("", "nothing", None, "")
    with refusals.missing_is_404():
        content, text = versions.content_of(row, side), _json(interchange.exported(row, side))
    return Shown(str(side), "the draft" if side == versions.DRAFT else f"version {side}", content, text)


# --- Restoring ----------------------------------------------------------------------------------------------------


@form_of("assistant_versions")
@workspace_page("assistants.write")
def restore(request: WorkspaceRequest, assistant_id: UUID, number: int) -> HttpResponse:
    """Make a version the draft, or live again; asks first where that would lose changes of the draft."""
    row = queries.assistant(assistant_id)
    found = _found(row, number)
    publish = request.POST.get("op") == "publish"
    seen, now = request.POST.get("seen"), row.draft_changed_at.isoformat()
    if seen != now and versions.would_lose(row, found):
        return _ask(request, row, found, publish=publish, is_outdated=bool(seen))
    try:
        with transaction.atomic():
            restored = versions.restore(request.actor, row.id, number, publish=publish, seen=now)
    except Problem as problem:
        return _version_page(request, queries.assistant(row.id), found, refused=problem)
    if restored.published:
        words = f"Version {restored.published.number} is live: it says what version {number} said."
        messages.success(request, f"{words} Open conversations keep the version they began with.")
    elif restored.is_changed:
        messages.success(request, f"The draft says what version {number} said. Visitors meet it once you publish it.")
    else:
        messages.info(request, f"There was nothing to restore: the draft says what version {number} said already.")
    return redirect("assistant_versions", row.id)


def _ask(
    request: WorkspaceRequest, row: Assistant, found: AssistantVersion, *, publish: bool, is_outdated: bool
) -> HttpResponse:
    changes = draft_changes(row)
    context = {
        "assistant": row,
        "version": found,
        "changes": changes[:20],
        "more": max(0, len(changes) - 20),
        "summary": differences.summary(changes),
        "op": "publish" if publish else "draft",
        "has_typed": row.draft_typed is not None,
        "seen": row.draft_changed_at.isoformat(),
        "is_outdated": is_outdated,
        "question": f"Restore version {found.number}, and lose what the draft has?",
        "button": "Restore and publish" if publish else "Restore to the draft",
        "back": reverse("assistant_version", args=[row.id, found.number]),
    }
    return render(request, "deployments/version_restore.html", context, status=409 if is_outdated else 200)
