"""What a model writes, made fit to be shown while it is still being written.

A model repeats what strangers told it, so that its links may be anybody's. Where they lead is said beside each:
`[our offer](https://evil.example/x)` becomes `[our offer (evil.example)](https://evil.example/x)`, and a picture, which
would be fetched without a tap and tell its host of it, becomes such a link. What can't be stored or would turn the
reading direction is taken out. Markdown beyond the small subset is the renderers' to refuse (`safe_text`, the widget).

No two readers of Markdown agree on what a link is: brackets in code or after a backslash, titles, addresses with
entities. What isn't read as one here, and may be elsewhere, is taken apart between its label and its address, so that
no renderer leads anywhere without saying where.

A piece that may be the beginning of a link is held back until it is one or is none, so that every split of a text
gives the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from convoship.lib.outbound.places import host_of

LONGEST_LABEL, LONGEST_ADDRESS = 600, 2_100
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_BEGINNING = re.compile(r"!?\[")
_WEB = re.compile(r"https?://", re.IGNORECASE)
# A renderer may read another host than we do where these stand in the part that says it.
_TWO_HOSTS = re.compile(r"https?://[^/?#]*[&\\\\]", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9._:-]+", re.IGNORECASE)
MOST_SPACE = 50
# A label's end and an address that may be the web's, as such or in a renderer's escapes; and what may become that.
_PAIR = re.compile(rf"\]\((?=[\s<]{{{MOST_SPACE}}}|[\s<]*[hH&\\])")
_HALF_PAIR = re.compile(rf"(?:\](?:\([\s<]{{0,{MOST_SPACE - 1}}})?|!)\Z")
_SPACE = " \t\n"
_QUOTES = {'"': '"', "'": "'", "(": ")"}


@dataclass(frozen=True)
class _Link:
    label: str
    address: str
    end: int


class _Unfinished(Exception):
    """What is there so far may still become a link."""


class SafeOutput:
    """One message, from its first piece to its last: what `take` and `rest` give together is the whole of it."""

    def __init__(self) -> None:
        self._held = ""
        self._half = ""  # the first half of a character that was cut in two

    def take(self, piece: str) -> str:
        """What may be shown now; the rest is held back."""
        piece = self._half + piece
        self._half = ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        self._held += _clean(piece)
        shown, self._held = _disclosed(self._held, is_whole=False)
        return shown

    def rest(self) -> str:
        """What was held back, when nothing more comes."""
        shown, self._held, self._half = _disclosed(self._held, is_whole=True)[0], "", ""
        return shown


def disclosed(text: str) -> str:
    """A whole text at once."""
    output = SafeOutput()
    return output.take(text) + output.rest()


def _clean(text: str) -> str:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _UNWANTED.sub("", whole.replace("\r\n", "\n"))


def _disclosed(text: str, *, is_whole: bool) -> tuple[str, str]:
    """(what is settled, what may still become something else)."""
    done, at = [], 0
    while (begins := _BEGINNING.search(text, at)) is not None:
        start, bracket = begins.start(), begins.end() - 1
        done.append(_apart(text[at:start]))
        try:
            link = _link_at(text, bracket)
        except _Unfinished:
            if not is_whole:
                return "".join(done), text[start:]
            link = None
        if link is None:
            done.append(text[start : bracket + 1])
            at = bracket + 1
        else:
            done.append(_said(link, is_picture=bracket > start))
            at = link.end
    left, held = text[at:], ""
    if not is_whole and (half := _HALF_PAIR.search(left)) is not None:
        left, held = left[: half.start()], left[half.start() :]
    return "".join(done) + _apart(left), held


def _apart(text: str) -> str:
    """Text without a link of ours: nobody else is to find one in it."""
    return _PAIR.sub("] (", text)


def _said(link: _Link, *, is_picture: bool) -> str:
    label = disclosed(link.label)
    host = host_of(link.address)
    if not _HOST.fullmatch(host):
        return f"{label} {link.address}"
    if is_picture and not label.strip():
        label = "picture"
    if label.strip() in {host, link.address}:
        return f"[{label}]({link.address})"
    return f"[{label} ({host})]({link.address})"


def _link_at(text: str, bracket: int) -> _Link | None:
    """The inline link to the web that begins here, None where it is none; CommonMark 6.3 without its rarer forms."""
    close = _closing(text, bracket, "[", "]", LONGEST_LABEL)
    if close is None:
        return None
    opening = _char(text, close + 1)
    if opening != "(":
        return None
    at = _skip(text, close + 2)
    if _char(text, at) == "<":
        end = _closing(text, at, "<", ">", LONGEST_ADDRESS)
        if end is None:
            return None
        address, at = text[at + 1 : end], end + 1
    else:
        begins = at
        at = _address_end(text, at)
        address = text[begins:at]
    at = _skip(text, at)
    if _char(text, at) in _QUOTES:
        end = _closing(text, at, "", _QUOTES[text[at]], LONGEST_LABEL)
        if end is None:
            return None
        at = _skip(text, end + 1)
    if _char(text, at) != ")" or not _WEB.match(address) or _TWO_HOSTS.match(address):
        return None
    return _Link(text[bracket + 1 : close], address, at + 1)


def _char(text: str, at: int) -> str:
    if at >= len(text):
        raise _Unfinished
    return text[at]


def _skip(text: str, at: int) -> int:
    while _char(text, at) in _SPACE:
        at += 1
    return at


def _closing(text: str, at: int, opens: str, closes: str, most: int) -> int | None:
    """Where what opened here is closed; None where it isn't within its paragraph, or not soon enough."""
    depth, begins = 1, at
    while True:
        at += 1
        character = _char(text, at)
        if at - begins > most or (character == "\n" and text[at - 1] == "\n"):
            return None
        if character == "\\":
            at += 1
        elif character == closes:
            depth -= 1
            if not depth:
                return at
        elif character == opens:
            depth += 1


def _address_end(text: str, at: int) -> int:
    depth, begins = 0, at
    while True:
        character = _char(text, at)
        if character in _SPACE or (character == ")" and not depth) or at - begins > LONGEST_ADDRESS:
            return at
        depth += {"(": 1, ")": -1}.get(character, 0)
        at += 1
