"""The measured figures as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from deployments.responders.matching import ENOUGH
from tests.matching.guessers import PLAIN, Ours
from tests.matching.measure import MOST_FALSE, VARIANTS, Figures, Heard, cases, figures, hear, lenient, strict
from tests.matching.sets import SCRIPTS, Part, script

OURS = "Convoship"
NAMES: dict[Part, str] = {"held_out": "Held-out part", "fresh": "Fresh part", "tune": "Part for tuning"}


def report() -> Iterator[str]:
    """The report, in pieces as they are measured."""
    heard: list[Heard] = []
    rows: dict[Part, list[str]] = {part: [] for part in NAMES}
    for name, make in {OURS: Ours, **PLAIN}.items():
        found = {part: hear(make, cases(part)) for part in NAMES}
        tuned = found["tune"][0]
        if name == OURS:
            heard = found["held_out"][0]
            thresholds = {"": ENOUGH}
        else:
            thresholds = {f", at most {MOST_FALSE:.0%} false": strict(tuned), ", most gained": lenient(tuned)}
        for why, enough in thresholds.items():
            for part in NAMES:
                rows[part].append(_row(name + why, enough, *found[part]))
    for part in NAMES:
        yield _heading(part)
        yield "\n".join(rows[part]) + "\n\n"
    yield f"### {OURS} by script, held-out part\n\n"
    yield (
        "| script | intents | in scope | out of scope "
        "| top-1 | with typos | answered | with typos | false accepts | with typos |\n"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    for name in SCRIPTS:
        yield _script_row(name, [item for item in heard if item.case.script == name])
    yield "\n### What went wrong, held-out part\n\nAs written; *none* is the fallback.\n\n"
    for name in SCRIPTS:
        yield from _failures(name, [item for item in heard if item.case.script == name])


def _heading(part: Part) -> str:
    plain = figures((Heard(case, None, 0.0) for case in cases(part) if not case.slipped), 1.0)
    return (
        f"### {NAMES[part]}\n\n{plain.inside} utterances in scope and {plain.outside} out of it, "
        f"each also {VARIANTS} times with typos.\n\n"
        "| | enough | top-1 | with typos | answered | with typos | false accepts | with typos | ms each |\n"
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    )


def both(heard: list[Heard], enough: float) -> tuple[Figures, Figures]:
    """As written, with typos."""
    return (
        figures((item for item in heard if not item.case.slipped), enough),
        figures((item for item in heard if item.case.slipped), enough),
    )


def _shares(heard: list[Heard], enough: float) -> str:
    written, typed = both(heard, enough)
    pairs = (getattr(found, name) for name in ("top", "answered", "false") for found in (written, typed))
    return " | ".join(f"{share:.1%}" for share in pairs)


def _row(label: str, enough: float, heard: list[Heard], seconds: float) -> str:
    return f"| {label} | {enough:.2f} | {_shares(heard, enough)} | {seconds * 1000:.2f} |"


def _script_row(name: str, heard: list[Heard]) -> str:
    written, _ = both(heard, ENOUGH)
    intents = len(script(name)["intents"])
    return f"| {name} | {intents} | {written.inside} | {written.outside} | {_shares(heard, ENOUGH)} |\n"


def _failures(name: str, heard: list[Heard]) -> Iterator[str]:
    wrong: list[tuple[Heard, str | None]] = []
    for item in heard:
        got = item.intent if item.score >= ENOUGH else None
        if got != item.case.intent:
            wrong.append((item, got))
    confused = Counter((item.case.intent, got) for item, got in wrong if item.case.slipped)
    yield f"**{name}**\n\n"
    for item, got in wrong:
        if not item.case.slipped:
            yield f"* {item.case.text!r}: {_named(got)} instead of {_named(item.case.intent)}\n"
    if confused:
        said = ", ".join(
            f"{_named(got)} instead of {_named(wanted)} {often}" for (wanted, got), often in confused.most_common(6)
        )
        yield f"* with typos most often: {said}\n"
    yield "\n"


def _named(intent: str | None) -> str:
    return f"“{intent}”" if intent else "*none*"
