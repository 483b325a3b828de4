"""Tokens: `prefix_` + 32 random base62 characters + CRC-32 of all before it in base62, 6 wide (CONTRACT section 2).

The checksum lets a mistyped token be refused without asking the database, and lets secret scanners be sure. Only the
SHA-256 digest is kept: 190 random bits need no slow hash.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Literal

Prefix = Literal["cdp", "cst", "cpt", "csk", "cis"]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BODY_LENGTH = 32
CHECKSUM_LENGTH = 6
READABLE_PREFIX_LENGTH = 12
PLACEHOLDER_SUFFIX = "_PASTE_YOUR_TOKEN"

_FORM = re.compile(rf"(cdp|cst|cpt|csk|cis)_[0-9A-Za-z]{{{BODY_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)


@dataclass(frozen=True)
class NewToken:
    """A token as it is made: `value` is shown once, `digest` and `prefix` are kept."""

    value: str
    digest: bytes
    prefix: str


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode("ascii"))
    characters = []
    for _ in range(CHECKSUM_LENGTH):
        number, remainder = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[remainder])
    return "".join(reversed(characters))


def make(prefix: Prefix) -> NewToken:
    """A fresh token of this kind."""
    body = f"{prefix}_" + "".join(secrets.choice(ALPHABET) for _ in range(BODY_LENGTH))
    value = body + _checksum(body)
    return NewToken(value=value, digest=digest(value), prefix=value[:READABLE_PREFIX_LENGTH])


def digest(value: str) -> bytes:
    """What is kept of a token: its SHA-256, 32 bytes."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


def is_well_formed(value: str, prefix: Prefix) -> bool:
    """Whether the text has a token's form, kind and checksum; asks no database."""
    if not _FORM.fullmatch(value) or not value.startswith(f"{prefix}_"):
        return False
    return secrets.compare_digest(value[-CHECKSUM_LENGTH:], _checksum(value[:-CHECKSUM_LENGTH]))


def is_placeholder(value: str) -> bool:
    """Whether this is the stand-in that a copied snippet carries in its token's place."""
    return value.endswith(PLACEHOLDER_SUFFIX)
