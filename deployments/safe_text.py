"""Text from strangers: what is taken, and how it is shown on our own pages.

`clean_text` refuses what PostgreSQL or a socket can't carry. `render_markdown` shows a message's small safe subset of
Markdown (CONTRACT 4) as HTML: bold, italic, strike, code, links, lists, line breaks. Two walls stand one behind the
other: markdown-it-py reads no HTML at all and makes no images, and nh3 lets through only the few tags and attributes
that are named here.

Sources: markdown-it-py's "zero" preset and `validateLink`, nh3 (ammonia)'s `clean`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

LONGEST_TEXT = 8_000  # code points
LARGEST_TEXT = 32 * 1024  # bytes of UTF-8

Code: TypeAlias = Literal["invalid", "payload_too_large"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINK = re.compile(r"(?:https?://[^/\s]|mailto:[^@\s]+@|tel:[+0-9(])", re.IGNORECASE)
_UNFIT_FOR_LINKS = re.compile(r"[\x00-\x20\x7f-\x9f\\\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_SCHEMES = {"http", "https", "mailto", "tel"}
_TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li"}


class TextRefused(ValueError):
    """The text can't be taken. `code` is CONTRACT 3's; `message` says what is wrong in plain words."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message


def clean_text(value: object) -> str:
    """The text with line ends as newlines; TextRefused for NUL, lone surrogates and more than can be carried."""
    if not isinstance(value, str):
        raise TextRefused("invalid", "This must be text.")
    if len(value) > LONGEST_TEXT:
        raise TextRefused(
            "payload_too_large", f"The text is too long: {len(value)} characters, at most {LONGEST_TEXT} are possible."
        )
    if "\x00" in value:
        raise TextRefused("invalid", "The text contains the character NUL, which can't be stored.")
    if _SURROGATE.search(value):
        raise TextRefused("invalid", "The text contains half of a character (a lone surrogate), which can't be stored.")
    if (size := len(value.encode())) > LARGEST_TEXT:
        raise TextRefused(
            "payload_too_large", f"The text is too large: {size} bytes of UTF-8, at most {LARGEST_TEXT} are possible."
        )
    return value.replace("\r\n", "\n").replace("\r", "\n")


def render_markdown(text: str) -> str:
    """HTML that may stand on a page as it is. Never raises for any str."""
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    return nh3.clean(
        _markdown.render(text),
        tags=_TAGS,
        attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        generic_attribute_prefixes=set(),
    )


def parsed(text: str) -> list[Token]:
    """A message's Markdown as the library's tokens, of the small subset alone. Never raises."""
    return _markdown.parse(_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text))


def spoken(text: str) -> str:
    """The words of a message without the marks of its Markdown, one line for each of its lines. Never raises.

    Links are said by their text, and items of numbered lists with their number.
    """
    lines = [_line(token) for token in parsed(text)]
    return "\n".join(line for line in "".join(lines).splitlines() if line.strip())


def _line(token: Token) -> str:
    match token.type:
        case "inline":
            return "".join(_word(child) for child in token.children or ()) + "\n"
        case "fence" | "code_block":
            return token.content.rstrip("\n") + "\n"
        case "list_item_open" if token.info:
            return f"{token.info}{token.markup} "
    return ""


def _word(token: Token) -> str:
    if token.type in {"softbreak", "hardbreak"}:
        return "\n"
    return token.content if token.type in {"text", "text_special", "code_inline"} else ""


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802, the library's name
        return _LINK.match(url) is not None and not _UNFIT_FOR_LINKS.search(url)


class _Renderer(RendererHTML):
    """A heading is a bold line: a message must not join the page's outline."""

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "<p><strong>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</strong></p>\n"


def _made() -> MarkdownIt:
    options: dict[str, Any] = {"html": False, "linkify": False, "typographer": False, "breaks": True, "maxNesting": 20}
    markdown = _Markdown("zero", options, renderer_cls=_Renderer)
    markdown.enable(["emphasis", "strikethrough", "backticks", "fence", "heading", "link", "autolink", "list"])
    markdown.enable(["newline", "escape", "entity", "balance_pairs", "fragments_join"], ignoreInvalid=True)
    return markdown


_markdown = _made()
