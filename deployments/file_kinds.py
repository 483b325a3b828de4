"""What a file is, by its content: never by what a browser says of it.

Taken are the types of TYPES and nothing else, each with names that fit it. So SVG, HTML, programs and archives are not
there to be named. Word, Excel and OpenDocument files are archives themselves: they are known by the names in their
directory, and nothing in them is unpacked. Images are drawn anew (`images`).
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import filetype

from convoship.lib.problems import Problem, invalid
from deployments import images

KINDS = ("images", "documents", "audio", "video")
LONGEST_NAME = 120

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
# Content type -> its kind, and the endings of names that fit it, the usual one first.
TYPES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "image/jpeg": ("images", ("jpg", "jpeg", "jpe", "jfif")),
    "image/png": ("images", ("png",)),
    "image/webp": ("images", ("webp",)),
    "image/gif": ("images", ("gif",)),
    "application/pdf": ("documents", ("pdf",)),
    "text/plain": ("documents", ("txt", "text", "log", "md")),
    "text/csv": ("documents", ("csv",)),
    "text/vcard": ("documents", ("vcf", "vcard")),
    f"{_OOXML}wordprocessingml.document": ("documents", ("docx",)),
    f"{_OOXML}spreadsheetml.sheet": ("documents", ("xlsx",)),
    f"{_OOXML}presentationml.presentation": ("documents", ("pptx",)),
    f"{_ODF}text": ("documents", ("odt",)),
    f"{_ODF}spreadsheet": ("documents", ("ods",)),
    f"{_ODF}presentation": ("documents", ("odp",)),
    "audio/mpeg": ("audio", ("mp3",)),
    "audio/mp4": ("audio", ("m4a",)),
    "audio/ogg": ("audio", ("ogg", "oga", "opus")),
    "audio/wav": ("audio", ("wav",)),
    "audio/flac": ("audio", ("flac",)),
    "audio/aac": ("audio", ("aac",)),
    "audio/amr": ("audio", ("amr",)),
    "video/mp4": ("video", ("mp4", "m4v")),
    "video/quicktime": ("video", ("mov", "qt")),
    "video/webm": ("video", ("webm",)),
    "video/3gpp": ("video", ("3gp",)),
}
_OTHER_NAMES = {"audio/x-wav": "audio/wav", "audio/x-flac": "audio/flac", "video/x-m4v": "video/mp4"}
WORDS = {
    "images": "Images (JPEG, PNG, WebP, GIF)",
    "documents": "Documents (PDF, text, CSV, contact cards, Word, Excel, PowerPoint, OpenDocument)",
    "audio": "Audio (MP3, M4A, Ogg, WAV, FLAC, AAC, AMR)",
    "video": "Video (MP4, M4V, MOV, WebM, 3GP)",
}
_PARTS = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
# Office formats keep macros here. Other names are possible: they are not found.
_MACRO_FOLDERS = ("xl/macrosheets/", "xl/dialogsheets/", "basic/", "scripts/")
_MACRO_FILES = ("vbaproject.bin", "vbadata.xml")
MOST_ENTRIES = 10_000
_LONGEST_END = 22 + 65_535  # an archive's last record, with its comment
_TEXT_ENDINGS = ("txt", "text", "log", "md", "csv", "vcf", "vcard")
# What a browser takes for markup (WHATWG, MIME Sniffing, 7.1) and a few more, and the first line of a script.
_MARKUP = re.compile(
    rb"\s*(<(!doctype|!--|\?xml|/?(a|b|body|br|div|embed|font|form|h1|head|html|iframe|img|link|math|meta|object|p|script"
    rb"|style|svg|table|title)[\s/>])|#!\s*/)",
    re.IGNORECASE,
)
_CARD = re.compile(rb"(\xef\xbb\xbf)?\s*BEGIN:VCARD\s", re.IGNORECASE)
# How ISO media files begin (ISO/IEC 14496-12, 4.3), beside those that `filetype` knows.
_BRANDS = {
    **dict.fromkeys(("3gp4", "3gp5", "3gp6", "3gp7", "3gs7", "3g2a", "3g2b"), "video/3gpp"),
    **dict.fromkeys(("iso2", "iso4", "iso5", "iso6", "isom", "mp41", "mp42", "avc1", "dash", "MSNV"), "video/mp4"),
    **dict.fromkeys(("M4V ", "M4VH", "M4VP"), "video/mp4"),
    "qt  ": "video/quicktime",
    "M4A ": "audio/mp4",
}
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_IN_NAMES = re.compile(r'[<>:"|?*]')


@dataclass(frozen=True)
class Checked:
    """A file that may be kept: its cleaned name, its type, and the bytes to keep."""

    name: str
    content_type: str
    content: bytes


def is_image(content_type: str) -> bool:
    """Whether it is one of the images that are drawn anew, and so may be shown."""
    return TYPES.get(content_type, ("", ()))[0] == "images"


def is_known(ending: str) -> bool:
    """Whether names of files that are taken end so."""
    return any(ending.lower() in endings for _, endings in TYPES.values())


def accepted(kinds: Sequence[str]) -> str:
    """For the `accept` of a browser's file field; a phone then offers its camera, and turns HEIC into JPEG."""
    found: list[str] = []
    for content_type, (kind, endings) in TYPES.items():
        if kind in kinds:
            found += [content_type, *(f".{ending}" for ending in endings)]
    return ",".join(found)


def is_drawn(name: str, content: bytes) -> bool:
    """Whether checking it means drawing an image anew, by its name and its first bytes."""
    head, (_, ending) = content[:8192], _split(clean_name(name))
    if ending in _TEXT_ENDINGS and _is_text(head):
        return False
    guess = filetype.guess(head)
    return guess is not None and is_image(guess.mime)


