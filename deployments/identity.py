"""Who a visitor is, proved by the customer's own server: `user_token`s and the secrets that sign them.

A `user_token` (CONTRACT section 4) is a JWT, HS256, under the deployment's identity secret: `sub` (the user's id at the
customer), `exp` (at most 24 h away), `name`, `email`. One that is sent must be good, whether or not identity is
required: a bad one is refused with the reason, never taken for no token.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from convoship.lib import crypto, names, tokens
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import deploying
from deployments.models import Deployment, IdentitySecret
from workspaces import audit

logger = logging.getLogger(__name__)

LONGEST_LIFE = dt.timedelta(hours=24)
CLOCKS_APART = dt.timedelta(seconds=60)
LONGEST_TOKEN = 4096
LONGEST_ID = 255
LONGEST_NAME = 100
LONGEST_EMAIL = 254
MAX_OVERLAP_SECONDS = 30 * 24 * 3600
LAST_USED_STEP = dt.timedelta(minutes=1)

DOCS_HINT = "The deployment's Identity tab has samples in Python, Node, PHP and Ruby, and a place to try a token."


@dataclass(frozen=True)
class NewSecret:
    """A secret with its value, which is shown this once."""

    row: IdentitySecret
    value: str


@dataclass(frozen=True)
class Verified:
    """What a good `user_token` proves: the user's id at the customer, and the name and email that stand in it."""

    external_id: str
    name: str = ""
    email: str = ""


# --- Secrets ------------------------------------------------------------------------------------------------------


def live_secrets(deployment: Deployment) -> list[IdentitySecret]:
    """The secrets whose tokens are taken now, the newest first."""
    rows = IdentitySecret.objects.filter(deployment=deployment).order_by("-created_at")
    now = timezone.now()
    return [row for row in rows if row.expires_at is None or row.expires_at > now]


def make_secret(actor: Actor, deployment: Deployment, *, overlap_seconds: int = 0) -> NewSecret:
    """A new secret; tokens signed with the earlier ones are taken for `overlap_seconds` more."""
    # Held until the end: two at once would each leave a secret that does not end.
    deployment = deploying.held(deployment.id)
    if deployment.revoked_at is not None:
        raise Problem("conflict", "This deployment is revoked, so it takes no new secret.", hint="Make a new one.")
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise invalid({"overlap_seconds": [f"A whole number from 0 to {MAX_OVERLAP_SECONDS} (30 days)."]})
    ends = timezone.now() + dt.timedelta(seconds=overlap_seconds)
    earlier = IdentitySecret.objects.filter(deployment=deployment, expires_at=None)
    is_first = not earlier.update(expires_at=ends)
    value = tokens.make("cis").value
    row = IdentitySecret(deployment=deployment, hint=value[-4:])
    row.sealed = crypto.seal(value, workspace_id=deployment.workspace_id, purpose=purpose(row))
    row.save()
    what = "deployment.identity_secret_made" if is_first else "deployment.identity_secret_rotated"
    audit.record(actor, what, deployment, hint=row.hint, overlap_seconds=overlap_seconds)
    return NewSecret(row, value)


def end_secret(actor: Actor, deployment: Deployment, secret: IdentitySecret) -> None:
    """Take no more tokens of this secret, from now on."""
    now = timezone.now()
    if secret.expires_at is not None and secret.expires_at <= now:
        return
    secret.expires_at = now
    secret.save(update_fields=["expires_at"])
    audit.record(actor, "deployment.identity_secret_ended", deployment, hint=secret.hint)


def _key(row: IdentitySecret) -> str:
    try:
        return crypto.unseal(row.sealed, workspace_id=row.workspace_id, purpose=purpose(row))
    except crypto.Unreadable as unreadable:
        logger.error("identity secret %s of deployment %s: %s", row.id, row.deployment_id, unreadable)
        raise Problem(
            "unavailable",
            "The identity secret of this deployment can't be read, so no user_token can be checked.",
            hint="Set CONVOSHIP_SECRETS_KEYS as it was, or make a new secret on the Identity tab.",
        ) from None


def purpose(row: IdentitySecret) -> str:
    """What the encryption of an identity secret is bound to, beside the workspace."""
    return f"identity_secret:{row.id}"


# --- Tokens -------------------------------------------------------------------------------------------------------


