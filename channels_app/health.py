"""How a connection stands, in one line, with what to do."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from django.utils import timezone

from channels_app import accounts
from channels_app.models import Connection, RefusedRequest
from channels_app.models.connection import ConnectionState
from channels_app.providers.base import Capability, Unreadable
from channels_app.providers.sip_fields import SIP_PASSWORD
from channels_app.providers.speech_fields import SPEECH_KEYS
from channels_app.voice.media import speech_check
from deployments.models import Assistant

_UNREADABLE = "can't be decrypted, so nothing that comes in can be checked."
_MISSING = "is missing, so nothing can be checked or sent."
# What was refused is told for so long, unless something genuine came after it; when that came is noted in steps.
_LATELY, _STEP = dt.timedelta(hours=24), dt.timedelta(seconds=5)
# Where a provider can't sign, it sends a secret along.
_WRONG = ("signature_wrong", "secret_wrong", "header_wrong")
_LACKS_SECRET = "no_secret"  # noqa: S105 (a reason)
# The credential that only what comes in is checked with, where a kind has one; otherwise it is the first.
_WEBHOOK_FIELD = "webhook_secret"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """One line for a connection. `tone` is `good`, `bad`, or `plain` where it is neither."""

    tone: str
    words: str
    remedy: str = ""
    # Whether what it says stands on the tab Events, under Refused.
    is_of_refused: bool = False


def standing(connection: Connection) -> Standing:
    """The most important thing that can be said of the connection now. `assistant` is loaded."""
    if connection.state == ConnectionState.DISABLED:
        return Standing(
            "bad", f"Disabled. {connection.state_reason}", "Mend that, then enable it: what waited goes out."
        )
    if connection.state == ConnectionState.PAUSED and accounts.is_spoken(connection):
        return Standing(
            "plain", f"{connection.state_reason} {while_paused(connection)}", "Enable it to take calls again."
        )
    if connection.state == ConnectionState.PAUSED:
        return Standing(
            "plain", f"{connection.state_reason} Nothing is lost.", "Enable it to go on with what was kept."
        )
    if reaches_nobody := _reaches_nobody(connection):
        return reaches_nobody
    if connection.assistant is None:
        return Standing("bad", "No assistant answers: the one that did is deleted.", "Choose an assistant.")
    if connection.fault:
        rests = connection.rests_until
        waits = f" Next try at {timezone.localtime(rests):%H:%M:%S} UTC." if rests and rests > timezone.now() else ""
        return Standing("bad", f"{connection.fault}{waits}", connection.fault_remedy)
    if refused := _refused(connection):
        return refused
    if connection.spent_until and connection.spent_until > timezone.now() and accounts.is_spoken(connection):
        return Standing(
            "bad",
            "Its minutes of today are used up: until midnight UTC callers are told so, or put through.",
            "Raise the day's minutes in its settings to go on today.",
        )
    if connection.spent_until and connection.spent_until > timezone.now():
        return Standing(
            "bad",
            "What it may send in a day is used up. What waits goes out after midnight UTC, and nothing is lost.",
            "Raise the day's ceiling in its settings to go on today.",
        )
    wrong = next((one for one in connection.tested if not one["is_good"]), None)
    if wrong is not None and connection.last_outbound_at is None:
        return Standing("bad", f"Test found: {wrong['words']}", wrong["remedy"])
    if connection.last_outbound_at is None and accounts.kind_of(connection).can(Capability.DESK_LOOKS):
        return Standing(
            "plain", "Nothing was handed over to it yet.", "Test it, and choose it as a desk of an assistant."
        )
    if connection.config.get("mode") == "stream" and (lacks := speech_check.lacks(connection.config)):
        return Standing("bad", lacks[0].words, lacks[0].remedy)
    if connection.last_outbound_at is None and connection.last_inbound_at is None:
        return Standing("plain", "Nothing has gone over it yet.", "Test it, or send something to its inbound address.")
    return Standing("good", "It works.")


def while_paused(connection: Connection) -> str:
    """What becomes of who comes, and of what is to go out, while the connection is paused."""
    if not accounts.is_spoken(connection):
        return "What comes in and what has to go out is kept."
    number = str(connection.config.get("transfer_to") or "")
    then = f"are put through to {number}" if number else "the call ends"
    said = f"Callers hear that their call can't be taken, and {then}."
    return f"{said} Each such call stands on Events. Call me calls nobody."


def _reaches_nobody(connection: Connection) -> Standing | None:
    """Of a rehearsal that stands among the desks that real visitors are handed over to."""
    if not connection.is_rehearsal:
        return None
    named = {"published__content__handoff__desks__contains": [str(connection.id)]}
    found = list(Assistant.objects.filter(**named).order_by("name").values_list("name", flat=True))
    if not found:
        return None
    return Standing(
        "bad",
        "Real visitors who are handed over to it reach nobody: it is a rehearsal, and a published desk of "
        f"{', '.join(found)}.",
        "Take it out there, under Hand-over, and publish.",
    )


def _refused(connection: Connection) -> Standing | None:
    """Of requests with a wrong signature that nothing genuine came after: anybody can send one such in between."""
    lacks_secret = _checked_with(connection) == _WEBHOOK_FIELD and _WEBHOOK_FIELD not in connection.credentials
    reasons = (_LACKS_SECRET,) if lacks_secret else _WRONG
    rows = RefusedRequest.objects.filter(
        connection=connection, reason__in=reasons, last_at__gt=timezone.now() - _LATELY
    )
    if connection.last_inbound_at is not None and not lacks_secret:
        rows = rows.filter(last_at__gt=connection.last_inbound_at + _STEP)
    found = list(rows.order_by("hour").values_list("hour", "count", "reason"))
    if not found:
        return None
    count, since = sum(each for _, each, _ in found), timezone.localtime(found[0][0])
    when, were = f"since {since:%-d %B, %H:%M} UTC", "was" if count == 1 else "were"
    requests = "1 request" if count == 1 else f"{count} requests"
    if lacks_secret:
        words = f"{requests} {were} refused {when}, as without {_called(connection)} nothing can be checked."
        remedy = "Write it in its settings."
        if accounts.kind_of(connection).can(Capability.REGISTERS_WEBHOOK):
            remedy = f"Set the addresses at {accounts.kind_of(connection).label}, or write it in its settings."
        return Standing("bad", words, remedy, is_of_refused=True)
    wrong = "signature" if all(reason == _WRONG[0] for _, _, reason in found) else "secret"
    return Standing(
        "bad",
        f"{requests} with a wrong {wrong} {were} refused {when}, and none with a right one has come after.",
        f"Compare the {_called(connection)} of this connection with what the sender uses. "
        "What was wrong stands on Events, under Refused.",
        is_of_refused=True,
    )


def _checked_with(connection: Connection) -> str:
    """The credential that what comes in is checked with; "" where that is a secret of the connection's own."""
    # Nobody signs with the keys of engines that hear and speak, or with the password of telephones.
    beside = (*SPEECH_KEYS, SIP_PASSWORD)
    named = accounts.kind_of(connection).config_form.credentials
    credentials = [name for name in named if name not in beside]
    return _WEBHOOK_FIELD if _WEBHOOK_FIELD in credentials else next(iter(credentials), "")


