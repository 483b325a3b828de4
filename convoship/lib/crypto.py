"""Secrets at rest: encrypted with a key of their own workspace and purpose, derived from the master keys.

Fernet (AES-128-CBC with HMAC-SHA256) under a key from HKDF-SHA256 (RFC 5869) of a master key. Workspace and purpose go
into the derivation, so what was sealed for one place does not open in another, wherever its bytes are copied to.
Master keys stand in `CONVOSHIP_SECRETS_KEYS`, the newest first: that one seals, each of them opens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

KEY_BYTES = 32


class Unreadable(Exception):
    """No master key that is set opens this: it was sealed with one that is gone, for another place, or was changed."""


def parse_master_keys(values: Sequence[str]) -> list[bytes]:
    """The keys' bytes; ValueError that names the one that is no url-safe base64 of 32 bytes."""
    keys = []
    for position, value in enumerate(values, start=1):
        try:
            key = base64.b64decode(value, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(f"key {position} is not the url-safe base64 of {KEY_BYTES} random bytes")
        keys.append(key)
    return keys


def seal(value: str, *, workspace_id: UUID, purpose: str) -> bytes:
    """The value encrypted for this workspace and purpose, e.g. `identity_secret:<id>`."""
    return _box(workspace_id, purpose).encrypt(value.encode())


def unseal(sealed: bytes | memoryview, *, workspace_id: UUID, purpose: str) -> str:
    """What was sealed; `Unreadable` where it can't be opened."""
    try:
        return _box(workspace_id, purpose).decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise Unreadable(
            "This secret can't be decrypted: CONVOSHIP_SECRETS_KEYS lacks the key that it was encrypted with."
        ) from None


def name_of(master: bytes) -> str:
    """What a master key is called where it may not be shown: 8 characters of a digest of it."""
    return hashlib.sha256(b"convoship.master-key\0" + master).hexdigest()[:8]


def opened_by(sealed: bytes | memoryview, *, workspace_id: UUID, purpose: str) -> bytes | None:
    """The master key that opens this; None where none that is set does."""
    for master in settings.SECRETS_KEYS:
        try:
            Fernet(_derived(master, workspace_id, purpose)).decrypt(bytes(sealed))
        except InvalidToken:
            continue
        return bytes(master)
    return None


def _box(workspace_id: UUID, purpose: str) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key, workspace_id, purpose)) for key in settings.SECRETS_KEYS])


@lru_cache(maxsize=1024)
def _derived(master: bytes, workspace_id: UUID, purpose: str) -> bytes:
    info = b"convoship.secret\0" + workspace_id.bytes + purpose.encode()
    return base64.urlsafe_b64encode(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(master))
