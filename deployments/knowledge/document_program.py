"""The program that reads one document: run by `parsing` in a process of its own, for it reads what strangers wrote.

A few bytes can ask a parser for minutes and gigabytes, and a parser may have faults: so this process may take little of
either, is given no secret (its environment is empty), writes no file, runs no macro, and imports nothing of ours.

Standard input: the document. Arguments: its form (one of FORMS), the most seconds of processor time, the most bytes of
memory, the most characters of text. Standard output: JSON `{title, language, blocks: [[level, text]], is_cut,
is_noindex}`, where a block of level 1 to 6 is a heading and 0 a paragraph; of a sitemap `{urls: [..], sitemaps: [..]}`;
or, where the exit code is REFUSED, `{reason, remedy}` in plain words.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

FORMS = ("html", "markdown", "plain", "pdf", "docx", "sitemap")
REFUSED = 3
MOST_BLOCKS = 40_000
MOST_NODES = 400_000
MOST_PAGES = 1_000  # of a PDF
MOST_UNPACKED = 60 * 1024 * 1024
MOST_PARTS = 3_000  # of an archive
MOST_URLS = 50_000  # of one sitemap (sitemaps.org)
LONGEST_TITLE = 300

_IN_BROWSER = "Open it in another program and save it anew, or paste its text."
_SPACES = re.compile(r"[^\S\n]+")
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff\u200b\u2060\ufeff\u00ad]")

Block = tuple[int, str]


class Refused(Exception):
    """Not a document that can be read: why, and what to do, in plain words."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def bound(seconds: int, memory: int) -> None:
    """Take no more than this, whatever the document asks for."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS has the name of this limit, and refuses every value.
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


class Found:
    """What a document says, up to so many characters."""

    def __init__(self, most: int) -> None:
        self.blocks: list[Block] = []
        self.title = self.language = ""
        self.left = most
        self.is_cut = self.is_noindex = False

    def add(self, level: int, text: str) -> None:
        """One block; nothing where it is empty or there is no room left."""
        tidy = "\n".join(line for part in text.split("\n") if (line := clean(part)))
        if not tidy or self.is_cut:
            return
        if len(tidy) > self.left or len(self.blocks) >= MOST_BLOCKS:
            self.is_cut = True
            tidy = tidy[: self.left] if len(self.blocks) < MOST_BLOCKS else ""
            if not tidy:
                return
        self.left -= len(tidy)
        self.blocks.append((level, tidy[:LONGEST_TITLE] if level else tidy))

    def as_json(self) -> dict[str, Any]:
        """For standard output."""
        if not any(text for _, text in self.blocks):
            raise Refused("There is no text in it.", "Check that it says something, or paste the text itself.")
        first = next((text for level, text in self.blocks if level), "")
        return {
            "title": (clean(self.title) or first)[:LONGEST_TITLE],
            "language": self.language[:20],
            "blocks": self.blocks,
            "is_cut": self.is_cut,
            "is_noindex": self.is_noindex,
        }


# What programs write as a title of their own accord: a template's name, or a file's that it once was made of.
_UNTELLING = re.compile(
    r"(word document|(untitled|unbenannt|document|dokument|presentation|slide)[\s_-]*\d*|microsoft \w+ - .*|"
    r".*\.(html?|docx?|odt|rtf|txt|md|pdf|pptx?|xlsx?|indd|tmp|tex|dvi))",
    re.IGNORECASE,
)


def telling(title: str) -> str:
    """The title that a file says it has, where it tells anything; "" otherwise."""
    tidy = clean(title)
    return "" if _UNTELLING.fullmatch(tidy) else tidy


def clean(text: str) -> str:
    """One line without what can't be stored or isn't seen."""
    return _SPACES.sub(" ", _UNFIT.sub("", text.replace("\n", " "))).strip()


# --- HTML -----------------------------------------------------------------------------------------------------------

# Not part of what a page says: what it is made of, and what stands around the words on every page of a site.
_DROPPED = frozenset(
    {"script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "video", "audio", "head"}
    | {"nav", "aside", "form", "button", "select", "input", "textarea", "dialog", "footer", "menu"}
)
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "complementary", "menu"})
_ENDING = frozenset(
    {"p", "div", "section", "article", "main", "header", "ul", "ol", "dl", "dd", "blockquote", "figure", "figcaption"}
    | {"table", "details", "address", "hr", "fieldset", "body", "html", "center"}
)
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6, "summary": 5, "dt": 5, "caption": 6}
_LEAST_MAIN = 200  # characters: a main part with less is a frame, and the words are elsewhere


def read_html(content: bytes, found: Found) -> None:
    """A page's own words, in order."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(content.decode("utf-8", errors="replace"))
    root = tree.body or tree.root
    if root is None:
        return
    if (html := tree.css_first("html")) is not None:
        found.language = html.attributes.get("lang") or ""
    for robots in tree.css('meta[name="robots" i]')[:5]:
        found.is_noindex |= "noindex" in (robots.attributes.get("content") or "").lower()
    title = tree.css_first("head title") or tree.css_first("title")
    found.title = clean(title.text()[:2000]) if title is not None else ""
    main = _main_of(tree)
    if main is not None:
        inside = Found(found.left)
        _walk(main, inside)
        if inside.is_cut or sum(len(text) for _, text in inside.blocks) >= _LEAST_MAIN:
            found.blocks, found.left, found.is_cut = inside.blocks, inside.left, inside.is_cut
    if not found.blocks:
        _walk(root, found)
    # What stands before everything is the page's name; a title has the site's beside it.
    if (heading := next((text for level, text in found.blocks if level == 1), "")) and len(heading) > 2:
        found.title = heading


