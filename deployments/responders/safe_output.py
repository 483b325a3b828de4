"""What a model writes, made fit to be shown while it is still being written.

A model repeats what strangers told it, so that its links may be anybody's. Where they lead is said beside each:
`[our offer](https://evil.example/x)` becomes `[our offer (evil.example)](https://evil.example/x)`, an address of mail
and a number to call likewise, and a picture, which would be fetched without a tap and tell its host of it, becomes such
a link. What can't be stored or would turn the reading direction is taken out. Markdown beyond the small subset is the
renderers' to refuse (`safe_text`, the widget).

No two readers of Markdown agree on what a link is: brackets in code or after a backslash, titles, addresses with
entities. So nothing here depends on where a label begins. Wherever a label may end and an address begin, `](`, either
the address is of a plain form, and what it leads to stands right before; or the two are taken apart, `] (`, so that no
reader leads anywhere. An address that is let through holds no character of which another reader may make a further link
or an early end: such characters are percent-encoded, or have the two taken apart.

What is held back is an address that isn't whole yet (or the words of a picture), so that every split of a text gives
the same text. Each character is looked at a bounded number of times, however many brackets there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from convoship.lib.outbound.places import host_of
from deployments.pieces import Pieces

# From a label's end to that of its link, title and all; and the words of a picture.
LONGEST_LINK, LONGEST_WORDS = 2_100, 600
MOST_SPACE = 50
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
# A label's end, with the address behind it or below the text (a reference's), and a picture's beginning.
_MARK = re.compile(r"\](?:[(:]|\Z)|!(?:\[|\Z)")
_WORDS = re.compile(rf"[^\[\]]{{0,{LONGEST_WORDS}}}")
_SPACES = re.compile(r"[\s<]*")
# What leads out of the page, as such or in a renderer's escapes; and what may become that.
_LEADS = re.compile(r"(?:https?|mailto|tel):|[a-z]{0,6}[&\\]|/[/\\]", re.IGNORECASE)
_MAY_LEAD = re.compile(r"(?:[a-z]{0,6}|/)\Z", re.IGNORECASE)
# CommonMark 6.3 without its rarer forms.
_ADDRESS = r"(?:[^\s<>()\[\]`\\\"']|\([^\s<>()\[\]`\\\"']*\))"
_TITLE = r"(?:\"[^\"\[\]]*\"|'[^'\[\]]*'|\([^()\[\]]*\))"
_LINK = re.compile(rf"[ \t\n]*+(?:<({_ADDRESS}++)>|({_ADDRESS}++))(?:[ \t\n]++{_TITLE})?[ \t\n]*+\)")
_HALF_LINK = re.compile(
    rf"[ \t\n]*+<?{_ADDRESS}*+"
    r"(?:\([^\s<>()\[\]`\\\"']*\Z|\Z|>?(?:\Z|[ \t\n]++(?:\Z|\"[^\"\[\]]*\Z|'[^'\[\]]*\Z|\([^()\[\]]*\Z"
    rf"|{_TITLE}[ \t\n]*\Z)))"
)
# A renderer may read another host than we do where these stand in the part that says it.
_TWO_HOSTS = re.compile(r"https?://[^/?#]*[&\\]", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9._:-]+", re.IGNORECASE)
_MAILBOX = re.compile(r"[\w.+%-]+@[\w.-]+", re.ASCII)
_NUMBER = re.compile(r"\+?[0-9][0-9.-]{1,40}", re.ASCII)
_WRITTEN_NUMBER = re.compile(r"[0-9+ ()./-]+", re.ASCII)
# Who else gets the mail would stand in others.
_OF_A_MAIL = {"subject", "body"}
_ENCODED = str.maketrans({mark: f"%{ord(mark):02X}" for mark in "()*!|{}^~"})


@dataclass(frozen=True)
class _Link:
    address: str
    target: str
    end: int


class _Unfinished(Exception):
    """What is there so far may still become a link."""


class _Elsewhere(Exception):
    """Not read as a link here, and maybe by others."""


class SafeOutput:
    """One message, from its first piece to its last: what `take` and `rest` give together is the whole of it."""

    def __init__(self) -> None:
        self._held = ""
        self._pieces = Pieces()
        self._last = ""  # of what was shown: the label whose address comes next is in it

    def take(self, piece: str) -> str:
        """What may be shown now; the rest is held back."""
        self._held += _UNWANTED.sub("", self._pieces.take(_UNWANTED.sub("", piece)))
        return self._settled(is_whole=False)

    def rest(self) -> str:
        """What was held back, when nothing more comes."""
        self._held += self._pieces.rest()
        return self._settled(is_whole=True)

    def _settled(self, *, is_whole: bool) -> str:
        text, at = self._held, 0
        shown: list[str] = []

        def show(part: str) -> None:
            shown.append(part)
            self._last = (self._last + part[-LONGEST_WORDS:])[-LONGEST_WORDS:]

        while (mark := _MARK.search(text, at)) is not None:
            show(text[at : mark.start()])
            at = mark.start()
            try:
                if text[at] == "]":
                    part, at = _of_label(text, at, self._last, is_whole=is_whole)
                else:
                    part, at = _of_picture(text, at, is_whole=is_whole)
            except _Unfinished:
                self._held = text[at:]
                return "".join(shown)
            show(part)
        show(text[at:])
        self._held = ""
        return "".join(shown)


def disclosed(text: str) -> str:
    """A whole text at once."""
    output = SafeOutput()
    return output.take(text) + output.rest()


def shown_target(address: str) -> str:
    """What is said beside a link: the host, the mailboxes or the number it leads to; "" where that can't be said."""
    scheme, _, rest = address.partition(":")
    match scheme.lower():
        case "http" | "https" if rest.startswith("//") and not _TWO_HOSTS.match(address):
            host = host_of(address)
            return host if _HOST.fullmatch(host) else ""
        case "mailto":
            mailbox, _, more = rest.partition("?")
            names = {part.partition("=")[0].lower() for part in more.split("&") if part}
            return mailbox if _MAILBOX.fullmatch(mailbox) and names <= _OF_A_MAIL else ""
        case "tel":
            return rest if _NUMBER.fullmatch(rest) else ""
    return ""