def check(raw_name: str, content: bytes, kinds: Sequence[str], most: int) -> Checked:
    """The file as it may be kept; 415 where it is none of these kinds, 422 where it isn't what its name says.

    `most`: bytes that one may have when it is drawn anew. An image waits for a process: not for the event loop.
    """
    name = clean_name(raw_name)
    stem, ending = _split(name)
    content_type = _type_of(content, ending)
    kind, endings = TYPES.get(content_type, ("", ()))
    if kind not in kinds:
        raise _not_taken(kinds)
    if kind == "images":
        try:
            content, content_type = images.redrawn(content, most)
        except images.ImageRefused as refused:
            raise invalid({"file": [refused.words]}) from None
        endings = TYPES[content_type][1]
    if ending not in endings:
        of_same_kind = {other for its_kind, others in TYPES.values() if its_kind == kind for other in others}
        if ending and (kind == "documents" or ending not in of_same_kind):
            raise invalid(
                {"file": [f"The name ends in .{ending[:20]}, but that is not what the file holds."]},
                hint="Give the file the ending of what it is, or save it anew in that format.",
            )
        # A picture or a recording under the name of its neighbour: common, and the right ending tells.
        name = f"{stem}.{endings[0]}"
    return Checked(name, content_type, content)


def _not_taken(kinds: Sequence[str]) -> Problem:
    return Problem(
        "unsupported_media_type",
        "Files of this kind are not taken here.",
        hint=f"Send {' or '.join(WORDS[kind][0].lower() + WORDS[kind][1:] for kind in kinds)}.",
    )


def _type_of(content: bytes, ending: str) -> str:
    """The content type by the content, "" for what is not known; the ending only tells kinds of text apart."""
    if content.startswith(b"PK\x03\x04"):
        return _office_type(content)
    if ending in _TEXT_ENDINGS and _is_text(content):
        # Before the signatures, some of which are two letters: BMW, MZ and GIF are words as well.
        return _text_type(content, ending)
    if content[4:8] == b"ftyp" and (found := _BRANDS.get(content[8:12].decode("latin-1"))):
        return found
    guess = filetype.guess(content)
    if guess is not None:
        return _OTHER_NAMES.get(guess.mime, guess.mime)
    return _text_type(content, ending) if _is_text(content) else ""


def _is_text(content: bytes) -> bool:
    """Whether it has no byte that no text has, in UTF-8 or an encoding of one byte; a PDF may be all letters."""
    return not content.startswith(b"%PDF-") and not _NO_TEXT.search(content)


def _text_type(content: bytes, ending: str) -> str:
    if _MARKUP.match(content.removeprefix(b"\xef\xbb\xbf")):
        return ""
    # A card says that it is one (RFC 6350, 6.1.1): an ending alone is not enough for what opens in an address book.
    if ending in {"vcf", "vcard"}:
        return "text/vcard" if _CARD.match(content) else "text/plain"
    return "text/csv" if ending == "csv" else "text/plain"


def _office_type(content: bytes) -> str:
    """Which office format an archive is, by the names in it; "" for any other archive, and for one with macros."""
    names = _names_in(content)
    if any(name.startswith(_MACRO_FOLDERS) or name.endswith(_MACRO_FILES) for name in names):
        return ""
    if "[content_types].xml" in names:
        for folder, ending in _PARTS.items():
            if any(name.startswith(folder) for name in names):
                return next(of for of, (_, endings) in TYPES.items() if ending in endings)
    # OpenDocument: the first entry is `mimetype`, stored as it is, so the type stands in plain sight at byte 38.
    if names and content[26:38] == b"\x08\0\0\0mimetype" and content[8:10] == b"\0\0":
        size = int.from_bytes(content[18:22], "little")
        named = content[38 : 38 + min(size, 100)].decode("ascii", "replace")
        return named if named.startswith(_ODF) and named in TYPES else ""
    return ""


def _names_in(content: bytes) -> set[str]:
    """The names in an archive's directory, in small letters; none where it can't be read or has too many.

    (APPNOTE.TXT of PKWARE, 4.3.12 and 4.3.16.) Python's `zipfile` takes apart every field of every entry: ten megabytes
    made for it keep it busy for many seconds.
    """
    end = content.rfind(b"PK\x05\x06", -_LONGEST_END)
    if end < 0 or end + 22 > len(content):
        return set()
    count, _, place = struct.unpack_from("<HII", content, end + 10)
    names: set[str] = set()
    if count > MOST_ENTRIES:
        return names
    for _ in range(count):
        if place + 46 > end or content[place : place + 4] != b"PK\x01\x02":
            return set()
        name, extra, comment = struct.unpack_from("<HHH", content, place + 28)
        names.add(content[place + 46 : place + 46 + name].decode("utf-8", "replace").lower())
        place += 46 + name + extra + comment
    # As many as it says: what else stands there would be read by others, and was not looked at here.
    return names if content[place : place + 4] != b"PK\x01\x02" else set()


def clean_name(raw: str) -> str:
    """A name for people: no path, no control or direction characters, not too long, never empty."""
    last = re.split(r"[/\\]", raw)[-1]
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    tidy = _IN_NAMES.sub("_", " ".join(shown.split())).strip(". ")
    stem, ending = _split(tidy)
    if not ending:
        return tidy[:LONGEST_NAME] or "file"
    return f"{stem[: LONGEST_NAME - len(ending) - 1] or 'file'}.{ending}"


def _split(name: str) -> tuple[str, str]:
    """The name and its ending in small letters, "" where it has none."""
    stem, dot, ending = name.rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,10}", ending):
        return name, ""
    return stem, ending.lower()