def refused(reason: str, detail: str, hint: str = DOCS_HINT) -> Problem:
    """403 `identity_required`, with a word that a program can tell the reasons apart by."""
    return Problem("identity_required", detail, hint=hint, extra={"reason": reason})


def verify(deployment: Deployment, token: str, *, in_use: bool = True) -> Verified:
    """What the token proves; 403 with the reason where it proves nothing. Inside `tenant()`.

    With `in_use` off it is only tried, which is no use of the secret.
    """
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise refused("malformed", f"user_token is not a JWT of at most {LONGEST_TOKEN} characters.")
    secrets = live_secrets(deployment)
    if not secrets:
        raise refused(
            "no_secret",
            "This deployment has no identity secret, so no user_token can be checked.",
            hint="Make one on the deployment's Identity tab, and sign with it.",
        )
    for secret in secrets:
        try:
            claims = _claims(secret, token)
        except jwt.InvalidSignatureError:
            continue
        if in_use:
            _note_use(secret)
        return _verified(claims)
    raise refused(
        "signature",
        "The signature of user_token does not fit the identity secret of this deployment.",
        hint="Sign with the secret of this very deployment, as it was shown (cis_...), with HS256.",
    )


def _claims(secret: IdentitySecret, token: str) -> dict[str, Any]:
    key = _key(secret)
    options: Any = {"require": ["sub", "exp"], "verify_aud": False, "verify_iss": False}
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["HS256"], leeway=CLOCKS_APART, options=options)
    except jwt.InvalidSignatureError:
        raise
    except jwt.ExpiredSignatureError:
        raise refused("expired", "user_token has expired.", hint="Make a fresh one for each page load.") from None
    except jwt.MissingRequiredClaimError as missing:
        raise refused("claims", f"user_token lacks the claim {missing.claim}.") from None
    except jwt.InvalidAlgorithmError:
        raise refused("algorithm", "user_token is not signed with HS256.") from None
    except jwt.ImmatureSignatureError:
        raise refused(
            "claims", "user_token is not valid yet (iat or nbf lies ahead).", hint="Set your clock."
        ) from None
    except (InvalidSubjectError, InvalidJTIError):
        raise refused("claims", "sub of user_token is not a text.", hint="Make the user's id a string.") from None
    except (jwt.PyJWTError, OverflowError, RecursionError):
        if token.count(".") != 2:
            raise refused("malformed", "user_token is not a JWT: that has three parts with dots between.") from None
        raise refused(
            "malformed",
            "user_token is not a JWT: its parts, or a time in it, can't be decoded.",
            hint="Send the token just as your library signed it, without quotes around it and nothing cut off.",
        ) from None
    return claims


def _verified(claims: Mapping[str, Any]) -> Verified:
    if int(claims["exp"]) > (timezone.now() + LONGEST_LIFE + CLOCKS_APART).timestamp():
        raise refused("claims", "user_token lives longer than 24 hours.", hint="Set exp to at most 24 hours from now.")
    external_id, name, email = claims["sub"], claims.get("name") or "", claims.get("email") or ""
    if not 1 <= len(external_id) <= LONGEST_ID or not external_id.isprintable() or not external_id.strip():
        raise refused("claims", f"sub of user_token is not a text of 1 to {LONGEST_ID} printable characters.")
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not name.isprintable():
        raise refused("claims", f"name in user_token is not a text of at most {LONGEST_NAME} printable characters.")
    if email:
        try:
            validate_email(email)
        except (ValidationError, TypeError):
            raise refused("claims", "email in user_token is not an e-mail address.") from None
        if not email.isprintable():  # half a surrogate pair, which Django takes for a letter of a domain
            raise refused("claims", "email in user_token is not an e-mail address.")
        if len(email) > LONGEST_EMAIL:
            raise refused("claims", f"email in user_token is longer than {LONGEST_EMAIL} characters.")
    return Verified(external_id, names.shown(name), email)


def _note_use(secret: IdentitySecret) -> None:
    """Once a minute: which secret is still in use is what ends a rotation."""
    now = timezone.now()
    if secret.last_used_at is None or now - secret.last_used_at >= LAST_USED_STEP:
        IdentitySecret.objects.filter(id=secret.id).update(last_used_at=now)
