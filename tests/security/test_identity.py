"""What a `user_token` proves, and what is refused with which reason (CONTRACT section 4)."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from convoship.machine import node
from deployments import identity
from deployments.identity import Verified
from deployments.models import Deployment, IdentitySecret
from tests import factories
from workspaces.models import AuditEvent, Workspace

SAMPLES = Path(__file__).parents[2] / "docs" / "samples" / "identity"


@dataclass(frozen=True)
class Scene:
    """A deployment with a secret."""

    workspace: Workspace
    deployment: Deployment
    secret: str

    def verify(self, token: str) -> Verified:
        with tenant(self.workspace.id):
            return identity.verify(self.deployment, token)

    def reason(self, token: str) -> str:
        with pytest.raises(Problem) as refused:
            self.verify(token)
        assert refused.value.code == "identity_required"
        assert refused.value.status == 403
        assert refused.value.hint
        return str(refused.value.extra["reason"])


@pytest.fixture
def scene(db: None) -> Scene:
    workspace = factories.make_workspace()
    deployment = factories.make_deployment(workspace).deployment
    with tenant(workspace.id):
        made = identity.make_secret(factories.actor(workspace), deployment)
    return Scene(workspace, deployment, made.value)


def signed(secret: str, *, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as a customer's server makes it; a claim that is None is left out."""
    held: dict[str, Any] = {"sub": "u-1", "exp": timezone.now() + dt.timedelta(hours=1)} | claims
    return jwt.encode({name: value for name, value in held.items() if value is not None}, secret, algorithm=algorithm)


def unsigned(header: object, claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(claims)}."


def test_a_good_token_proves_id_name_and_email(scene: Scene) -> None:
    token = signed(scene.secret, name="Jörg", email="j@example.com")
    assert scene.verify(token) == Verified("u-1", "Jörg", "j@example.com")


def test_a_secret_is_kept_encrypted_and_only_its_end_stays_readable(scene: Scene) -> None:
    with tenant(scene.workspace.id):
        row = IdentitySecret.objects.get()
        told = str([event.data for event in AuditEvent.objects.all()])
    assert tokens.is_well_formed(scene.secret, "cis")
    assert row.hint == scene.secret[-4:]
    assert scene.secret.encode() not in bytes(row.sealed)
    assert scene.secret not in told


def test_a_ciphertext_moved_to_another_row_does_not_verify(scene: Scene) -> None:
    with tenant(scene.workspace.id):
        row = IdentitySecret.objects.get()
        IdentitySecret.objects.create(deployment=scene.deployment, sealed=row.sealed, hint=row.hint)
        row.delete()
    with pytest.raises(Problem) as refused:
        scene.verify(signed(scene.secret))
    assert refused.value.code == "unavailable"
    assert "CONVOSHIP_SECRETS_KEYS" in (refused.value.hint or "")


def test_another_deployments_secret_does_not_count(scene: Scene) -> None:
    other = factories.make_deployment(scene.workspace).deployment
    with tenant(scene.workspace.id):
        foreign = identity.make_secret(factories.actor(scene.workspace), other).value
    assert scene.reason(signed(foreign)) == "signature"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda secret: signed(secret, exp=timezone.now() - dt.timedelta(minutes=2)), "expired"),
        (lambda secret: signed(secret, exp=None), "claims"),
        (lambda secret: signed(secret, sub=None), "claims"),
        (lambda secret: signed(secret, exp=timezone.now() + dt.timedelta(hours=25)), "claims"),
        (lambda secret: signed(secret, exp=1e308), "claims"),
        (lambda secret: signed(secret, exp="soon"), "malformed"),
        (lambda secret: signed(secret, iat=timezone.now() + dt.timedelta(hours=1)), "claims"),
        (lambda secret: signed(secret, sub="x" * 256), "claims"),
        (lambda secret: signed(secret, sub=" "), "claims"),
        (lambda secret: signed(secret, email="a@half\ud800.example"), "claims"),
        (lambda secret: signed(secret, sub="a\nb"), "claims"),
        (lambda secret: signed(secret, name=["x"]), "claims"),
        (lambda secret: signed(secret, email="not an address"), "claims"),
        (lambda secret: signed(secret, email={"a": 1}), "claims"),
        (lambda secret: signed(secret * 2, algorithm="HS512"), "algorithm"),
        (lambda secret: signed(secret)[:-3] + "AAA", "signature"),
        (lambda secret: unsigned({"alg": "none"}, {"sub": "u-1", "exp": 4102444800}), "algorithm"),
        (lambda secret: "x.y.z", "malformed"),
        (lambda secret: "", "malformed"),
        (lambda secret: "\ud800.a.b", "malformed"),
        (lambda secret: base64.urlsafe_b64encode(b"[" * 2500).decode().rstrip("=") + ".e30.e30", "malformed"),
        (lambda secret: "a" * 5000, "malformed"),
    ],
)
def test_a_bad_token_is_refused_with_its_reason(scene: Scene, make: Callable[[str], str], reason: str) -> None:
    assert scene.reason(make(scene.secret)) == reason