def _main_of(tree: Any) -> Any:
    for selector in ("main", '[role="main"]', "article"):
        places = tree.css(selector)
        if len(places) == 1:
            return places[0]
    return None


def _is_dropped(node: Any, tag: str) -> bool:
    if tag in _DROPPED:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    hidden = "hidden" in attributes or attributes.get("aria-hidden") == "true"
    return hidden or (attributes.get("role") or "").lower() in _ROLES


def _walk(root: Any, found: Found) -> None:
    """All below a node, without recursion: tags may be nested as deep as somebody likes."""
    words: list[str] = []
    level = 0

    def flush() -> None:
        found.add(level, "".join(words))
        words.clear()

    # (node, None) is to be entered; (None, tag) is the end of an element.
    stack: list[tuple[Any, str | None]] = [(root, None)]
    seen = 0
    while stack and not found.is_cut:
        node, ended = stack.pop()
        if node is None:
            if ended in _HEADINGS:
                flush()
                level = 0
            elif ended in {"td", "th"}:
                words.append(" | ")
            elif ended == "li":
                words.append("\n")
            elif ended == "tr":
                while words and words[-1] in {" | ", " ", "\n"}:
                    words.pop()
                words.append("\n")
            elif ended in _ENDING:
                flush()
            continue
        seen += 1
        if seen > MOST_NODES:
            found.is_cut = True
            break
        if node is not root and node.next is not None:
            stack.append((node.next, None))
        tag = node.tag
        if tag == "-text":
            words.append(re.sub(r"\s+", " ", node.text_content or ""))
            continue
        if tag.startswith("-") or tag == "!doctype" or tag == "_comment" or _is_dropped(node, tag):
            continue
        if tag == "br":
            words.append("\n")
            continue
        if tag in _HEADINGS:
            flush()
            level = _HEADINGS[tag]
        elif tag == "li":
            words.append("\n- ")
        elif tag == "pre":
            words.append("\n")
        # A paragraph that begins an item goes on with it.
        elif tag in _ENDING and not (tag in {"p", "div"} and words and words[-1] == "\n- "):
            flush()
        stack.append((None, tag))
        if node.child is not None:
            stack.append((node.child, None))
    flush()


# --- Text -----------------------------------------------------------------------------------------------------------

