"""A message in the form of a channel that has no Markdown: SMS and plain text, WhatsApp, speech. Pure.

What is stored is Markdown, as it was streamed or typed (CONTRACT 4), whoever wrote it. `written` is plain text. `said`
is what a voice says: no marks, lines that end as sentences do, links by their host. `whatsapp` gives that channel's own
marks. Its text stays movable until it has been cut to length, for a mark must be closed where a text is cut and opened
anew after it; `in_whatsapp` does that, and sees that no star or underscore of a name or a sum becomes a mark.

WhatsApp's marks: faq.whatsapp.com/539178204879377 ("How to format your messages"), twilio.com/docs/whatsapp/message-
features. They stand around words, within a line, with no space inside; there is no way to write one that is none, so
one that would be read as such has a hair space after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import ClassVar

from markdown_it.token import Token

from convoship.lib.outbound.places import host_of
from deployments.responders.safe_output import shown_target
from deployments.safe_text import parsed

_GAPS = re.compile(r"\n{3,}")
_SCHEME = re.compile("^(?:mailto|tel):", re.IGNORECASE)
_PAIRED = {"strong", "em", "s", "link"}


def written(text: str) -> str:
    """Plain words. Never raises.

    Between paragraphs an empty line, before items a dash or their number, after a link's text its address.
    """
    return _Plain().of(text)


def said(text: str) -> str:
    """What a voice says. Never raises.

    Addresses are said by their host, and pictographs not at all. A line ends as a sentence where another one follows:
    nobody hears where a line ends.
    """
    return in_sentences(_Said().of(text))


def in_sentences(text: str) -> str:
    """Words whose lines end as sentences do, where another one follows."""
    lines = [line for line in text.splitlines() if line.strip()]
    whole = [ended(line) for line, _ in pairwise(lines)]
    return "\n".join([*whole, *lines[-1:]])


def whatsapp(text: str) -> str:
    """Words with WhatsApp's marks, each still a character that no text has: for `in_whatsapp`. Never raises."""
    return _WhatsApp().of(text.translate(_NO_MARKS))


def in_whatsapp(pieces: Iterable[str]) -> list[str]:
    """The pieces of a text, in order, as they are sent: every mark that WhatsApp would take, and no other. Pure."""
    settled, opened = [], ""
    for piece in pieces:
        piece = opened + piece
        opened = ""
        for character in piece:
            if character in _CLOSES:
                opened += character
            elif opened and character == _CLOSES[opened[-1]]:
                opened = opened[:-1]
        settled.append(_settled(piece + "".join(_CLOSES[mark] for mark in reversed(opened))))
    return settled


# --- Plain ------------------------------------------------------------------------------------------------------------


class _Plain:
    """Blocks as lines; subclasses say what becomes of what is marked."""

    def of(self, text: str) -> str:
        parts, is_heading = [], False
        for token in parsed(text):
            match token.type:
                case "inline":
                    words = self.line(token.children or ())
                    parts.append((self.marked("strong", words) if is_heading else words) + "\n")
                case "fence" | "code_block":
                    parts.append(self.block(token.content.rstrip("\n")) + "\n\n")
                case "list_item_open":
                    parts.append(f"{token.info}{token.markup} " if token.info else self.bullet)
                case "heading_open":
                    is_heading = True
                case "paragraph_close" | "heading_close" if not token.hidden:
                    is_heading = False
                    parts.append("\n")
                case "bullet_list_close" | "ordered_list_close" if not token.level:
                    parts.append("\n")
        return _GAPS.sub("\n\n", "".join(parts)).strip()

    bullet: ClassVar[str] = "- "

    def line(self, children: Sequence[Token]) -> str:
        """The words of a paragraph."""
        open_: list[tuple[str, str]] = []
        words = [""]
        for place, token in enumerate(children):
            kind, _, side = token.type.rpartition("_")
            if kind in _PAIRED and side == "open":
                open_.append((kind, str(token.attrs.get("href", ""))))
                words.append("")
            elif kind in _PAIRED and side == "close" and open_:
                kind, address = open_.pop()
                inner = words.pop()
                if kind == "link":
                    words[-1] += self.linked(inner, address)
                elif _is_meant(words[-1], token, children[place + 1 : place + 2]):
                    words[-1] += f"{token.markup}{inner}{token.markup}"
                else:
                    words[-1] += self.marked(kind, inner)
            elif token.type in {"softbreak", "hardbreak"}:
                words[-1] += "\n"
            elif token.type == "code_inline":
                words[-1] += self.code(token.content)
            elif token.type in {"text", "text_special"}:
                words[-1] += self.words(token.content)
        return "".join(words)

    def words(self, text: str) -> str:
        return text

    def marked(self, kind: str, words: str) -> str:
        return words

    def code(self, words: str) -> str:
        return words

    def block(self, words: str) -> str:
        return words

    def linked(self, words: str, address: str) -> str:
        """A link: its text, and where it leads."""
        words = _SCHEME.sub("", _without_target(words, address))
        address = _SCHEME.sub("", address)
        return words if words == address else f"{words} ({address})" if words else address


