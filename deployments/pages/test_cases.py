"""The Tests page: what visitors say, what that should mean, whether the draft understands it so, and publishing.

What is shown is always the result for the draft as it is now. Running the cases is computing alone; it is done between
two short transactions, never inside of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem, invalid
from deployments import test_cases, testing
from deployments.models import Assistant
from deployments.pages import queries
from deployments.pages.publish_button import LONGEST_NOTE, publish
from deployments.pages.trace_words import Score, meaning_in_words
from deployments.pages.try_panel import meanings
from deployments.responders.checks import name_key
from deployments.test_cases import FALLBACK, SMALL_TALK, Report, Result, utterance_key
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

LONGEST_PASTE = 300_000

Errors = dict[str, list[str]]


@dataclass(frozen=True)
class Meaning:
    """An intent, or what stands in its place, with where it is edited."""

    words: str
    anchor: str  # of the editor's field; empty where there is none
    is_missing: bool = False


@dataclass(frozen=True)
class Row:
    """A case and what came of it. `choices` are those of the form that changes it, where that is open."""

    utterance: str
    passed: bool
    expected: Meaning
    got: Meaning
    score: Score
    edit: str
    is_open: bool
    typed: str
    choices: list[tuple[str, str]]
    chosen: str


@dataclass
class Typed:
    """What was typed into the page's forms, and what is wrong with it."""

    errors: Errors
    utterance: str = ""
    expected: str | None = None
    lines: str = ""
    threshold: str | None = None
    note: str = ""
    opened: str = ""  # the utterance of the case that is being changed
    case: str = ""  # what is typed in its place
    means: str | None = None
    refused: str = ""
    is_held_back: bool = False
    is_unfinished: bool = False  # it was to be published, but something in the editor is


def _report(row: Assistant) -> Report:
    return test_cases.run(row.content_of_draft(), row.test_cases)


