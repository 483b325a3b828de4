"""An assistant's test cases: what visitors say, which intent that should mean, and whether it does.

A case is `{utterance, expected}`; `expected` is an intent's name, `""` for what should not be understood (the
fallback), or `":small_talk"` for what small talk should answer: no intent can be called that, for its colon. Running
the cases asks the very dialogue that answers visitors, each as the first thing said, without a database and without
waiting.

A report as it is kept and shown is `{passed, total, failures: [{utterance, expected, got, score, missing?}]}`, where
`got` is written as `expected` is, and `missing` says that no intent is called `expected` any more.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from threading import Lock
from typing import Any, cast

from convoship.lib.plain_errors import PlainValidator, failures, shown
from convoship.lib.problems import Problem, invalid
from deployments.differences import renames
from deployments.responders.base import Trace, TurnInput, responder_for
from deployments.responders.checks import name_key
from deployments.responders.content import LONGEST_NAME
from deployments.responders.dialogue import Dialogue
from deployments.responders.scripted import Script, ScriptedResponder

MOST_CASES, LONGEST_UTTERANCE = 500, 300
FALLBACK, SMALL_TALK = "", ":small_talk"
MOST_NAMED = 3  # failures that a refusal names
MOST_KEPT = 64  # reports that a process remembers
MOST_LINE_ERRORS = 50

_EMPTY_WORDS = {"pattern": "This must not be empty."}
CASE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["utterance", "expected"],
    "additionalProperties": False,
    "properties": {
        "utterance": {
            "type": "string",
            "maxLength": LONGEST_UTTERANCE,
            "pattern": r"\S",
            "x-words": _EMPTY_WORDS,
            "description": "What a visitor says.",
        },
        "expected": {
            "type": "string",
            "maxLength": LONGEST_NAME,
            "description": "The intent's name; empty: not understood; `:small_talk`: answered by small talk.",
        },
    },
}
CASES_SCHEMA: dict[str, Any] = {"type": "array", "maxItems": MOST_CASES, "items": CASE_SCHEMA}
THRESHOLD_SCHEMA: dict[str, Any] = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": 100,
    "description": "The percentage of cases that have to pass before publishing; null only reports.",
}
_validator = PlainValidator(CASES_SCHEMA)

Case = dict[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """What one utterance means. `is_missing`: no intent is called what was expected."""

    utterance: str
    expected: str
    got: str
    score: float
    is_missing: bool

    @property
    def passed(self) -> bool:
        """Whether that is what was expected."""
        return not self.is_missing and name_key(self.got) == name_key(self.expected)

    @property
    def words(self) -> str:
        """What is wrong, in one sentence; of a failure."""
        what = f"“{shown(self.utterance)}”"
        if self.is_missing:
            return f"{what} should mean “{shown(self.expected)}”, which is no intent any more."
        if self.got == FALLBACK:
            return f"{what} is not understood, and should {_wanted(self.expected)}."
        if self.got == SMALL_TALK:
            return f"{what} is answered by small talk, and should {_wanted(self.expected)}."
        return f"{what} is understood as “{shown(self.got)}”, and should {_wanted(self.expected)}."

    def as_json(self) -> dict[str, Any]:
        """As it stands in a report."""
        found = {"utterance": self.utterance, "expected": self.expected, "got": self.got, "score": self.score}
        return {**found, "missing": True} if self.is_missing else found


def _wanted(expected: str) -> str:
    if expected == FALLBACK:
        return "not be understood"
    return "be small talk" if expected == SMALL_TALK else f"mean “{shown(expected)}”"


@dataclass(frozen=True)
class Report:
    """The results in the order of the cases."""

    results: tuple[Result, ...]

    @cached_property
    def failures(self) -> tuple[Result, ...]:
        """Those that did not pass."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.results)

    @property
    def passed(self) -> int:
        """How many pass."""
        return self.total - len(self.failures)

    @property
    def percent(self) -> int:
        """How many of a hundred pass, rounded down: 89.9 are not 90. All, where there are no cases."""
        return self.passed * 100 // self.total if self.total else 100

    def is_enough(self, threshold: int | None) -> bool:
        """Whether so many pass that this may be published."""
        return is_enough(self.passed, self.total, threshold)

    def as_json(self) -> dict[str, Any]:
        """As it is kept with a version and shown by the API."""
        return {
            "passed": self.passed,
            "total": self.total,
            "failures": [result.as_json() for result in self.failures],
        }


def is_enough(passed: int, total: int, threshold: int | None) -> bool:
    """Whether so many of so many pass that an assistant with this threshold (percent) may be published."""
    return threshold is None or passed * 100 >= threshold * total


# --- Running ------------------------------------------------------------------------------------------------------

_kept: OrderedDict[bytes, Report] = OrderedDict()
_lock = Lock()


def run(content: Mapping[str, Any], cases: Sequence[Mapping[str, str]]) -> Report:
    """What these cases mean to this content, which is a version's or `content_of_draft()`'s: `{name, responder, ...}`.

    Computing alone, up to a second for hundreds of cases: run it outside of a transaction. The same question is
    answered from memory, so an act that asks again inside of one takes no time.
    """
    responder = responder_for(content["responder"])
    if not cases or not isinstance(responder, ScriptedResponder):
        return Report(())
    script_content = content[content["responder"]]
    key = hashlib.blake2b(json.dumps([script_content, list(cases)]).encode(), digest_size=16).digest()
    with _lock:
        if (held := _kept.get(key)) is not None:
            _kept.move_to_end(key)
            return held
    # The script is asked for once: finding it by its content costs more than an answer does.
    script = responder.script(script_content)
    made = Report(tuple(_result(script, script_content, case) for case in cases))
    with _lock:
        _kept[key] = made
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return made


