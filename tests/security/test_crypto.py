"""Secrets at rest."""

from __future__ import annotations

import base64
import os
from typing import Any
from uuid import uuid4

import pytest

from convoship.lib import crypto

HERE = uuid4()


def sealed(value: str = "open sesame") -> bytes:
    return crypto.seal(value, workspace_id=HERE, purpose="door:1")


def test_what_is_sealed_opens_again_and_looks_different_each_time() -> None:
    first, second = sealed(), sealed()
    assert first != second
    assert b"sesame" not in first
    assert crypto.unseal(first, workspace_id=HERE, purpose="door:1") == "open sesame"


def test_a_ciphertext_copied_to_another_workspace_or_purpose_does_not_open() -> None:
    with pytest.raises(crypto.Unreadable):
        crypto.unseal(sealed(), workspace_id=uuid4(), purpose="door:1")
    with pytest.raises(crypto.Unreadable):
        crypto.unseal(sealed(), workspace_id=HERE, purpose="door:2")


def test_a_changed_ciphertext_does_not_open() -> None:
    changed = bytearray(sealed())
    changed[-1] ^= 1
    with pytest.raises(crypto.Unreadable):
        crypto.unseal(bytes(changed), workspace_id=HERE, purpose="door:1")


def test_after_a_rotation_of_master_keys_the_old_opens_and_the_new_seals(settings: Any) -> None:
    old, new = os.urandom(32), os.urandom(32)
    settings.SECRETS_KEYS = [old]
    earlier = sealed()
    settings.SECRETS_KEYS = [new, old]
    assert crypto.unseal(earlier, workspace_id=HERE, purpose="door:1") == "open sesame"
    later = sealed()
    settings.SECRETS_KEYS = [new]
    assert crypto.unseal(later, workspace_id=HERE, purpose="door:1") == "open sesame"
    with pytest.raises(crypto.Unreadable, match="CONVOSHIP_SECRETS_KEYS"):
        crypto.unseal(earlier, workspace_id=HERE, purpose="door:1")


@pytest.mark.parametrize(
    "value", ["", "short", "!" * 44, base64.urlsafe_b64encode(b"31 bytes are one too few here..").decode()]
)
def test_a_master_key_that_is_none_is_named(value: str) -> None:
    good = base64.urlsafe_b64encode(os.urandom(32)).decode()
    with pytest.raises(ValueError, match="key 2 is not"):
        crypto.parse_master_keys([good, value])
