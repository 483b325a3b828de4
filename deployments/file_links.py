"""Links to files: signed, and over after about an hour. Whoever may read a message is given a fresh one with it.

One that stands in a text, where a channel takes no files or not this one, lasts for a week.
"""

from __future__ import annotations

import base64
import binascii
import struct
import time
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

PATH = "/files/"
LASTS_SECONDS = 3600
# Links to one file are the same for a quarter of an hour, so that a page that is drawn again loads no image again.
_STEP_SECONDS = 900
LASTING_SECONDS = 7 * 24 * 3600
_LASTING_STEP_SECONDS = 24 * 3600
_FORM = struct.Struct(">16s16sI")


class LinkForged(ValueError):
    """Not a link that was made here."""


class LinkOver(ValueError):
    """The link's time is over."""


def _signer() -> Signer:
    return Signer(salt="convoship.files", sep=".")


def link(workspace_id: UUID, file_id: UUID, now: float | None = None) -> str:
    """The address of the file's content, good for an hour at least and an hour and a quarter at most."""
    return _made(workspace_id, file_id, now, _STEP_SECONDS, LASTS_SECONDS)


def lasting_link(workspace_id: UUID, file_id: UUID, now: float | None = None) -> str:
    """As `link`, good for a week at least and eight days at most: for texts, which nobody draws again."""
    return _made(workspace_id, file_id, now, _LASTING_STEP_SECONDS, LASTING_SECONDS)


def ends_at(address: str) -> float:
    """When a link that was made here is over, as Unix seconds; 0 for one that can't be read."""
    try:
        _, _, ends = _FORM.unpack(base64.urlsafe_b64decode(address.rpartition("/")[2].partition(".")[0]))
    except (binascii.Error, struct.error, ValueError):
        return 0.0
    return float(ends)


def _made(workspace_id: UUID, file_id: UUID, now: float | None, step: int, lasts: int) -> str:
    moment = int(time.time() if now is None else now)
    ends = (moment // step + 1) * step + lasts
    body = base64.urlsafe_b64encode(_FORM.pack(workspace_id.bytes, file_id.bytes, ends)).decode()
    return f"{settings.FILES_BASE_URL}{PATH}{_signer().sign(body)}"


def read(token: str, now: float | None = None) -> tuple[UUID, UUID]:
    """The workspace and the file that a link's last part names; raises `LinkForged` or `LinkOver`."""
    try:
        body = _signer().unsign(token)
        workspace, file, ends = _FORM.unpack(base64.urlsafe_b64decode(body))
    except (BadSignature, binascii.Error, struct.error, ValueError):
        raise LinkForged from None
    if ends <= (time.time() if now is None else now):
        raise LinkOver
    return UUID(bytes=workspace), UUID(bytes=file)
