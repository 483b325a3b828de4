"""Viruses: every file is shown to a scanner before anything of it is kept, where whoever runs the server named one.

FILES_SCANNER is `clamd://host:port`, or the dotted path of a callable of their own: it is given the bytes as they came,
and answers the name of what it found, "" for nothing; whatever it raises means that nobody knows. Then, and where the
scanner is away, the file is not taken.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from convoship.lib.actors import SYSTEM, Actor
from convoship.lib.outbound import clamd
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments.file_kinds import clean_name, is_known
from deployments.models import Conversation
from workspaces import audit
from workspaces.models import AuditEvent

logger = logging.getLogger(__name__)

# By the clock, whatever the scanner is doing.
LONGEST_SECONDS = 30
RETRY_AFTER = 60
ACTION = "conversation.virus_refused"
_LONGEST_NAME = 200

Scanner = Callable[[bytes], str]


class Infected(Problem):
    """A virus was found. `name` of the file, and the `signature` it was known by."""

    def __init__(self, name: str, signature: str) -> None:
        words = "A virus was found in this file, so it was not taken."
        super().__init__("invalid", words, errors={"file": [words]}, hint="Check the device it is on; send another.")
        self.name, self.signature = name, signature

    @property
    def ending(self) -> str:
        """What the file's name ends on, "" where that is nothing that is known."""
        ending = self.name.rpartition(".")[2].lower()
        return ending if is_known(ending) else ""


@lru_cache(maxsize=4)
def _scanner(named: str) -> Scanner | None:
    if not named:
        return None
    if "://" in named:
        return clamd.at(named).scan
    try:
        found = import_string(named)
    except ImportError as error:
        raise ImproperlyConfigured(f"FILES_SCANNER is {named!r}, which can't be imported: {error}.") from error
    if not callable(found):
        raise ImproperlyConfigured(f"FILES_SCANNER is {named!r}, which can't be called.")
    return found


def prepare() -> None:
    """Refuse a scanner that can't be used, at start-up."""
    _scanner(settings.FILES_SCANNER)


def is_on() -> bool:
    """Whether files are scanned."""
    return bool(settings.FILES_SCANNER)


def standing() -> Literal["off", "ok", "does not answer"]:
    """How the scanner stands now. A callable is asked with nothing in hand."""
    try:
        if not is_on():
            return "off"
        if "://" in settings.FILES_SCANNER:
            clamd.at(settings.FILES_SCANNER).ping()
    except Exception as error:  # noqa: BLE001 (it may be anybody's)
        logger.warning("the scanner of files does not answer: %s", error)
        return "does not answer"
    return "ok"


def signature_of(content: bytes) -> str:
    """The name of the virus in these bytes, "" where there is none. Whatever it raises: nobody knows."""
    scanner = _scanner(settings.FILES_SCANNER)
    found = scanner(content) if scanner else ""
    if not isinstance(found, str):
        raise TypeError(f"the scanner answered {type(found).__name__}, and not a text")
    return "".join(c if c.isprintable() else "?" for c in found)[:_LONGEST_NAME]


def judge(name: str, signature: str) -> None:
    """`Infected` where the scanner found something in the file of this name."""
    if signature:
        logger.warning("a file was refused, %s was found in it", signature)
        raise Infected(clean_name(name), signature)


@contextmanager
def or_away() -> Iterator[None]:
    """503 where the scanner fails, in whatever way: nobody knows then whether there is a virus in the file."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        logger.error("a file was refused, for its scanner failed: %s", str(error) or type(error).__name__)
        raise Problem(
            "unavailable",
            "Files can't be checked for viruses just now, so none is taken.",
            hint="Send it again in a few minutes.",
            retry_after=RETRY_AFTER,
            is_expected=True,
        ) from error


def note(workspace_id: UUID, conversation_id: UUID, found: Infected, actor: Actor = SYSTEM) -> None:
    """A line for the workspace's people: who sent what to which conversation. Outside of `tenant()`."""
    with tenant(workspace_id):
        conversation = Conversation.objects.filter(id=conversation_id).first()
        if conversation is not None:
            sender = "visitor" if actor is SYSTEM else actor.label
            # Not what the file is called, which may say whose it is: the audit log keeps this for ever.
            audit.record(actor, ACTION, conversation, kind=found.ending, signature=found.signature, sent_by=sender)


@dataclass(frozen=True)
class Refused:
    """A file in which something was found, by the ending of its name, "" for none that is known.

    Who sent it, when, and the conversation where it is still there.
    """

    kind: str
    signature: str
    sent_by: str
    at: dt.datetime
    conversation_id: UUID | None


def refused(most: int) -> list[Refused]:
    """So many of those that were refused in the workspace, the newest first. Within the tenant."""
    events = list(AuditEvent.objects.filter(action=ACTION).order_by("-created_at")[:most])
    targets = {UUID(event.target_id) for event in events}
    there = set(Conversation.objects.filter(id__in=targets).values_list("id", flat=True))
    return [
        Refused(
            str(event.data.get("kind", "")),
            str(event.data.get("signature", "")),
            str(event.data.get("sent_by", "")),
            event.created_at,
            target if (target := UUID(event.target_id)) in there else None,
        )
        for event in events
    ]
