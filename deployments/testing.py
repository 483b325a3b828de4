"""Changing an assistant's test cases, and how many of them have to pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from convoship.lib.tenancy import tenant
from deployments import publishing, test_cases
from deployments.models import Assistant
from deployments.test_cases import MOST_CASES, Case, utterance_key
from workspaces import audit


def rehearse(workspace_id: UUID, assistant_id: UUID) -> None:
    """Run the draft's cases outside of any transaction: the act that publishes it next finds the result in memory.

    An assistant that isn't there, or a draft that can't be published, is left to that act.
    """
    with tenant(workspace_id):
        row = Assistant.objects.filter(id=assistant_id).first()
    if row is not None:
        rehearse_draft(row)


def rehearse_draft(assistant: Assistant) -> None:
    """The same of an assistant that was read already."""
    try:
        publishing.parsed_script(assistant.draft["scripted"])
    except Problem:
        return
    test_cases.run(assistant.content_of_draft(), assistant.test_cases)


def put_cases(actor: Actor, assistant_id: UUID, cases: object) -> Assistant:
    """Replace all cases; 422 by path for what can't be one."""
    return _store(actor, publishing.held(assistant_id), test_cases.parsed(cases))


def add_cases(actor: Actor, assistant_id: UUID, cases: Sequence[Mapping[str, str]]) -> int:
    """Add cases. One that is there already, with the same meaning, is left; with another it is refused (409).

    Answers how many were added.
    """
    assistant = publishing.held(assistant_id)
    known = {utterance_key(case["utterance"]): case["expected"] for case in assistant.test_cases}
    new = []
    for case in cases:
        expected = known.get(utterance_key(case["utterance"]))
        if expected is None:
            new.append(dict(case))
        elif expected != case["expected"]:
            raise Problem(
                "conflict",
                f"There is a test case for “{case['utterance']}” already, and it expects something else.",
                hint="Change that one.",
            )
    if len(assistant.test_cases) + len(new) > MOST_CASES:
        raise Problem(
            "conflict",
            f"An assistant has at most {MOST_CASES} test cases. There are {len(assistant.test_cases)}.",
            hint="Remove some that others cover.",
        )
    if new:
        _store(actor, assistant, test_cases.parsed([*assistant.test_cases, *new]))
    return len(new)


def change_case(actor: Actor, assistant_id: UUID, utterance: str, case: Mapping[str, str] | None) -> None:
    """Put another case in the place of the one for this utterance; None removes it. 404 where it is gone."""
    assistant = publishing.held(assistant_id)
    key = utterance_key(utterance)
    kept: list[Mapping[str, str]] = list(assistant.test_cases)
    places = [place for place, known in enumerate(kept) if utterance_key(known["utterance"]) == key]
    if not places:
        raise Problem("conflict", f"There is no test case for “{utterance}” any more.", hint="Load the page again.")
    if case is None:
        del kept[places[0]]
    else:
        same = utterance_key(case["utterance"])
        if same != key and any(utterance_key(known["utterance"]) == same for known in kept):
            raise invalid({"utterance": ["There is a test case for this already."]})
        kept[places[0]] = case
    _store(actor, assistant, test_cases.parsed(kept))


def set_threshold(actor: Actor, assistant_id: UUID, threshold: int | None) -> Assistant:
    """How many per cent have to pass for publishing (1 to 100); None only reports."""
    if threshold is not None and not 1 <= threshold <= 100:
        raise invalid({"threshold": ["Use a number from 1 to 100, or leave it empty to report only."]})
    assistant = publishing.held(assistant_id)
    if assistant.test_threshold != threshold:
        before, assistant.test_threshold = assistant.test_threshold, threshold
        assistant.save(update_fields=["test_threshold"])
        audit.record(actor, "assistant.test_threshold_changed", assistant, before=before, after=threshold)
    return assistant


def _store(actor: Actor, assistant: Assistant, cases: list[Case]) -> Assistant:
    if cases != assistant.test_cases:
        before, assistant.test_cases = len(assistant.test_cases), cases
        assistant.save(update_fields=["test_cases"])
        audit.record(actor, "assistant.test_cases_changed", assistant, before=before, after=len(cases))
    return assistant