def _called(connection: Connection) -> str:
    """What that is called in its settings."""
    field, form = _checked_with(connection), accounts.kind_of(connection).config_form
    if not field:
        return "inbound secret"
    label = str(form.base_fields[field].label)
    return f"“{label}”" if field == _WEBHOOK_FIELD else label.lower()


def note_unreadable(connection: Connection, secret: Unreadable) -> None:
    """Something came in that could not be checked, for want of the key that this secret was encrypted with."""
    fault = f"{secret.what} {_UNREADABLE}"
    logger.error("connection %s: %s", connection.id, fault)
    rows = Connection.objects.filter(id=connection.id).exclude(fault=fault)
    rows.update(fault=fault, fault_remedy=secret.whole_remedy)


def note_secret_gone(connection: Connection, key: str) -> None:
    """A secret that it stands on was deleted."""
    fault = f"The secret {key} {_MISSING}"
    remedy = f"Write {key} again under Workspace, Secrets, or choose another in the connection's settings."
    Connection.objects.filter(id=connection.id).update(fault=fault[:300], fault_remedy=remedy[:300])


def note_secret_back(connection: Connection) -> None:
    """A secret that it stands on was written: what is said of one that was deleted is over."""
    if connection.fault.endswith(_MISSING):
        Connection.objects.filter(id=connection.id, fault=connection.fault).update(fault="", fault_remedy="")


def note_readable(connection: Connection) -> None:
    """Something came in and was checked: a secret that could not be read can be, or another took its place."""
    if connection.fault.endswith(_UNREADABLE):
        Connection.objects.filter(id=connection.id, fault=connection.fault).update(fault="", fault_remedy="")
