"""What changed between two contents of an assistant: which parts, which lines of them, and which words. Pure.

`compare` gives no change for equal contents and at least one for different ones.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments.outline import INTENT, PHRASE, TITLES, Line, Part, as_text, parts

ALIKE = 0.5  # from which share of common words on a text, or of common lines an intent, counts as the same one, changed
# Comparing word by word costs the product of both lengths, so the words of two long texts are not marked one by one,
# and a page that has compared very many marks whole texts for the rest.
MOST_WORDS = 500  # words, spaces and signs
MOST_COMPARISONS = 250_000

_WORD = re.compile(r"[\w'’]+|\s+|[^\w\s'’]+")


class Kind(enum.StrEnum):
    """What happened to a part or a line."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    MOVED = "moved"


@dataclass(frozen=True)
class LineChange:
    """One line of a part: `old` is empty where it was added, `new` where it was removed."""

    kind: Kind
    label: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class Change:
    """One part: `part` is a key of `outline.TITLES`, `intent`, or `order` for the order of the intents."""

    part: str
    kind: Kind
    title: str
    lines: tuple[LineChange, ...]
    old_title: str = ""


def compare(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Change]:
    """What has to be done to `old` to make it `new`, in the order of the editor; against None all is added."""
    if old == new:
        return []
    before, after = ([] if old is None else parts(old)), parts(new)
    pairs, order_changed = _paired(before, after)
    changes = [change for pair in pairs if (change := _change(*pair)) is not None]
    if order_changed:
        names = [[each.title for each in side if each.kind == INTENT] for side in (before, after)]
        line = LineChange(Kind.CHANGED, "Order", "\n".join(names[0]), "\n".join(names[1]))
        changes.append(Change("order", Kind.MOVED, "Order of the intents", (line,)))
    if not changes and old is not None:
        line = LineChange(Kind.CHANGED, "Stored form", as_text(old), as_text(new))
        changes.append(Change("other", Kind.CHANGED, "Stored form", (line,)))
    return changes


