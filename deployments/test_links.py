"""Links to a deployment's test page: signed, good for 15 minutes, for anybody they are sent to.

Nothing is stored: the link itself says which deployment it is for and who made it, and lives no longer than they do.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner, b62_decode
from django.urls import reverse
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments.models import Deployment
from workspaces import api_keys, audit, members

LIFETIME = dt.timedelta(minutes=15)
PERMISSION = "deployments.write"  # what making one takes; a key keeps its scopes for life
_KINDS = {"user": b"u", "api_key": b"k"}
_NOBODY = UUID(int=0)
_SEPARATOR = "."


class NotALink(Exception):
    """Cut short, or never made here."""


class LinkIsOver(Exception):
    """It was a link; `deployment_id` says to what."""

    def __init__(self, deployment_id: UUID) -> None:
        super().__init__()
        self.deployment_id = deployment_id


@dataclass(frozen=True)
class Link:
    """A link, whole, and when it ends."""

    url: str
    expires_at: dt.datetime


@dataclass(frozen=True)
class Claim:
    """What a good link says."""

    workspace_id: UUID
    deployment_id: UUID
    made_by: tuple[str, UUID]  # kind of actor, id
    expires_at: dt.datetime


def make(actor: Actor, deployment: Deployment) -> Link:
    """A fresh link to the deployment's test page."""
    if deployment.revoked_at is not None:
        raise Problem("conflict", "This deployment is revoked: there is nothing to test.", hint="Make a new one.")
    kind = _KINDS.get(actor.kind, b"-")
    packed = kind + deployment.workspace_id.bytes + deployment.id.bytes + (actor.id or _NOBODY).bytes
    signed = _signer().sign(base64.urlsafe_b64encode(packed).decode().rstrip("="))
    expires_at = timezone.now() + LIFETIME
    audit.record(actor, "deployment.test_link_made", deployment)
    return Link(settings.PUBLIC_BASE_URL + reverse("test_page", args=[signed]), expires_at)


def read(signed: str) -> Claim:
    """What the link says; NotALink or LinkIsOver."""
    try:
        packed = _unpacked(_signer().unsign(signed, max_age=LIFETIME))
    except SignatureExpired:
        raise LinkIsOver(UUID(bytes=_unpacked(_signer().unsign(signed))[17:33])) from None
    except BadSignature:
        raise NotALink from None
    made_at = dt.datetime.fromtimestamp(b62_decode(signed.split(_SEPARATOR)[1]), dt.UTC)
    kind = {mark: kind for kind, mark in _KINDS.items()}.get(packed[:1], "")
    return Claim(
        workspace_id=UUID(bytes=packed[1:17]),
        deployment_id=UUID(bytes=packed[17:33]),
        made_by=(kind, UUID(bytes=packed[33:49])),
        expires_at=made_at + LIFETIME,
    )


def maker_still_may(claim: Claim) -> bool:
    """Whether who made it could make it still: a link goes with their right to. Inside `tenant()`."""
    kind, maker_id = claim.made_by
    if kind == "user":
        return members.may(maker_id, PERMISSION)
    return kind == "api_key" and api_keys.is_live(maker_id)


def _signer() -> TimestampSigner:
    return TimestampSigner(sep=_SEPARATOR, salt="deployments.test_links")


def _unpacked(text: str) -> bytes:
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise NotALink from None
    if len(packed) != 49:
        raise NotALink
    return packed
