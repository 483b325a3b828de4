"""Files between us and the phone of a rehearsal: kept, guarded and led to as Twilio does it.

What the phone sends stands at the API behind Basic auth, which leads to another address that asks nothing: so what is
fetched here takes the very way that it takes with Twilio.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Length
from django.urls import reverse
from django.utils.http import content_disposition_header

from channels_app.models import Connection, RehearsalLine, RehearsalPicture
from channels_app.providers.fetching import LARGEST
from channels_app.rehearsal.base import Answer, Call, Fault
from deployments import file_kinds, file_links
from deployments.carriers import FilesTaken
from deployments.file_kinds import KINDS, Checked
from deployments.models import File

# So many of a rehearsal are kept, and so much together. One fits into the screen's form (`convoship.bodies`).
MOST_KEPT, MOST_BYTES = 20, 4 * LARGEST
TAKEN = FilesTaken(KINDS, LARGEST, 1)
# Ways in which a file that the phone sent is not what is fetched.
NOT_THERE = Fault("file_not_there", "Files are not there yet", "404; asked for again in seconds.", on_files=True)
BROKEN = Fault("file_broken", "Fetching files breaks", "500; tried again.", on_files=True)
TOO_LARGE = Fault("file_too_large", "Files are too large", f"More than {LARGEST // 1024**2} MB.", on_files=True)
OTHER_KIND = Fault("file_other_kind", "Files are something else", "A program, which is not taken.", on_files=True)
FAULTS = (NOT_THERE, BROKEN, TOO_LARGE, OTHER_KIND)
# The head of a program (ELF), which no kind of file that is taken begins with.
_PROGRAM = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00" + bytes(44)
_AT_API = re.compile(r"/2010-04-01/Accounts/AC[0-9a-f]{32}/Messages/([A-Z]{2}[0-9a-f]{32})/Media/(ME[0-9a-f]{32})")
_OPEN = re.compile(r"/media/(ME[0-9a-f]{32})")


def keep(connection: Connection, message_sid: str, sent: Checked) -> RehearsalPicture:
    """Keep a file that the phone sends with this message; the oldest make room."""
    picture: RehearsalPicture = RehearsalPicture.objects.create(
        connection=connection,
        message_sid=message_sid,
        sid=f"ME{secrets.token_hex(16)}",
        name=sent.name,
        content_type=sent.content_type,
        content=sent.content,
    )
    rows = RehearsalPicture.objects.filter(connection=connection)
    sizes = rows.order_by("-created_at").annotate(size=Length("content")).values_list("id", "size")[:MOST_KEPT]
    together = itertools.accumulate(size for _, size in sizes)
    kept = [one for (one, _), so_far in zip(sizes, together, strict=True) if so_far <= MOST_BYTES]
    # (Rows without their content: so much needn't come here only to be deleted.)
    rows.exclude(id__in=kept).delete()
    return picture


def is_open(call: Call) -> bool:
    """Whether this is asked for without credentials: where a file is, to which only the API leads."""
    return call.method == "GET" and _OPEN.fullmatch(call.path) is not None


def is_asked(call: Call) -> bool:
    """Whether the API is asked for a file."""
    return call.method == "GET" and _AT_API.fullmatch(call.path) is not None


def spoiled(fault: str) -> Answer:
    """What the API answers in the place of a file, by one of `FAULTS`."""
    if fault == TOO_LARGE.word:
        return Answer(200, content_type="image/jpeg", zeros=LARGEST + 1, note="Gave a file that is too large.")
    if fault == OTHER_KIND.word:
        return Answer(200, content_type="image/jpeg", content=_PROGRAM, note="Gave a program for a file.")
    if fault == BROKEN.word:
        return Answer(500, '{"message": "It broke"}', note="Asked for a file, and it broke.")
    return Answer(404, '{"code": 20404, "message": "Not found"}', note="Asked for a file, which is not there yet.")


def answer(connection: Connection, call: Call, base_url: str) -> Answer | None:
    """The answer to a call that asks for a file; None for any other."""
    if call.method != "GET":
        return None
    if found := _AT_API.fullmatch(call.path):
        rows = RehearsalPicture.objects.filter(connection=connection, message_sid=found[1], sid=found[2])
        if not rows.exists():
            return None
        headers = {"Location": f"{base_url}/media/{found[2]}"}
        return Answer(307, headers=headers, note="Asked for a file, and was led to where it is.")
    if found := _OPEN.fullmatch(call.path):
        row = RehearsalPicture.objects.filter(connection=connection, sid=found[1]).first()
        if row is None:
            return None
        headers = {
            # As files of people are served (`stored_files`): to be saved, and never run.
            "Content-Disposition": content_disposition_header(True, row.name) or "attachment",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=900, immutable",
        }
        return Answer(200, content_type=row.content_type, headers=headers, content=bytes(row.content), is_unseen=True)
    return None


@dataclass(frozen=True)
class Shown:
    """A file as the screen shows it; without `url` it is gone."""

    name: str
    url: str
    is_image: bool


def shown(line: RehearsalLine) -> list[Shown]:
    """The files of a line, with links that are good now."""
    return [_shown(line, item) for item in line.media]


def _shown(line: RehearsalLine, item: Mapping[str, str]) -> Shown:
    if "sid" in item:
        row = RehearsalPicture.objects.filter(connection=line.connection_id, sid=item["sid"]).first()
        if row is None:
            return Shown("A file", "", is_image=False)
        url = reverse("rehearsal_stand_in_part", args=[line.connection_id, f"media/{row.sid}"])
        return Shown(row.name, url, file_kinds.is_image(row.content_type))
    # Ours, by the link that the stand-in was given: it is over after an hour, what it leads to is not.
    try:
        workspace_id, file_id = file_links.read(item.get("url", "").rpartition("/")[2], now=0)
    except file_links.LinkForged:
        return Shown("A file that is none of ours", "", is_image=False)
    file = File.objects.filter(id=file_id, workspace_id=workspace_id).first()
    if file is None:
        return Shown("A file", "", is_image=False)
    return Shown(file.name, file_links.link(workspace_id, UUID(str(file.id))), file_kinds.is_image(file.content_type))
