"""One-time sign-in links, as `make run` prints: valid for a day, once, kept as a digest."""

from __future__ import annotations

import datetime as dt
import secrets
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from convoship.lib.tokens import digest
from workspaces.models import SignInLink, User

LIFETIME = dt.timedelta(hours=24)


def make(user: User, workspace_id: UUID | None = None) -> str:
    """A full URL that signs the user in once, and opens this workspace."""
    secret = secrets.token_urlsafe(32)
    expires_at = timezone.now() + LIFETIME
    SignInLink.objects.create(digest=digest(secret), user=user, workspace_id=workspace_id, expires_at=expires_at)
    return settings.PUBLIC_BASE_URL + reverse("sign_in_link", args=[secret])


def use(secret: str) -> SignInLink | None:
    """Spend the link; None if it is unknown, over or was used. One conditional UPDATE, so it is spent once."""
    now = timezone.now()
    links = SignInLink.objects.filter(digest=digest(secret), used_at=None, expires_at__gt=now, user__is_active=True)
    if not links.update(used_at=now):
        return None
    return SignInLink.objects.select_related("user").get(digest=digest(secret))