def _of_label(text: str, at: int, before: str, *, is_whole: bool) -> tuple[str, int]:
    """What is shown of a label's end and of what belongs to it, and where the text goes on."""
    try:
        link = _link(text, at, is_whole=is_whole)
    except _Elsewhere:
        return f"] {text[at + 1]}", at + 2
    if link is None:
        return "]", at + 1
    said = "" if _says_itself(before, link) else f" ({_plain(link.target)})"
    return f"{said}]({link.address})", link.end


def _of_picture(text: str, at: int, *, is_whole: bool) -> tuple[str, int]:
    """As `_of_label`, of an exclamation mark before a bracket."""
    closes = _WORDS.match(text, at + 2).end() if text[at + 1 : at + 2] else at + 1  # type: ignore[union-attr]
    if closes >= len(text) and closes - at < LONGEST_WORDS:
        if not is_whole:
            raise _Unfinished
        return text[at:], len(text)
    if text[closes : closes + 1] != "]":
        return "! [", at + 2
    try:
        link = _link(text, closes, is_whole=is_whole)
    except _Elsewhere:
        link = None
    if link is None:
        return "![", at + 2
    words = text[at + 2 : closes] if text[at + 2 : closes].strip() else "picture"
    return f"[{words} ({_plain(link.target)})]({link.address})", link.end


def _link(text: str, at: int, *, is_whole: bool) -> _Link | None:
    """The link whose label ends at `at`; None where nobody finds one there."""
    if at + 1 >= len(text):
        if is_whole:
            return None
        raise _Unfinished
    if text[at + 1] not in "(:":
        return None
    begins = _SPACES.match(text, at + 2, at + 2 + MOST_SPACE).end()  # type: ignore[union-attr]
    if begins == at + 2 + MOST_SPACE:
        raise _Elsewhere
    if _LEADS.match(text, begins) is None:
        if not is_whole and _MAY_LEAD.match(text, begins):
            raise _Unfinished
        return None
    if text[at + 1] == ":":
        raise _Elsewhere
    ends = at + LONGEST_LINK
    found = _LINK.match(text, at + 2, ends)
    if found is None:
        if not is_whole and len(text) < ends and _HALF_LINK.match(text, at + 2):
            raise _Unfinished
        raise _Elsewhere
    address = found[1] or found[2]
    target = shown_target(address)
    if not target:
        raise _Elsewhere
    return _Link(address.translate(_ENCODED), target, found.end())


def _plain(target: str) -> str:
    """As a reader of Markdown shows it: low lines could be read as marks."""
    return target.replace("_", "\\_")


def _says_itself(before: str, link: _Link) -> bool:
    """Whether the label that ends here is where the link leads, and nothing else."""
    label = before.rpartition("[")[2]
    if label == before or "_" in link.target:
        return False
    if link.address.lower().startswith("tel:") and _WRITTEN_NUMBER.fullmatch(label):
        return _digits(label) == _digits(link.target)
    return label in {link.target, link.address}


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)
