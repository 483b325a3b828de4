"""Forms that may be sent once: those whose answer shows a secret.

Reloading such an answer sends the form again, and so does an impatient second click. The form carries a random mark; a
mark that was used makes nothing new. The browser's session remembers marks for as long as it lasts. It is written after
the answer, so two clicks at the same moment are told apart by the database: inside `tenant()`, the second waits until
the first has committed.
"""

from __future__ import annotations

import hashlib
import secrets

from django.db import connection
from django.http import HttpRequest

from workspaces import spent_keys
from workspaces.models import IdempotencyKey

SESSION_KEY = "sent_forms"
FIELD = "once"
MOST_KEPT = 50
ROUTE = "form"


def mark() -> str:
    """A mark for a form about to be shown."""
    return secrets.token_urlsafe(12)


def was_sent(request: HttpRequest) -> bool:
    """Whether this very form made something before; holds its mark until the transaction ends.

    A form without a mark counts as sent.
    """
    value = request.POST.get(FIELD, "")
    if not value or value in request.session.get(SESSION_KEY, []):
        return True
    digest = _digest(value)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], signed=True)])
    return IdempotencyKey.objects.filter(route=ROUTE, key=digest.hex()).exists()


def spend(request: HttpRequest) -> None:
    """Remember that this form has made something. Comes after `was_sent`, in the same transaction."""
    value = request.POST.get(FIELD, "")
    digest = _digest(value)
    IdempotencyKey.objects.create(route=ROUTE, key=digest.hex(), body_digest=digest, status=0, answer={})
    spent_keys.sweep()
    kept = request.session.get(SESSION_KEY, [])
    request.session[SESSION_KEY] = [*kept, value][-MOST_KEPT:]


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