def renames(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """The intents that are called something else now: old name -> new name."""
    pairs, _ = _paired(parts(old), parts(new))
    both = [(before, after) for before, after in pairs if before is not None and after is not None]
    return {before.title: after.title for before, after in both if after.kind == INTENT and before.title != after.title}


# --- Parts --------------------------------------------------------------------------------------------------------


def _paired(before: Sequence[Part], after: Sequence[Part]) -> tuple[list[tuple[Part | None, Part | None]], bool]:
    """Each part beside its counterpart, in the order of `after` (what went stands where it stood); whether intents
    that are in both stand in another order."""
    keys = {part.key: part for part in before}
    partner = {id(part): keys[part.key] for part in after if part.key in keys}
    taken = {id(part) for part in partner.values()}
    gone = [(part, _texts(part)) for part in before if part.kind == INTENT and id(part) not in taken]
    for part in after:
        if part.kind == INTENT and id(part) not in partner and gone:
            texts = _texts(part)
            likeness, place = max((_likeness(other, texts), -place) for place, (_, other) in enumerate(gone))
            if likeness >= ALIKE:
                partner[id(part)], _ = gone.pop(-place)
    pairs: list[tuple[Part | None, Part | None]] = [(partner.get(id(part)), part) for part in after]
    kept = {id(part) for part in partner.values()}
    for place, part in enumerate(before):
        if id(part) not in kept:
            earlier = {id(other) for other in before[:place]}
            at = max((n + 1 for n, (one, _) in enumerate(pairs) if one is not None and id(one) in earlier), default=0)
            pairs.insert(at, (part, None))
    places = {id(part): place for place, part in enumerate(before)}
    common = [places[id(partner[id(part)])] for part in after if part.kind == INTENT and id(part) in partner]
    return pairs, common != sorted(common)


def _texts(part: Part) -> frozenset[str]:
    return frozenset(line.text for line in part.lines)


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Of all that two have, how much they have in common: 0 to 1."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _change(old: Part | None, new: Part | None) -> Change | None:
    before, after = old or new, new or old
    if before is None or after is None or (before is not after and before.data == after.data):
        return None
    lines = _line_changes(old.lines if old else (), new.lines if new else ())
    renamed = before.title != after.title
    if renamed:
        lines.insert(0, LineChange(Kind.CHANGED, "Name", before.title, after.title))
    kind = Kind.RENAMED if renamed else Kind.ADDED if old is None else Kind.REMOVED if new is None else Kind.CHANGED
    if not lines:  # the same to a reader, and yet not the same data: a list that is empty rather than absent, say
        both = (as_text(each.data) if each else "" for each in (old, new))
        lines, kind = [LineChange(Kind.CHANGED, "Stored form", *both)], Kind.CHANGED
    return Change(after.kind, kind, after.title, tuple(lines), before.title if renamed else "")


# --- Lines --------------------------------------------------------------------------------------------------------


def _line_changes(old: Sequence[Line], new: Sequence[Line]) -> list[LineChange]:
    changes: list[LineChange] = []
    for slot in dict.fromkeys(line.slot for line in (*new, *old)):
        before, after = ([line for line in side if line.slot == slot] for side in (old, new))
        changes += _slot_changes(slot, before, after)
    return changes


def _slot_changes(slot: str, old: list[Line], new: list[Line]) -> list[LineChange]:
    label = (new or old)[0].label
    common = Counter(line.text for line in old) & Counter(line.text for line in new)
    removed, kept_before = _without(old, common)
    added, kept_after = _without(new, common)
    changes: list[LineChange] = []
    if kept_before != kept_after:
        changes.append(LineChange(Kind.MOVED, label, "\n".join(kept_before), "\n".join(kept_after)))
    alone = len(old) <= 1 and len(new) <= 1
    for text in added:
        like = [] if slot == PHRASE else removed if alone else [it for it in removed if _words_alike(it, text) >= ALIKE]
        if like:
            best = max(like, key=lambda it: _words_alike(it, text))
            removed.remove(best)
            changes.append(LineChange(Kind.CHANGED, label, best, text))
        else:
            changes.append(LineChange(Kind.ADDED, label, new=text))
    return [*changes, *(LineChange(Kind.REMOVED, label, old=text) for text in removed)]


def _without(lines: Sequence[Line], common: Counter[str]) -> tuple[list[str], list[str]]:
    """The texts that are not common, and those that are, each in order."""
    left, rest, kept = Counter(common), [], []
    for line in lines:
        if left[line.text]:
            left[line.text] -= 1
            kept.append(line.text)
        else:
            rest.append(line.text)
    return rest, kept


def _words_alike(one: str, other: str) -> float:
    return _likeness(frozenset(one.split()), frozenset(other.split()))


# --- Words --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """A stretch of text: `kind` is None where it stands in both."""

    text: str
    kind: Kind | None = None


@dataclass
class Marker:
    """Marks the words of one page's changes, and stops counting words when that has cost enough."""

    left: int = field(default=MOST_COMPARISONS)

    def pieces(self, line: LineChange) -> list[Piece]:
        """The line's old and new text in one: what stayed, what went, what came."""
        if line.kind in {Kind.ADDED, Kind.REMOVED}:
            return [Piece(line.old or line.new, line.kind)]
        old, new = _WORD.findall(line.old), _WORD.findall(line.new)
        cost = len(old) * len(new)
        if max(len(old), len(new)) > MOST_WORDS or cost > self.left:
            return _replaced(line.old, line.new)
        self.left -= cost
        stretches: list[tuple[bool, str, str]] = []
        for verb, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            stretches.append((verb == "equal", "".join(old[i:j]), "".join(new[k:m])))
        return _joined(stretches)


def _joined(stretches: Sequence[tuple[bool, str, str]]) -> list[Piece]:
    """The pieces of what is equal and what isn't; a space or sign that stayed between two changes is part of them."""
    found: list[Piece] = []
    gone = come = ""
    for place, (is_equal, old, new) in enumerate(stretches):
        is_inside = 0 < place < len(stretches) - 1 and not re.search(r"\w", old)
        if is_equal and not is_inside:
            found += [*_replaced(gone, come), Piece(old)]
            gone = come = ""
        else:
            gone, come = gone + old, come + new
    return [*found, *_replaced(gone, come)]


def _replaced(old: str, new: str) -> list[Piece]:
    return [Piece(text, kind) for text, kind in ((old, Kind.REMOVED), (new, Kind.ADDED)) if text]


# --- In a few words -----------------------------------------------------------------------------------------------

_ORDER = (Kind.ADDED, Kind.REMOVED, Kind.RENAMED, Kind.CHANGED)


def summary(changes: Sequence[Change]) -> str:
    """`2 intents added, 1 changed, fallback changed`; `No change` without any."""
    counted = Counter(change.kind for change in changes if change.part == INTENT)
    said: list[str] = []
    for kind in _ORDER:
        if count := counted[kind]:
            said.append(f"{count} {kind}" if said else f"{count} intent{'s' if count > 1 else ''} {kind}")
    for change in changes:
        if change.part == "order":
            said.append("intents in another order")
        elif change.part == "handoff":
            said.append("hand-over changed")  # added to it, or taken from it: rules hold always
        elif change.part == "responder":
            said.append("what answers changed")
        elif change.part == "small_talk" and change.lines[0].new in {"On", "Off"}:
            said.append(f"small talk {change.lines[0].new.lower()}")
        elif change.part != INTENT:
            said.append(f"{TITLES.get(change.part, change.title).lower()} {change.kind}")
    return ", ".join(said) or "No change"
