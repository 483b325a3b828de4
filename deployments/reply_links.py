"""The addresses in a mail to a visitor: the one that continues the conversation, and the one that stops such mails.

A code is a row's id, signed: nothing that opens a conversation is stored, and a forged one costs no query. What it may
do is the row's to say: once, for a week (`continuing`).
"""

from __future__ import annotations

import base64
import binascii
import re
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

_FORM = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", re.ASCII)


class NotALink(Exception):
    """Cut short, changed, or never made here."""


def code_of(mail_id: UUID) -> str:
    """The code of a mail; the same each time, so that a mail that is sent twice has one link."""
    return _signer().sign(base64.urlsafe_b64encode(mail_id.bytes).decode().rstrip("="))


def read(code: str) -> UUID:
    """The mail that the code is of; NotALink."""
    if not _FORM.fullmatch(code):
        raise NotALink
    try:
        return UUID(bytes=base64.urlsafe_b64decode(_signer().unsign(code) + "=="))
    except (BadSignature, binascii.Error, ValueError):
        raise NotALink from None


def continue_url(mail_id: UUID) -> str:
    """Where the conversation goes on."""
    return settings.PUBLIC_BASE_URL + reverse("continue", args=[code_of(mail_id)])


def stop_url(mail_id: UUID) -> str:
    """Where the visitor says that they want no more mails about it."""
    return settings.PUBLIC_BASE_URL + reverse("continue_stop", args=[code_of(mail_id)])


def is_one(address: str) -> bool:
    """Whether this is the address of a link: a key, which is kept nowhere."""
    return address.startswith(f"{settings.PUBLIC_BASE_URL}/continue/")


def _signer() -> Signer:
    return Signer(sep=".", salt="deployments.reply_links")