@pytest.mark.parametrize(
    ("token", "words"),
    [("abc.def.ghi", "its parts, or a time in it, can't be decoded."), ("abc.def", "that has three parts")],
)
def test_what_is_no_jwt_is_told_by_what_is_wrong_with_it(scene: Scene, token: str, words: str) -> None:
    with pytest.raises(Problem) as refused:
        scene.verify(token)
    assert words in refused.value.detail


def test_a_secret_without_its_claims_types_is_refused(scene: Scene) -> None:
    held = {"sub": 7, "exp": int(timezone.now().timestamp()) + 60}
    token = jwt.api_jws.PyJWS().encode(json.dumps(held).encode(), scene.secret, algorithm="HS256")
    assert scene.reason(token) == "claims"


def test_without_a_secret_the_refusal_says_where_to_make_one(db: None) -> None:
    workspace = factories.make_workspace()
    scene = Scene(workspace, factories.make_deployment(workspace).deployment, "")
    assert scene.reason("x.y.z") == "no_secret"


def test_rotation_lets_both_secrets_sign_until_the_overlap_is_over(scene: Scene) -> None:
    who = factories.actor(scene.workspace)
    with tenant(scene.workspace.id):
        newer = identity.make_secret(who, scene.deployment, overlap_seconds=600).value
    assert scene.verify(signed(scene.secret)) == scene.verify(signed(newer)) == Verified("u-1")
    with tenant(scene.workspace.id):
        old = IdentitySecret.objects.get(hint=scene.secret[-4:], expires_at__isnull=False)
        assert old.last_used_at is not None
        identity.end_secret(who, scene.deployment, old)
    assert scene.reason(signed(scene.secret)) == "signature"
    assert scene.verify(signed(newer)) == Verified("u-1")


def test_without_an_overlap_the_old_secret_ends_at_once(scene: Scene) -> None:
    with tenant(scene.workspace.id):
        identity.make_secret(factories.actor(scene.workspace), scene.deployment)
    assert scene.reason(signed(scene.secret)) == "signature"


@pytest.mark.parametrize(
    ("program", "sample"),
    [
        (sys.executable, "user_token.py"),
        ("node", "user_token.mjs"),
        ("php", "user_token.php"),
        ("ruby", "user_token.rb"),
    ],
)
def test_each_sample_makes_a_token_that_is_good(scene: Scene, program: str, sample: str) -> None:
    environment = node.environment() if program == "node" else dict(os.environ)
    ran = subprocess.run(
        [program, str(SAMPLES / sample), "u-1", 'Jörg "Ö" <b>', "j@example.com"],
        env=environment | {"CONVOSHIP_IDENTITY_SECRET": scene.secret},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert scene.verify(ran.stdout.strip()) == Verified("u-1", 'Jörg "Ö" <b>', "j@example.com")
    assert ran.stderr == ""
