"""Preview tokens: the real widget on our own pages, for who is signed in and for whom they send a test link."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.actors import Actor
from deployments.admission import revoked_token
from deployments.models import Deployment, PreviewToken
from deployments.variants import Variant
from workspaces.members import user_of

LIFETIME = dt.timedelta(minutes=15)
# How long a conversation that a preview began may go on.
LONGEST_CONVERSATION = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Preview:
    """A `cpt_` token, and when it ends."""

    token: str
    expires_at: dt.datetime


def mint(
    actor: Actor, deployment: Deployment, *, variant: Variant = "a", permission: str = "deployments.read"
) -> Preview:
    """A token that stands for the deployment's own on our own origin. Its conversations are tests.

    While a rollout runs it shows this variant of it. It opens nothing once who made it has lost `permission`.

    No line in the audit log: it opens nothing that its maker may not see, and each page with a preview makes one.
    """
    if deployment.revoked_at is not None:
        raise revoked_token()
    now = timezone.now()
    PreviewToken.objects.filter(deployment=deployment, expires_at__lt=now).delete()
    token, expires_at = tokens.make("cpt"), now + LIFETIME
    PreviewToken.objects.create(
        deployment=deployment,
        digest=token.digest,
        variant=variant,
        made_by=user_of(actor),
        made_by_key_id=actor.id if actor.kind == "api_key" else None,
        permission=permission,
        expires_at=expires_at,
    )
    return Preview(token.value, expires_at)
