"""Forms that may be sent once: those whose answer shows a secret.

Reloading such an answer sends the form again. The form carries a random mark; a mark that was used makes nothing new.
"""

from __future__ import annotations

import secrets

from django.http import HttpRequest

SESSION_KEY = "sent_forms"
FIELD = "once"
MOST_KEPT = 50


def mark() -> str:
    """A mark for a form about to be shown."""
    return secrets.token_urlsafe(12)


def was_sent(request: HttpRequest) -> bool:
    """Whether this very form made something before. A form without a mark counts as sent."""
    value = request.POST.get(FIELD, "")
    return not value or value in request.session.get(SESSION_KEY, [])


def spend(request: HttpRequest) -> None:
    """Remember that this form has made something."""
    kept = request.session.get(SESSION_KEY, [])
    request.session[SESSION_KEY] = [*kept, request.POST.get(FIELD, "")][-MOST_KEPT:]
