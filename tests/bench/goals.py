"""The goals of the performance page (section 9), and how far they are met."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import brotli

from convoship.machine.state import ROOT
from tests.bench.sound import FRAME_DEADLINE

WIDGET = ROOT / "static" / "widget"
Rounds = Mapping[str, Sequence[tuple[Any, Any]]]


@dataclass(frozen=True)
class Line:
    """One line of the table. `ratio` is what is judged: at most `most`, or at least where it `is_rate`."""

    goal: str
    what: str
    toy: str
    product: str
    ratio: float
    most: float
    unit: str = "×"
    is_rate: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.ratio >= self.most if self.is_rate else self.ratio <= self.most


def _middle(rounds: Sequence[tuple[Any, Any]], side: int, pick: Callable[[Any], float]) -> float:
    return median(pick(pair[side]) for pair in rounds)


def _line(
    rounds: Rounds, goal: str, measure: str, what: str, pick: Callable[[Any], float], unit: str, most: float
) -> list[Line]:
    if measure not in rounds:
        return []
    # The ratio is the median of the rounds' ratios: a round's two loads ran one after the other.
    ratio = median(pick(product) / pick(toy) for toy, product in rounds[measure])
    toy, product = (_middle(rounds[measure], side, pick) for side in (0, 1))
    return [Line(goal, what, f"{toy:.4g} {unit}", f"{product:.4g} {unit}", ratio, most)]


def _cpu(load: str) -> Callable[[Any], float]:
    return lambda found: float(found[load].cpu_us)


def _p50(load: str) -> Callable[[Any], float]:
    return lambda found: float(found[load].p50_ms)


def _p99(load: str) -> Callable[[Any], float]:
    return lambda found: float(found[load].p99_ms)


def _sizes() -> list[Line]:
    names = json.loads((WIDGET / "manifest.json").read_text())
    loader, app = (len(brotli.compress((WIDGET / names[part]).read_bytes())) / 1000 for part in ("loader", "app"))
    return [
        Line("1", "loader, brotli", "", f"{loader:.2f} kB", loader, 3.0, "kB"),
        Line("2", "all that a text conversation loads, brotli", "", f"{loader + app:.2f} kB", loader + app, 25.0, "kB"),
    ]


def _turns(rounds: Rounds, goal: str, measure: str, words: str) -> list[Line]:
    return [
        *_line(rounds, goal, measure, f"{words}, one at a time: CPU", _cpu("c1"), "µs", 1.5),
        *_line(rounds, goal, measure, f"{words}, one at a time: p50", _p50("c1"), "ms", 1.5),
        *_line(rounds, goal, measure, f"{words}, 100 visitors at a set rate: CPU", _cpu("paced"), "µs", 1.5),
        *_line(rounds, goal, measure, f"{words}, 100 visitors at a set rate: p50", _p50("paced"), "ms", 1.5),
        *_line(rounds, goal, measure, f"{words}, 100 visitors at a set rate: p99", _p99("paced"), "ms", 2.0),
    ]


def _rate(rounds: Sequence[tuple[Any, Any]], goal: str, what: str, toy: Any, product: Any, least: float) -> Line:
    """How much of the toy's rate the product reaches: the median of the rounds' ratios."""
    ratio = median(product(of_product) / toy(of_toy) for of_toy, of_product in rounds)
    of_toy, of_product = _middle(rounds, 0, toy), _middle(rounds, 1, product)
    return Line(goal, what, f"{of_toy:.4g} /s", f"{of_product:.4g} /s", ratio, least, is_rate=True)


def _webhooks(rounds: Rounds) -> list[Line]:
    if "webhook" not in rounds:
        return []
    found = rounds["webhook"]
    slowest = median(_p99("crowd")(product) for _, product in found)
    toys = median(_p99("crowd")(toy) for toy, _ in found)

    def rate(figures: Any) -> float:
        return float(figures["crowd"].per_second)

    return [
        _rate(found, "10", "webhook to 2xx, 32 senders: webhooks", rate, rate, 0.7),
        *_line(rounds, "10", "webhook", "webhook to 2xx, 32 senders: CPU", _cpu("crowd"), "µs", 1 / 0.7),
        Line("10", "webhook to 2xx, 32 senders: p99", f"{toys:.4g} ms", f"{slowest:.4g} ms", slowest, 250, unit="ms"),
    ]


def _outbox(rounds: Rounds) -> list[Line]:
    if "outbox" not in rounds:
        return []
    found = rounds["outbox"]

    def rate(which: str) -> Callable[[Any], float]:
        return lambda figures: float(figures[which].per_second)

    ours, toys = (
        median(figures[name].largest_mb for figures in side)
        for name, side in (("drain", [p for _, p in found]), ("batches", [t for t, _ in found]))
    )
    drain = rate("drain")
    words = "sending at 50 ms, one worker"
    return [
        _rate(found, "11", f"{words}, to batches in two tasks: messages", rate("batches"), drain, 0.8),
        _rate(found, "11", f"{words}, to a task for each message: messages", rate("one_by_one"), drain, 4),
        Line("11", f"{words}: memory of a process", f"{toys:.4g} MB", f"{ours:.4g} MB", ours, 170, unit="MB"),
    ]


def _inbox(rounds: Rounds) -> list[Line]:
    lines = _line(
        rounds,
        "15",
        "inbox",
        "inbox's list, 2,000 conversations open, beside a bare indexed page: p95",
        lambda found: float(found["c1"].p95_ms),
        "ms",
        2.0,
    )
    for _, found in rounds.get("search", []):
        slowest = max(found["kinds"], key=lambda name: found["kinds"][name]["p95"])
        what = f"search over {found['messages']:,} messages, server time: p95"
        lines += [
            Line("16", what, "", f"{found['p95']:.3g} ms", found["p95"], 300, "ms"),
            Line(
                "16",
                f"the same, of the slowest kind ({slowest}): p95",
                "",
                f"{found['kinds'][slowest]['p95']:.3g} ms",
                found["kinds"][slowest]["p95"],
                300,
                "ms",
            ),
        ]
    return lines


def _answers(rounds: Rounds) -> list[Line]:
    if "answers" not in rounds:
        return []
    beside = [product for _, product in rounds["answers"]]
    least = median(found.least for found in beside)
    took = median(found.middle_seconds for found in beside)
    said = "scripted answer beside 200 of a model's of 10 s each, to a quiet one: p95"
    return [
        *_line(rounds, "17", "answers", said, lambda found: float(found.scripted.p95_ms), "ms", 1.5),
        # Were these not met, the figure above would say little.
        Line("17", "of those 200 under way at once, the fewest", "", f"{least:.0f}", least, 180, "", is_rate=True),
        Line("17", "one of those, from the question to its end: p50", "", f"{took:.3g} s", took, 12, "s"),
    ]


def _calls(rounds: Rounds) -> list[Line]:
    if "calls" not in rounds:
        return []
    found = [product for _, product in rounds["calls"]]
    p95 = median(one.p95_ms for one in found)
    what = f"{found[0].calls} calls by ConversationRelay at once, a model answers after 1 s: p95 over the model's own"
    return [Line("18", what, "", f"{p95:.3g} ms", p95, 60, "ms")]


def _sound(rounds: Rounds) -> list[Line]:
    if "sound" not in rounds:
        return []
    found = [product for _, product in rounds["sound"]]
    words = f"{found[0].calls} calls whose sound is ours, on one processor"
    overhead, silence = (median(getattr(one, name) for one in found) for name in ("overhead_ms", "silence_ms"))
    late, dry = (max(getattr(one, name) for one in found) for name in ("late", "dry"))
    late_words = f"frames later at the ear than {FRAME_DEADLINE * 1000:.0f} ms, in the worst round"
    return [
        Line("19", f"{words}: p95 of a turn over the engines' own", "", f"{overhead:.3g} ms", overhead, 60, "ms"),
        Line("19", "somebody speaks over us: silence after, p95", "", f"{silence:.3g} ms", silence, 200, "ms"),
        *_line(
            rounds, "19", "sound", "a caller's frame, to an echo of it: CPU", lambda one: float(one.cpu_us), "µs", 1.5
        ),
        Line("19", late_words, "", f"{late} of {found[0].frames}", late, 0, ""),
        Line("19", "callers' buffers that ran dry in the midst of words", "", f"{dry}", dry, 0, ""),
    ]


# What is said below the table.
NOTE = (
    "Goal 12 is for messages that have to be tasks of their own. No message is one here: a worker drains outboxes,\n"
    "and a task only wakes it. So the goal does not apply; how a task for each message does is the toy of goal 11."
)


def lines(rounds: Rounds) -> list[Line]:
    """The table: medians over the rounds."""
    table = [
        *_sizes(),
        *_turns(rounds, "3", "turn", "message stored and answered on its socket"),
        *_turns(rounds, "4", "watched", "the same with a member watching"),
        *_line(rounds, "6", "ping", "frame that is not stored: CPU", _cpu("paced"), "µs", 1.3),
        *_line(rounds, "7", "idle", "idle socket: memory", lambda found: float(found.kb_per_socket), "kB", 1.3),
    ]
    if "idle" in rounds:
        ten_thousand = median(product.base_mb + 10 * product.kb_per_socket for _, product in rounds["idle"])
        table.append(
            Line(
                "7",
                "10,000 idle sockets in one process, computed",
                "",
                f"{ten_thousand:.0f} MB",
                ten_thousand,
                550,
                "MB",
            )
        )
    return [
        *table,
        *_line(rounds, "8", "session", "session start, 16 at once: CPU", _cpu("crowd"), "µs", 1 / 0.6),
        *_line(rounds, "8", "session", "session start, one at a time: p50", _p50("c1"), "ms", 1.3),
        *_line(rounds, "9", "http_turn", "turn over HTTP, 16 at once: CPU", _cpu("crowd"), "µs", 1 / 0.7),
        *_line(rounds, "13", "wall", "read with the tenant wall, to without: CPU", _cpu("crowd"), "µs", 1.4),
        *_line(rounds, "14", "script", "`/embed/v1.js`, 16 at once: CPU", _cpu("crowd"), "µs", 1.0),
        *_webhooks(rounds),
        *_outbox(rounds),
        *_inbox(rounds),
        *_answers(rounds),
        *_calls(rounds),
        *_sound(rounds),
    ]


def markdown(table: Sequence[Line]) -> str:
    """The table in Markdown."""
    rows = ["| # | what | toy | product | ratio | goal | |", "|---|---|---|---|---|---|---|"]
    for line in table:
        said = f"{line.ratio:.2f} {line.unit}".replace(" ×", " ×")
        goal = f"{'≥' if line.is_rate else '≤'} {line.most:.3g} {line.unit}"
        rows.append(
            f"| {line.goal} | {line.what} | {line.toy} | {line.product} | {said} | {goal} "
            f"| {'met' if line.met else '**missed**'} |"
        )
    return "\n".join(rows)