_FRONT = re.compile(r"\A---\r?\n(.{0,4000}?)\r?\n---\r?\n", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:\s*[\"']?(.{1,300}?)[\"']?\s*$", re.MULTILINE)


def read_markdown(content: bytes, found: Found) -> None:
    """Markdown, by way of HTML."""
    from markdown_it import MarkdownIt

    text = _as_text(content)
    if front := _FRONT.match(text):
        text = text[front.end() :]
        if title := _FRONT_TITLE.search(front[1]):
            found.title = title[1]
    named = found.title
    # As long as is kept of it, and something for the marks.
    html = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").render(text[: found.left * 2])
    read_html(f"<body>{html}</body>".encode(), found)
    found.title = named or found.title
    found.is_cut |= len(text) > found.left * 2 + sum(len(said) for _, said in found.blocks) * 2


def read_plain(content: bytes, found: Found) -> None:
    """Paragraphs between empty lines."""
    for part in re.split(r"\n[^\S\n]*\n", _as_text(content)):
        found.add(0, part)
        if found.is_cut:
            break


def _as_text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


# --- PDF ------------------------------------------------------------------------------------------------------------

_ENDS = re.compile(r"[.!?:;\u2026\u3002][\"')\u201d\u2019\u00bb]?$")
_HYPHEN = re.compile(r"[^\W\d_][-\u2010]$")


def read_pdf(content: bytes, found: Found) -> None:
    """The text of its pages. What is only a picture of text isn't text."""
    import logging

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(io.BytesIO(content), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Refused("The PDF asks for a password.", "Save it without a password, and add that file.")
    count = len(reader.pages)
    found.title = telling(str((reader.metadata.title if reader.metadata else "") or ""))
    for number in range(min(count, MOST_PAGES)):
        for paragraph in _paragraphs(reader.pages[number].extract_text() or ""):
            found.add(0, paragraph)
        if found.is_cut:
            break
    found.is_cut |= count > MOST_PAGES
    if not found.blocks:
        raise Refused(
            "The PDF has no text: it is made of pictures, as a scanner makes it.",
            "Run it through a text recognition (OCR) and add the file that comes out, or paste the text.",
        )


def _paragraphs(text: str) -> Iterator[str]:
    """Lines joined again as they were before they were broken at a margin."""
    lines = [clean(line) for line in text.split("\n")]
    widest = max(map(len, lines), default=0)
    said = ""
    for line in lines:
        if not line:
            yield said
            said = ""
            continue
        joined = f"{said[:-1]}{line}" if _HYPHEN.search(said) and line[0].islower() else f"{said} {line}".strip()
        said = joined
        # A line that ends early, and with the end of a sentence, is a paragraph's last.
        if len(line) < 0.75 * widest and _ENDS.search(line):
            yield said
            said = ""
    yield said


# --- Word -----------------------------------------------------------------------------------------------------------


def read_docx(content: bytes, found: Found) -> None:
    """Paragraphs, headings and tables of a Word document. Nothing else in the archive is looked at."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise Refused("The document unpacks to more than is read.", _IN_BROWSER)
        if "word/document.xml" not in {part.filename for part in parts}:
            raise Refused("This is no Word document (.docx).", "Save it as .docx, as a PDF, or as plain text.")
    import docx
    from docx.table import Table

    document = docx.Document(io.BytesIO(content))
    found.title = telling(document.core_properties.title or "")
    for item in document.iter_inner_content():
        if found.is_cut:
            break
        if isinstance(item, Table):
            rows = (" | ".join(clean(cell.text) for cell in row.cells) for row in item.rows)
            found.add(0, "\n".join(rows))
            continue
        style = (item.style.name if item.style is not None else "") or ""
        if style == "Title":
            found.title = found.title or clean(item.text)
            found.add(1, item.text)
        elif (heading := re.fullmatch(r"[Hh]eading ([1-6])", style)) is not None:
            found.add(int(heading[1]), item.text)
        else:
            found.add(0, f"- {item.text}" if style.startswith("List") and item.text.strip() else item.text)


# --- Sitemaps -------------------------------------------------------------------------------------------------------


def read_sitemap(content: bytes) -> dict[str, list[str]]:
    """The addresses that a sitemap lists, and the further sitemaps that an index does (sitemaps.org, 0.9)."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    if content.startswith(b"\x1f\x8b"):
        unpack = zlib.decompressobj(wbits=31)
        content = unpack.decompress(content, MOST_UNPACKED)
        if unpack.unconsumed_tail:
            raise Refused("The sitemap unpacks to more than 50 MB.", "Split it, as sitemaps.org says.")
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = [line.strip() for line in _as_text(content).split("\n")[:MOST_URLS]]
        urls = [line.removeprefix("\ufeff") for line in lines if line.removeprefix("\ufeff").startswith("http")]
        if not urls:
            raise Refused("This is no sitemap.", "Give the address of its sitemap.xml, or add it as a web page.")
        return {"urls": urls, "sitemaps": []}
    listed: dict[str, list[str]] = {"urls": [], "sitemaps": []}
    inside = root = ""
    try:
        for event, element in iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True):
            name = element.tag.rpartition("}")[2]
            if event == "start":
                root = root or name
                if name in {"url", "sitemap"}:
                    inside = name
                continue
            if name == "loc" and inside and element.text and "image" not in element.tag:
                listed["urls" if inside == "url" else "sitemaps"].append(element.text.strip()[:2000])
                if len(listed["urls"]) + len(listed["sitemaps"]) >= MOST_URLS:
                    break
            if name in {"url", "sitemap"}:
                inside = ""
                element.clear()
    except (DefusedXmlException, ParseError, ValueError, LookupError):
        if not listed["urls"] and not listed["sitemaps"]:
            raise Refused(
                "This is no sitemap that can be read: its XML is broken.",
                "Give the address of its sitemap.xml, or add it as a web page.",
            ) from None
    if root not in {"urlset", "sitemapindex"}:
        raise Refused("This is no sitemap.", "Give the address of its sitemap.xml, or add it as a web page.")
    return listed


# --- The program ----------------------------------------------------------------------------------------------------

_READERS: dict[str, Callable[[bytes, Found], None]] = {
    "html": read_html,
    "markdown": read_markdown,
    "plain": read_plain,
    "pdf": read_pdf,
    "docx": read_docx,
}


def answer(form: str, content: bytes, most: int) -> dict[str, Any]:
    """What standard output gets; raises `Refused`."""
    try:
        if form == "sitemap":
            return read_sitemap(content)
        found = Found(most)
        _READERS[form](content, found)
        return found.as_json()
    except Refused:
        raise
    except MemoryError:
        raise Refused("Reading it takes more memory than is given to one document.", _IN_BROWSER) from None
    except Exception:  # noqa: BLE001 (whatever a parser makes of bytes that somebody chose, it is no document to us)
        raise Refused("It can't be read: it is damaged, or isn't what its name says.", _IN_BROWSER) from None


def main() -> int:
    """Read, tell; the exit code."""
    form, seconds, memory, most = sys.argv[1], *map(int, sys.argv[2:])
    bound(seconds, memory)
    try:
        told = answer(form, sys.stdin.buffer.read(), most)
    except Refused as refused:
        sys.stdout.write(json.dumps({"reason": refused.reason, "remedy": refused.remedy}))
        return REFUSED
    sys.stdout.write(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
