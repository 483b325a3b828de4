"""A value put into Markdown that a person is about to read as it is written: escaped where it would mean something.

`placeholders.filled` escapes every mark, which nobody sees who reads the message; in the inbox's composer it would
stand before the member's eyes. Here a mark is escaped only where it could be one: `anna_b`, `R&D`, `Zoe [Sales]` and
`<3` stay as they are, `*Zoe*`, `[Zoe](https://...)` and a bare `https://` don't. Both who show messages are minded:
CommonMark as `safe_text` reads it, and the chat's own reading of it, which makes links of bare addresses too.

Source: CommonMark 0.31, 6.2 (delimiter runs), 6.3 (links), 6.5 (autolinks), 2.5 (entities), 5.2 (list items).
"""

from __future__ import annotations

import re

_PAIRED = "*_~`"
_BRACKETED = re.compile(r"\[[^\[\]]*\](?!\()")
_ADDRESS = re.compile(r"https?(?=://)", re.IGNORECASE)
# A placeholder behind it may bring the rest.
_ENTITY = re.compile(r"&#?\w*(?:;|\{\{)")
_ANGLED = re.compile(r"<(?=[^\s<>]*(?:[:@]|\{\{))[^\s<>]*(?:>|\{\{)")
# What may stand before a value that begins its line all the same.
_BEFORE = re.compile(r"(?:\{\{[^{}]*\}\}|[\s>#*+=.)-]|\d)*")
_BEGINS = re.compile(r"(?:[-+*]|#{1,6}|\d{1,9}[.)])(?=\s|$)")
_IN_ADDRESS = re.compile(r"\]\([^)\s]*$")


def is_in_address(before: str) -> bool:
    """Whether what stands before it leaves a value inside the address of a link, where other rules hold."""
    return _IN_ADDRESS.search(before) is not None


def escaped(value: str, before: str, after: str, whole: str, *, is_address: bool = False) -> str:
    """The value (one line) between these two parts of a text, so that it is shown as just these characters.

    `whole` is the text with all its values as they are. An address of the page may become a link.
    """
    marks = _marks(value, before[-1:], after[:1], whole)
    marks |= _brackets(value, after[:1]) | _special(value, after)
    if not is_address:
        marks |= {found.end() for found in _ADDRESS.finditer(value)}
    if before.endswith(("]", "}")) and value.startswith("("):
        marks.add(0)
    line = before.rpartition("\n")[2]
    if line.lstrip().startswith("#"):  # a heading, whose closing signs are no words of it
        marks |= {at for at, character in enumerate(value) if character == "#"}
    opening = _BEGINS.match(value)
    if opening and _BEFORE.fullmatch(line):
        marks.add(opening.end() - 1 if value[0].isdigit() else 0)
    return "".join(f"\\{character}" if at in marks else character for at, character in enumerate(value))


def _marks(value: str, previous: str, following: str, whole: str) -> set[int]:
    """The places of `*`, `_`, `~` and backticks that could open or close something."""
    found: set[int] = set()
    for run in re.finditer(r"(.)\1*", value):
        mark = run[1]
        if mark not in _PAIRED or whole.count(mark) == 1:
            continue
        left = value[run.start() - 1] if run.start() else previous
        right = value[run.end()] if run.end() < len(value) else following
        if not _is_idle(mark, len(run[0]), left, right):
            found |= set(range(run.start(), run.end()))
    return found


def _is_idle(mark: str, length: int, left: str, right: str) -> bool:
    if left == "}" or right == "{":
        return False
    if mark == "_":
        return left.isalnum() and right.isalnum()
    if mark == "~":
        return length == 1 and mark not in (left, right)
    return mark == "*" and left.isspace() and right.isspace()


def _brackets(value: str, following: str) -> set[int]:
    """Those that are no pair, or could be the label of a link."""
    kept: set[int] = set()
    for pair in _BRACKETED.finditer(value):
        if pair.end() < len(value) or following not in ("(", "{"):
            kept |= {pair.start(), pair.end() - 1}
    return {at for at, character in enumerate(value) if character in "[]"} - kept


def _special(value: str, after: str) -> set[int]:
    """Signs that begin an entity, an address in angle brackets, or escape what follows them."""
    text, found = value + after, set()
    for at, character in enumerate(value):
        if character == "\\":
            is_plain = value[at + 1 : at + 2].isalnum() or value[at + 1 : at + 2].isspace()
        elif character == "&":
            is_plain = not _ENTITY.match(text, at)
        elif character == "<":
            is_plain = not _ANGLED.match(text, at)
        else:
            continue
        if not is_plain:
            found.add(at)
    return found
