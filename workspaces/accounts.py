"""django-allauth's seams: mail that leaves after COMMIT, and words of our own."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is open; where one lands depends on whether one has a workspace yet, which the dashboard decides."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Anyone may make an account."""
        return True