def _is_meant(before: str, closes: Token, following: Sequence[Token]) -> bool:
    """Whether marks are rather what they look like: of an address, which must stay whole, or of a product, 2*3*4."""
    if "://" in re.split(r"\s", before)[-1]:
        return True
    after = following[0].content if following else ""
    return closes.markup == "*" and before[-1:].isalnum() and after[:1].isalnum()


def _without_target(words: str, address: str) -> str:
    """A link's text without what `safe_output` puts beside it, host, mailbox or number: the address itself is there."""
    target = shown_target(address)
    shown = f" ({target})"
    return words[: -len(shown)] if target and words.casefold().endswith(shown.casefold()) else words


# --- Speech -----------------------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)
_PICTOGRAPHS = re.compile("(?:[\U0001f000-\U0001faff\u2600-\u27bf][\ufe0f\u200d\u20e3]*)+")
_CHINESE_OR_JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]$")


class _Said(_Plain):
    bullet = ""

    def words(self, text: str) -> str:
        text = _ADDRESS.sub(lambda found: said_address(found[0]), _PICTOGRAPHS.sub("", text))
        return re.sub(r" {2,}", " ", text)

    def linked(self, words: str, address: str) -> str:
        if not _ADDRESS.match(address):
            alone = _without_target(words, address)
            return _SCHEME.sub("", words if alone == words else f"{alone}, {shown_target(address)}")
        host = said_address(address)
        words = words.strip()
        if host.casefold() in words.casefold():
            return re.sub(rf"\s*\((?:www\.)?{re.escape(host)}\)$", f", {host}", words, flags=re.IGNORECASE)
        return f"{words}, {host}" if words else host


def said_address(address: str) -> str:
    """The host of a web address, and what of a sentence stood behind it."""
    bare = address.rstrip(".,;:!?)]}'\"\u2019\u201d")
    return host_of(bare).removeprefix("www.") + address[len(bare) :]


def ended(line: str) -> str:
    """A line that ends as a sentence does. It isn't empty."""
    line = line.rstrip()
    if not line[-1].isalnum() and line[-1] not in ")]}\u201d\u2019\"'%":
        return line
    return line + ("\u3002" if _CHINESE_OR_JAPANESE.search(line) else ".")


# --- WhatsApp ---------------------------------------------------------------------------------------------------------

# Noncharacters, which no text that is exchanged has (Unicode 23.7): a mark that opens, and one that closes.
_OPENS = {"strong": "\ufdd0", "em": "\ufdd2", "s": "\ufdd4", "code": "\ufdd6", "block": "\ufdd8"}
_CLOSES = {mark: chr(ord(mark) + 1) for mark in _OPENS.values()}
_SHOWN = {"strong": "*", "em": "_", "s": "~", "code": "`", "block": "```"}
_AS = {mark: _SHOWN[kind] for kind, opens in _OPENS.items() for mark in (opens, _CLOSES[opens])}
_NO_MARKS = dict.fromkeys(range(0xFDD0, 0xFDDA))
_HAIR_SPACE = "\u200a"
_BLOCK = re.compile(f"({_OPENS['block']}[^{_CLOSES[_OPENS['block']]}]*{_CLOSES[_OPENS['block']]})")
_IN_LINE = re.compile(f"[{''.join(mark + _CLOSES[mark] for mark in _OPENS.values())}]")


