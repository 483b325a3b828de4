"""Whose failed sign-ins django-axes counts together: those for one address, whichever form they came through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

# Our form sends `login`, and allauth passes it on as `email`; Django admin's form and backend say `username`.
_NAMES = ("login", "email", "username")


def username(request: HttpRequest | None, credentials: Mapping[str, Any] | None) -> str | None:
    """For AXES_USERNAME_CALLABLE: the address that was tried, in lower case."""
    given = credentials or (request.POST if request else {})
    for name in _NAMES:
        if given.get(name):
            return str(given[name]).strip().lower()[:254]
    return None