@require_safe
@waiting_page("assistants.read")
def assistant_tests(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """The cases with their results, failures first."""
    with entered(request, "assistants.read"):
        row = queries.assistant(assistant_id)
    report = _report(row)
    with entered(request, "assistants.read") as inside:
        return _page(inside, row, report, Typed({}, opened=request.GET.get("edit", "")))


def _page(
    request: WorkspaceRequest, row: Assistant, report: Report, typed: Typed, *, status: int = 200
) -> HttpResponse:
    names = [str(intent["name"]) for intent in row.draft["scripted"]["intents"]]
    may_write = request.actor.may("assistants.write")
    threshold = row.test_threshold
    rows = _rows(report, names, typed if may_write else Typed({}))
    context = {
        "assistant": row,
        "tab": "tests",
        "report": report,
        "rows": rows,
        "opened": next((one.utterance for one in rows if one.is_open), ""),
        "is_enough": report.is_enough(threshold),
        "meanings": meanings(names),
        "typed": typed,
        "threshold": typed.threshold if typed.threshold is not None else threshold or "",
        "most": test_cases.MOST_CASES,
        "longest": test_cases.LONGEST_UTTERANCE,
        "has_run": "ran" in request.GET,
        "may_write": may_write,
        "may_publish": may_write and row.draft_typed is None and row.has_unpublished_changes,
    }
    return render(request, "deployments/tests.html", context, status=status)


def _rows(report: Report, names: list[str], typed: Typed) -> list[Row]:
    anchors = {name_key(name): f"f-intents-{place}-name" for place, name in enumerate(names)}
    opened = utterance_key(typed.opened) if typed.opened else None
    choices = meanings(names)

    def meaning(name: str) -> Meaning:
        special = name in {FALLBACK, SMALL_TALK}
        return Meaning(
            meaning_in_words(name), anchors.get(name_key(name), ""), not special and name_key(name) not in anchors
        )

    def row(result: Result) -> Row:
        is_open = utterance_key(result.utterance) == opened
        chosen = typed.means if is_open and typed.means is not None else result.expected
        # A name that is no intent any more stays to be chosen: nothing is changed by looking.
        lost = (
            [] if not is_open or any(value == chosen for value, _ in choices) else [(chosen, f"{chosen} (not there)")]
        )
        return Row(
            utterance=result.utterance,
            passed=result.passed,
            expected=meaning(result.expected),
            got=meaning(result.got),
            score=Score("", result.score),
            edit=urlencode({"edit": result.utterance}),
            is_open=is_open,
            typed=typed.case or result.utterance,
            choices=[*lost, *choices] if is_open else [],
            chosen=chosen,
        )

    return sorted(map(row, report.results), key=lambda one: one.passed)


# --- Changing -----------------------------------------------------------------------------------------------------


@form_of("assistant_tests")
@workspace_page("assistants.write")
def assistant_tests_change(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Add, change, accept or remove cases, or set the threshold: by the button that was pressed."""
    row, typed = queries.assistant(assistant_id), _typed(request.POST)
    try:
        with transaction.atomic():
            done = _change(request, row, typed)
    except Problem as problem:
        known = {utterance_key(case["utterance"]) for case in row.test_cases}
        _put(typed, problem, request.POST, is_there=utterance_key(typed.opened) in known)
        return _page(request, row, _report(row), typed, status=problem.status)
    messages.success(request, done)
    return redirect("assistant_tests", row.id)


def _typed(post: QueryDict) -> Typed:
    return Typed(
        {},
        utterance=post.get("utterance", ""),
        expected=post.get("expected"),
        lines=post.get("lines", ""),
        threshold=post.get("threshold"),
        note=post.get("note", "")[:LONGEST_NOTE],
        opened=post.get("save", ""),
        case=post.get("case", ""),
        means=post.get("means"),
    )


def _change(request: WorkspaceRequest, row: Assistant, typed: Typed) -> str:
    """Do what was pressed; what is to be said of it."""
    post, actor = request.POST, request.actor
    if "remove" in post:
        testing.change_case(actor, row.id, post["remove"], None)
        return "The test case is removed."
    if "accept" in post:
        return _accept(request, row, post["accept"])
    if "save" in post:
        case = {"utterance": typed.case, "expected": typed.means or ""}
        testing.change_case(actor, row.id, typed.opened, test_cases.parsed([case])[0])
        return "The test case is changed."
    if "lines" in post:
        return _add_lines(request, row, typed.lines)
    if "threshold" in post:
        threshold = _threshold(typed.threshold or "")
        testing.set_threshold(actor, row.id, threshold)
        if threshold is None:
            return "Test cases report from now on, and hold nothing back."
        return f"From now on {threshold} % have to pass before this is published."
    case = {"utterance": typed.utterance, "expected": typed.expected or ""}
    if not testing.add_cases(actor, row.id, test_cases.parsed([case])):
        raise invalid({"utterance": ["There is a test case for this already."]})
    return "The test case is added."


def _accept(request: WorkspaceRequest, row: Assistant, utterance: str) -> str:
    """What it means now is what it should mean."""
    if not utterance.strip():
        raise invalid({"utterance": ["There is no test case for this."]})
    case = {"utterance": utterance, "expected": FALLBACK}
    meant = test_cases.run(row.content_of_draft(), [case]).results[0].got
    testing.change_case(request.actor, row.id, utterance, {**case, "expected": meant})
    return f"“{utterance}” should mean this from now on: {meaning_in_words(meant)}."


def _add_lines(request: WorkspaceRequest, row: Assistant, lines: str) -> str:
    """Add all of them, or none."""
    if len(lines) > LONGEST_PASTE:
        raise invalid({"lines": [f"This is too long: at most {LONGEST_PASTE} characters are possible at once."]})
    if "\x00" in lines:
        raise invalid({"lines": ["This contains a character that can't be stored. Paste the text again."]})
    names = [intent["name"] for intent in row.draft["scripted"]["intents"]]
    cases, errors = test_cases.read_lines(lines, names)
    if errors:
        raise invalid({"lines": errors})
    if not cases:
        raise invalid({"lines": ["Paste at least one line: what visitors say => the intent that it should mean."]})
    added = testing.add_cases(request.actor, row.id, cases)
    there = f" {len(cases) - added} were there already." if added < len(cases) else ""
    return f"{added} test case{'' if added == 1 else 's'} added.{there}"


def _threshold(typed: str) -> int | None:
    text = typed.strip().removesuffix("%").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):
        raise invalid({"threshold": ["Use a number from 1 to 100, or leave it empty to report only."]})
    return int(text)


def _put(typed: Typed, problem: Problem, post: QueryDict, *, is_there: bool) -> None:
    """A refusal's words, at the field that was used."""
    field = next((name for name in ("save", "lines", "threshold") if name in post), "utterance")
    if "remove" in post or "accept" in post:
        typed.refused = next(iter(problem.errors.values()))[0] if problem.errors else refusals.words_of(problem)
        return
    said = [word for words in problem.errors.values() for word in words]
    if field == "save" and not is_there:
        # What was changed is gone; what was typed goes on as a new one.
        typed.refused = refusals.words_of(problem)
        typed.utterance, typed.expected = typed.case, typed.means
    else:
        typed.errors[field] = said or [refusals.words_of(problem)]


# --- Publishing ---------------------------------------------------------------------------------------------------


@form_of("assistant_tests")
@waiting_page("assistants.write")
def assistant_tests_publish(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """Publish the draft, if so many pass or on purpose. The cases are run before the transaction that publishes."""
    with entered(request, "assistants.write"):
        row = queries.assistant(assistant_id)
    _report(row)
    typed, anyway = _typed(request.POST), request.POST.get("op") == "publish-anyway"
    with entered(request, "assistants.write") as inside:
        refusal = publish(inside, assistant_id, despite_tests=anyway)
        if refusal is None:
            return redirect(reverse("assistant_tests", args=[assistant_id]))
        row = queries.assistant(assistant_id)
        typed.is_held_back = "test_report" in refusal.extra
        typed.is_unfinished = row.draft_typed is not None  # which the page says in its own words
        if not typed.is_unfinished:
            typed.refused = refusal.detail if typed.is_held_back else refusals.words_of(refusal)
        return _page(inside, row, _report(row), typed, status=refusal.status)