class _WhatsApp(_Plain):
    def marked(self, kind: str, words: str) -> str:
        opens = _OPENS[kind]
        # What is marked twice is marked once, and no mark reaches over the end of a line.
        words = words.replace(opens, "").replace(_CLOSES[opens], "")
        return "\n".join(f"{opens}{line}{_CLOSES[opens]}" if line else "" for line in words.split("\n"))

    def code(self, words: str) -> str:
        return words if "`" in words else f"{_OPENS['code']}{words}{_CLOSES[_OPENS['code']]}"

    def block(self, words: str) -> str:
        if not words.strip() or "```" in words:
            return words
        return f"{_OPENS['block']}{words}{_CLOSES[_OPENS['block']]}"


def _settled(piece: str) -> str:
    """A piece with its marks as WhatsApp reads them."""
    parts = []
    for part in _BLOCK.split(piece):
        if _BLOCK.fullmatch(part):
            inner = _IN_LINE.sub("", part).strip("\n")
            parts.append(f"```{inner}```" if inner.strip() else inner)
        else:
            parts.append("\n".join(_line(line) for line in part.split("\n")))
    return "".join(parts)


def _line(line: str) -> str:
    """One line, character by character: `(what is shown, whether it is a mark, whether it stands in code)`."""
    cells = list(line)
    for opens, at, end in _pairs(line):
        if not _is_taken(line, at, end, _AS[opens]):
            cells[at] = cells[end] = ""
    kept = [(_AS.get(cell, cell), cell in _AS, cell in _CLOSES) for cell in cells if cell]
    shown = "".join(one for one, _, _ in kept)
    if not any(mark in shown for mark in "*_~`"):
        return shown
    return _defused(kept)


def _pairs(line: str) -> list[tuple[str, int, int]]:
    found, opened = [], []
    for at, character in enumerate(line):
        if character in _CLOSES:
            opened.append((character, at))
        elif character in _AS and opened and character == _CLOSES[opened[-1][0]]:
            opens, began = opened.pop()
            found.append((opens, began, at))
    # (A mark without its other half can't be: pieces are closed and opened anew.)
    return found


def _is_taken(line: str, at: int, end: int, mark: str) -> bool:
    """Whether WhatsApp takes marks here: at the bounds of words, around words, with none of its own kind inside."""
    before = _IN_LINE.sub("", line[:at])[-1:]
    after = _IN_LINE.sub("", line[end + 1 :])[:1]
    inner = _IN_LINE.sub("", line[at + 1 : end])
    return (
        (not before or before.isspace())
        and not after.isalnum()
        and bool(inner)
        and not inner[0].isspace()
        and not inner[-1].isspace()
        and mark not in inner
    )


def _defused(kept: Sequence[tuple[str, bool, bool]]) -> str:
    """The line, with a hair space after each character that would open a mark and is none."""
    shown = [one for one, _, _ in kept]
    out: list[str] = []
    ends_at = -1  # of the code under way
    for at, (one, is_mark, opens) in enumerate(kept):
        out.append(one)
        if is_mark and opens and one == "`":
            ends_at = next(place for place in range(at + 1, len(kept)) if kept[place][:2] == ("`", True))
        if is_mark or at <= ends_at or one not in "*_~`" or _in_address(shown, at):
            continue
        before, after = "".join(shown[max(0, at - 1) : at]), shown[at + 1] if at + 1 < len(shown) else ""
        may_open = (one == "`" or not before.isalnum()) and after and not after.isspace()
        if may_open and any(_may_close(shown, place, one) for place in range(at + 2, len(shown))):
            out.append(_HAIR_SPACE)
    return "".join(out)


def _may_close(shown: Sequence[str], at: int, mark: str) -> bool:
    after = shown[at + 1][:1] if at + 1 < len(shown) else ""
    return shown[at] == mark and not shown[at - 1].isspace() and (mark == "`" or not after.isalnum())


def _in_address(shown: Sequence[str], at: int) -> bool:
    """Whether this stands in an address, which must stay as it is."""
    begins = at
    while begins and not shown[begins - 1].isspace():
        begins -= 1
    return "://" in "".join(shown[begins:at])
