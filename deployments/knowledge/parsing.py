"""Documents as text: what form one is in, and reading it in a process of its own (`document_program`).

That process is stopped when it takes long, and may take so much memory and no more: a document that asks for more ends
with a reason. It waits, so it is called by a worker and never where an event loop runs.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convoship.lib.outbound import charsets
from deployments.knowledge import document_program

logger = logging.getLogger(__name__)

# An honest PDF of a few hundred pages takes some ten seconds of a processor.
CPU_SECONDS = 20
LONGEST_SECONDS = 60  # by the clock, for a machine that is busy with other things
MEMORY_BYTES = 1 << 30
MOST_CHARACTERS = 1_000_000  # of one document's text

ENDINGS = {
    "md": "markdown",
    "markdown": "markdown",
    "txt": "plain",
    "text": "plain",
    "html": "html",
    "htm": "html",
    "pdf": "pdf",
    "docx": "docx",
}
ACCEPTED = ",".join(f".{ending}" for ending in ENDINGS)
TAKEN = ".md, .txt, .html, .pdf and .docx"

_CONTENT_TYPES = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "plain",
    "text/markdown": "markdown",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}
_PROGRAM = Path(document_program.__file__)
_META = re.compile(rb"<meta[^>]{0,200}charset[^>]{0,100}>", re.IGNORECASE)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class Unreadable(Exception):
    """A document can't be read: `reason` and `remedy` in plain words."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class Document:
    """What a document says. `blocks`: (level, text), 1 to 6 for headings and 0 for the rest."""

    title: str
    language: str
    blocks: list[tuple[int, str]]
    is_cut: bool = False
    is_noindex: bool = False


@dataclass(frozen=True)
class Listed:
    """What a sitemap lists."""

    urls: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)


def form_of_name(name: str) -> str:
    """The form of a file by its name's ending; "" for one that isn't taken."""
    return ENDINGS.get(name.rpartition(".")[2].lower(), "") if "." in name else ""


def form_of_answer(content_type: str, content: bytes) -> str:
    """The form of what a server sent; "" for what isn't read."""
    kind = content_type.partition(";")[0].strip().lower()
    if content.startswith(b"%PDF-"):
        return "pdf"
    if not kind:
        return "html" if content.lstrip()[:1] == b"<" else ""
    return _CONTENT_TYPES.get(kind, "")


def check_form(form: str, content: bytes) -> None:
    """Whether the bytes can be what the name says, as far as the first of them tell; `Unreadable` if not."""
    is_archive, is_pdf = content.startswith(b"PK\x03\x04"), b"%PDF-" in content[:1024]
    is_so = {"pdf": is_pdf, "docx": is_archive}.get(
        form, not is_archive and not is_pdf and b"\x00" not in _head(content)
    )
    if not is_so:
        raise Unreadable("The file isn't what its name says.", "Give it the ending of what it is, or save it anew.")


def _head(content: bytes) -> bytes:
    # UTF-16 is full of zeros, and says so with its first two bytes.
    return b"" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else content[:4096]


def parse(form: str, content: bytes, *, encoding: str = "") -> Document:
    """The document's text; `Unreadable` with words. Waits for a process, LONGEST_SECONDS at most."""
    if form in {"html", "markdown", "plain"}:
        content = _as_utf8(content, encoding)
    told = _ask(form, content)
    blocks = [(int(level), str(text)) for level, text in told["blocks"]]
    return Document(str(told["title"]), str(told["language"]), blocks, bool(told["is_cut"]), bool(told["is_noindex"]))


def parse_sitemap(content: bytes) -> Listed:
    """What a sitemap or an index of sitemaps lists, packed or not; `Unreadable` with words."""
    told = _ask("sitemap", content)
    return Listed(list(map(str, told["urls"])), list(map(str, told["sitemaps"])))


def _as_utf8(content: bytes, encoding: str) -> bytes:
    """Text in the encoding that its first bytes, its server, or the page itself name; UTF-8 or Windows' else."""
    for mark, named in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(named, errors="replace").encode()
    if not encoding and (meta := _META.search(content[:2048])):
        encoding = charsets.named_in(meta[0].decode("ascii", errors="replace")) or ""
    if not encoding:
        try:
            content.decode()
        except UnicodeDecodeError:
            encoding = "cp1252"
    return content.decode(encoding or "utf-8", errors="replace").encode("utf-8", errors="replace")


def _ask(form: str, content: bytes) -> dict[str, Any]:
    limits = [str(CPU_SECONDS), str(MEMORY_BYTES), str(MOST_CHARACTERS)]
    too_long = Unreadable("Reading it takes too long.", "Split it into smaller documents, or paste its text.")
    try:
        # Nothing of the document is in the command, and nothing of ours in the environment.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", str(_PROGRAM), form, *limits],
            input=content,
            capture_output=True,
            timeout=LONGEST_SECONDS,
            env={},
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise too_long from None
    if done.returncode < 0:
        # By a signal: out of processor time, or killed by its own fault.
        logger.warning("a %s of %d bytes ended its process by signal %d", form, len(content), -done.returncode)
        raise too_long
    try:
        told: dict[str, Any] = json.loads(done.stdout)
        if done.returncode == document_program.REFUSED:
            raise Unreadable(str(told["reason"])[:300], str(told["remedy"])[:300])
        if done.returncode:
            raise ValueError(done.returncode)
    except (ValueError, KeyError, TypeError):
        # It read what a stranger chose, so its own end is believed no more than its words.
        logger.warning("a %s of %d bytes was not read: %s", form, len(content), done.stderr[-500:])
        raise Unreadable("It can't be read: reading it failed.", "Save it anew, or paste its text.") from None
    return told
