"""After healing and quiet: what callers were told, what the database holds, what the provider has; held together."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from tests.reliability.faults.load import Op
from tests.reliability.faults.supervisor import Machine

QUIET_SECONDS = 60.0


def quiet(machine: Machine, seconds: float = QUIET_SECONDS) -> float:
    """Wait until nothing is left to be done; how long that took, or `seconds` where it never came."""
    began = time.monotonic()
    while (took := time.monotonic() - began) < seconds:
        if machine.waits() == 0:
            return took
        time.sleep(0.25)
    return seconds


def arrived(machine: Machine, ops: Iterable[Op], seconds: float) -> list[Op]:
    """Wait until the answers to all of these are with the provider; those that are not there in time."""
    ops = [op for op in ops if op.ended == "ok"]
    deadline = time.monotonic() + seconds
    while True:
        missing = lost(machine, ops)
        if not missing or time.monotonic() > deadline:
            return missing
        time.sleep(0.25)


def replies(machine: Machine, connection: str) -> dict[str, list[str]]:
    """The deliveries that answer each event, by the event's id; an event without any has an empty list."""
    found: dict[str, list[str]] = {}
    for event_id, delivery in machine.rows(
        "SELECT e.key, d.id::text FROM channels_app_inboundevent e"
        "  LEFT JOIN deployments_message m ON m.id = e.message_id"
        "  LEFT JOIN deployments_message a ON a.conversation_id = m.conversation_id AND a.seq = m.seq + 1"
        "  LEFT JOIN channels_app_delivery d ON d.message_id = a.id"
        " WHERE e.connection_id = %s",
        machine.made[connection]["connection"],
    ):
        found.setdefault(event_id, []).extend([delivery] if delivery else [])
    return found


def lost(machine: Machine, ops: Iterable[Op]) -> list[Op]:
    """(a) Those that callers were told are taken, and whose answer the provider does not have."""
    missing = []
    for connection, group in _by_connection(ops).items():
        has = {line["key"] for line in machine.accepted(machine.made[connection]["path"])}
        answers = replies(machine, connection)
        missing += [op for op in group if op.ended == "ok" and not has & set(answers.get(op.event_id, []))]
    return missing


def _by_connection(ops: Iterable[Op]) -> dict[str, list[Op]]:
    found: dict[str, list[Op]] = defaultdict(list)
    for op in ops:
        found[op.connection].append(op)
    return found


def refused_with_effect(machine: Machine, ops: Iterable[Op]) -> list[Op]:
    """(c) Those that callers were told are refused, and that are there all the same."""
    return [
        op
        for connection, group in _by_connection(ops).items()
        for answers in [replies(machine, connection)]
        for op in group
        if op.ended == "fail" and op.event_id in answers
    ]


def twice(machine: Machine, connection: str) -> list[str]:
    """(b, d) Keys whose effect happened twice, and events that were answered twice."""
    path = machine.made[connection]["path"]
    counts = Counter(line["key"] for line in machine.accepted(path))
    # Who knows a copy by its key makes one effect of it, so there only a second key for one place is a second effect.
    doubled = [] if path.startswith("/keyed") else [key for key, count in counts.items() if count > 1]
    places: dict[tuple[str, int], set[str]] = defaultdict(set)
    for line in machine.accepted(path):
        places[line["conversation"], line["sequence"]].add(line["key"])
    doubled += [f"{place}: {sorted(keys)}" for place, keys in places.items() if len(keys) > 1]
    doubled += [f"{event}: {ids}" for event, ids in replies(machine, connection).items() if len(set(ids)) > 1]
    return doubled


def raw_copies(machine: Machine, connection: str) -> int:
    """How many requests the provider took for copies: the key's doing, and no fault."""
    lines = machine.accepted(machine.made[connection]["path"])
    return len(lines) - len({line["key"] for line in lines})


def inversions(machine: Machine, connection: str) -> list[str]:
    """(e) Conversations in which something arrived first after something later, or whose seqs have a hole."""
    seen: dict[str, list[int]] = defaultdict(list)
    for line in machine.accepted(machine.made[connection]["path"]):
        if line["sequence"] not in seen[line["conversation"]]:
            seen[line["conversation"]].append(line["sequence"])
    found = [f"{room}: {order}" for room, order in seen.items() if order != sorted(order)]
    holes = machine.rows(
        "SELECT m.conversation_id::text FROM deployments_message m"
        " JOIN channels_app_conversationlink l ON l.conversation_id = m.conversation_id"
        " WHERE l.connection_id = %s GROUP BY m.conversation_id HAVING max(m.seq) <> count(*)",
        machine.made[connection]["connection"],
    )
    return found + [f"{conversation}: its seqs have a hole" for (conversation,) in holes]


def strangers(machine: Machine) -> list[str]:
    """(g) Deliveries that the provider has under another workspace's path."""
    owners = dict(machine.rows("SELECT d.id::text, d.connection_id::text FROM channels_app_delivery d"))
    return [
        f"{line['key']} at {about['path']}"
        for about in machine.made.values()
        for line in machine.accepted(about["path"])
        if owners.get(line["key"], about["connection"]) != about["connection"]
    ]


def leftovers(machine: Machine) -> list[str]:
    """(i) What is neither done nor somewhere where a person sees why."""
    return [
        f"{what} {key} {state}"
        for what, key, state in machine.rows(
            "SELECT 'event', key, state FROM channels_app_inboundevent WHERE state IN ('received', 'failed')"
            " UNION ALL SELECT 'delivery', id::text, status || ' ' || reason FROM channels_app_delivery"
            " WHERE status = 'queued' OR (status IN ('failed', 'unknown') AND reason = '')"
        )
    ]


def dead(machine: Machine, connection: str) -> list[str]:
    """Deliveries that ended as dead letters or unknown, with their reason."""
    return [
        f"{key}: {status}: {reason}"
        for key, status, reason in machine.rows(
            "SELECT id::text, status, reason FROM channels_app_delivery"
            " WHERE connection_id = %s AND status IN ('failed', 'unknown')",
            machine.made[connection]["connection"],
        )
    ]


def latencies(machine: Machine, ops: Iterable[Op]) -> list[float]:
    """Seconds from a caller's 2xx until the provider had the answer."""
    found = []
    for connection, group in _by_connection(ops).items():
        first: dict[str, float] = {}
        for line in machine.accepted(machine.made[connection]["path"]):
            first.setdefault(line["key"], line["at"])
        answers = replies(machine, connection)
        found += [
            first[key] - op.at
            for op in group
            if op.ended == "ok"
            for key in answers.get(op.event_id, [])
            if key in first
        ]
    return found


class Findings:
    """What was looked at, and what was wrong: printed as lines, kept for the page."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str, bool]] = []

    def note(self, promise: str, what: str, figure: Any, *, good: bool) -> bool:
        """One line."""
        self.lines.append((promise, what, str(figure), good))
        return good

    def none(self, promise: str, what: str, found: list[Any], of: int | str = "") -> bool:
        """Good where the list is empty; its first entry is told where it isn't."""
        figure = f"{len(found)}" + (f" of {of}" if of != "" else "")
        return self.note(promise, what, figure if not found else f"{figure}, first: {found[0]}", good=not found)

    @property
    def bad(self) -> list[str]:
        """What was wrong."""
        return [f"{promise} {what}: {figure}" for promise, what, figure, good in self.lines if not good]
