"""A form with one file, read from a request as it comes: never on the disk, and ended where it is too large."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from convoship.lib.problems import Problem, invalid
from deployments.file_settings import MEGABYTE

# What a form may have around its file.
FORM_BYTES = 16 * 1024


class _OneFile(FileUploadHandler):
    """Keeps the form's one file in memory, and stops at what is too large while it reads."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.names: list[str] = []
        self.content = bytearray()

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        """A file begins."""
        super().new_file(field_name, file_name, *args, **kwargs)
        if self.names:
            raise invalid({"file": ["One file at a time; send each with a call of its own."]})
        if field_name != "file":
            raise invalid({"file": ["The form's field has to be called file."]})
        self.names.append(file_name)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """A piece of it."""
        self.content += raw_data
        if len(self.content) > self.most:
            raise too_large(self.most)

    def file_complete(self, file_size: int) -> None:
        """It is whole; no file object is wanted of it."""


class _Ending:
    """A body that remembers how it ended: the parser takes one that was cut off for a whole one."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.end: bytes = b""

    def read(self, size: int) -> bytes:
        """The next bytes."""
        piece = self._request.read(size)
        # (A boundary has 200 characters at most, and little comes after the last.)
        self.end = (self.end + piece)[-1000:]
        return piece


def too_large(most: int) -> Problem:
    """413 with the size that is taken."""
    size = f"{most / MEGABYTE:.3g} MB" if most >= MEGABYTE else f"{most // 1024 or 1} KB"
    return Problem("payload_too_large", f"The file is too large: at most {size}.", hint="Send a smaller one.")


def read(request: HttpRequest, most: int) -> tuple[str, bytes]:
    """The form's file: its name as the browser gave it, and its content."""
    if request.content_type != "multipart/form-data":
        raise Problem(
            "unsupported_media_type",
            "A file is sent as a form.",
            hint="Send multipart/form-data with the file in the field file.",
        )
    length = request.META.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit() and len(length) < 12):
        raise invalid({"file": ["The request needs a Content-Length."]})
    if int(length) > most + FORM_BYTES:
        raise too_large(most)
    handler, body = _OneFile(most), _Ending(request)
    stream: Any = body
    try:
        fields, _ = MultiPartParser(request.META, stream, [handler], "utf-8").parse()
    except (MultiPartParserError, SuspiciousOperation, BadRequest, UnicodeError) as error:
        raise invalid({"file": ["The form can't be read."]}) from error
    boundary = (request.content_params or {}).get("boundary", "")
    if f"--{boundary}--".encode() not in body.end:
        raise invalid({"file": ["The form is cut off: its last line is missing."]}, hint="Send it again.")
    if fields:
        raise invalid({str(next(iter(fields)))[:100]: ["The form has the field file and no other."]})
    if not handler.names:
        raise invalid({"file": ["There is no file in the form."]})
    if not handler.content:
        raise invalid({"file": ["The file is empty."]}, hint="Choose another, or save it anew: nothing is in it.")
    return handler.names[0], bytes(handler.content)
