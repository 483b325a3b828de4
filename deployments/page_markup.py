"""The tags of a page in the order in which a browser meets them, with the text of its scripts.

Written out, because the page is a stranger's: a parser that builds a tree takes hours over some small ones (html5lib
over a megabyte of open elements). This reads each character about once, and knows as much of HTML as is needed to tell
a script that runs from one in a comment, a `<noscript>`, a `<template>` or a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape

from convoship.lib.outbound import charsets

# What may stand in a page's head; any other element ends it.
_OF_HEAD = frozenset(
    ["html", "head", "base", "basefont", "bgsound", "link", "meta", "title", "noscript", "noframes", "style", "script"]
)
# Elements whose content is text to a browser that runs scripts.
_OF_TEXT = frozenset(["textarea", "title", "style", "xmp", "iframe", "noembed", "noframes", "noscript"])
_SPACE = "\t\n\f\r "
_NAME = re.compile(r"[a-zA-Z][^\t\n\f\r />]*")
_ATTRIBUTE = re.compile(
    r"[\t\n\f\r /]*([^\t\n\f\r />=][^\t\n\f\r />=]*)"
    r"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)\"|'([^']*)'|([^\t\n\f\r >]*)))?"
)


@dataclass(frozen=True)
class Tag:
    """A start tag; names in lower case. `text` is a script's."""

    name: str
    attributes: Mapping[str, str]
    is_in_head: bool
    text: str = ""


def decoded(body: bytes, header: str) -> str:
    """The page's text: by its mark, the `Content-Type` header, its own word in its first kilobyte, or as UTF-8."""
    if body.startswith(b"\xef\xbb\xbf"):
        return body[3:].decode("utf-8", "replace")
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    named = charsets.named_in(header) or charsets.named_in(body[:1024].decode("latin-1"))
    return body.decode(named or "utf-8", "replace")


def tags(text: str) -> Iterator[Tag]:
    """The page's start tags, without those in a `<template>`, which stand for nothing yet."""
    at, in_head, templates = 0, True, 0
    while (at := text.find("<", at)) >= 0:
        if text.startswith("<!--", at):
            at = _after(text, "-->", at + 4)
        elif text.startswith(("<!", "<?"), at):
            at = _after(text, ">", at)
        elif text.startswith("</", at):
            closed = _NAME.match(text, at + 2)
            if closed:
                in_head = in_head and closed[0].lower() != "head"
                templates -= bool(templates and closed[0].lower() == "template")
            at = _after(text, ">", at)
        elif named := _NAME.match(text, at + 1):
            name = named[0].lower()
            attributes, at = _attributes(text, named.end())
            in_head = in_head and (name in _OF_HEAD or templates > 0 or name == "template")
            inner = ""
            if name == "script" or name in _OF_TEXT:
                end = re.compile(rf"</{name}(?=[{_SPACE}/>])", re.IGNORECASE).search(text, at)
                if end is None:
                    return  # all that follows is its text, and a script that isn't closed is not run
                inner, at = text[at : end.start()], end.start()
            elif name == "plaintext":
                return
            if not templates:
                yield Tag(name, attributes, in_head, inner if name == "script" else "")
            templates += name == "template"
        else:
            at += 1


def _after(text: str, end: str, start: int) -> int:
    found = text.find(end, start)
    return len(text) if found < 0 else found + len(end)


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes from here, the first of a name counting, and where the tag ends."""
    found: dict[str, str] = {}
    while match := _ATTRIBUTE.match(text, at):
        value = next((part for part in match.groups()[1:] if part is not None), "")
        found.setdefault(match[1].lower(), unescape(value))
        at = match.end()
    return found, _after(text, ">", at)