def _result(script: Script, content: Mapping[str, Any], case: Mapping[str, str]) -> Result:
    utterance, expected = case["utterance"], case["expected"]
    turn = TurnInput(text=utterance, payload=None, locale=None, channel="web", history=(), state={}, content=content)
    trace: dict[str, Any] = {}
    for reply in Dialogue(script, turn).run():
        if isinstance(reply, Trace):
            trace.update(reply.data)
    is_missing = expected not in {FALLBACK, SMALL_TALK} and name_key(expected) not in script.names
    return Result(utterance, expected, meaning(trace), trace["score"], is_missing)


def meaning(trace: Mapping[str, Any]) -> str:
    """What a turn's trace says that was meant, written as `expected` is."""
    if trace.get("by") == "small_talk":
        return SMALL_TALK
    return str(trace.get("intent") or FALLBACK)


def refusal(report: Report, threshold: int, *, is_trial: bool = False) -> Problem:
    """Why this is not published, or not tried on a share of the visitors, with the first failures in words."""
    what, anyway = ("tried on visitors", "start") if is_trial else ("published", "publish")
    first = " ".join(failure.words for failure in report.failures[:MOST_NAMED])
    more = len(report.failures) - MOST_NAMED
    others = f" And {more} more." if more > 0 else ""
    return Problem(
        "conflict",
        f"{report.passed} of {report.total} test cases pass ({report.percent} %), {threshold} % are needed, "
        f"so this is not {what}.",
        hint=f"{first}{others} Mend the intents or the test cases, or {anyway} despite the tests.",
        extra={"test_report": report.as_json()},
    )


def following(cases: Sequence[Case], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Case]:
    """The cases once one content has become another: those of an intent that was renamed expect its new name."""
    names_before, names_now = _names(old), _names(new)
    lost = {key for case in cases if (key := name_key(case["expected"])) in names_before and key not in names_now}
    if not lost:  # mostly: comparing whole contents takes its time
        return list(cases)
    renamed = {name_key(before): after for before, after in renames(old, new).items()}
    return [{**case, "expected": renamed.get(name_key(case["expected"]), case["expected"])} for case in cases]


def _names(content: Mapping[str, Any]) -> set[str]:
    return {name_key(intent["name"]) for intent in content[content["responder"]]["intents"]}


# --- Taking them in -----------------------------------------------------------------------------------------------


def utterance_key(utterance: str) -> str:
    """Two utterances with the same key are the same: case, spacing and spelling variants of Unicode don't count."""
    return " ".join(name_key(utterance).split())


def parsed(cases: object, path: str = "cases") -> list[Case]:
    """The cases in normal form: texts in one line, trimmed; 422 with a message per path (`cases[2].expected`)."""
    errors = {f"{path}{at}": said for at, said in failures(_validator, cases).items()}
    if errors:
        raise invalid(errors)
    found = [
        {name: " ".join(text.split()) for name, text in case.items()} for case in cast("list[dict[str, str]]", cases)
    ]
    first: dict[str, int] = {}
    for place, case in enumerate(found):
        earlier = first.setdefault(utterance_key(case["utterance"]), place)
        if earlier != place:
            errors[f"{path}[{place}].utterance"] = [f"{path}[{earlier}] says the same already."]
    if errors:
        raise invalid(dict(list(errors.items())[:MOST_LINE_ERRORS]))
    return found


def read_lines(text: str, intents: Sequence[str]) -> tuple[list[Case], list[str]]:
    """Many cases at once, one a line: `utterance => Intent`, or with a tab between, as tables copy.

    Nothing on the right, or `fallback`, means that it should not be understood. Answers the cases, and what is wrong by
    line ("Line 3: ...").
    """
    names = {name_key(name): name for name in intents}
    names = {"fallback": FALLBACK, "small talk": SMALL_TALK, SMALL_TALK: SMALL_TALK, "": FALLBACK} | names
    cases: list[Case] = []
    errors: list[str] = []
    lines_of: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        utterance, sign, expected = line.rpartition("\t" if "\t" in line else "=>")
        utterance, expected = " ".join(utterance.split()), " ".join(expected.split())
        wrong = _wrong(utterance, bool(sign), expected, names)
        earlier = lines_of.setdefault(utterance_key(utterance), number)
        if not wrong and earlier != number:
            wrong = f"Line {earlier} says the same already."
        if wrong:
            errors.append(f"Line {number}: {wrong}")
        else:
            cases.append({"utterance": utterance, "expected": names[name_key(expected)]})
    return cases, errors[:MOST_LINE_ERRORS]


def _wrong(utterance: str, has_sign: bool, expected: str, names: Mapping[str, str]) -> str:
    if not has_sign or not utterance:
        return "Write what visitors say, then => and the intent that it should mean."
    if len(utterance) > LONGEST_UTTERANCE:
        return f"This is too long: {len(utterance)} characters, at most {LONGEST_UTTERANCE} are possible."
    if name_key(expected) not in names:
        near = get_close_matches(name_key(expected)[:LONGEST_NAME], [name for name in names if name], n=1)
        meant = f" Did you mean “{names[near[0]] or 'fallback'}”?" if near else ""
        return f"No intent is called “{shown(expected)}”.{meant}"
    return ""
