"""django-allauth's seams: mail that leaves after COMMIT, addresses of our own, and an open door."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from convoship.lib import client_ip
from workspaces.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is open; where one lands depends on whether one has a workspace yet, which the dashboard decides."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Anyone may make an account."""
        return True

    def get_client_ip(self, request: HttpRequest) -> str:
        """What its limits count: behind our proxy the visitor's own address, not the proxy's for all of them."""
        return client_ip.bucket(client_ip.of_request(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Render now, send once the change it tells of is committed."""
        message: EmailMessage = self.render_mail(template_prefix, email, {"email": email, **context})
        # A mail server that is away is logged and does not undo what was committed; each mail can be asked for again.
        transaction.on_commit(message.send, robust=True)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        """Links in mails carry PUBLIC_BASE_URL, never what a request's Host header said."""
        return settings.PUBLIC_BASE_URL + reverse("account_confirm_email", args=[emailconfirmation.key])

    def get_reset_password_from_key_url(self, key: str) -> str:
        """As above, for a new password."""
        uid, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        return settings.PUBLIC_BASE_URL + path

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to where the change began."""
        return reverse("account_email")


def rename_user(user: User, name: str) -> None:
    """Change the name that visitors and colleagues see."""
    user.name = name
    user.save(update_fields=["name"])


def own_address(user: User) -> EmailAddress:
    """The user's address with what is known of it; made where the user was not made by signing up."""
    address, _ = EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": False}
    )
    return address
