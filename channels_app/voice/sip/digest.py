"""Digest for SIP, on the side that asks: challenges, and whether an answer to one is right. Pure: times are given.

SHA-256 and MD5 with qop=auth (RFC 7616, RFC 8760). By RFC 8760 who calls takes the first challenge that it knows; those
of before it (baresip 1.0, sipp 3.6) give up over one for SHA-256 wherever it stands, so which are made is the server's
to say. A nonce is signed and not kept: it says when it was made, and for whom. What was answered with it is kept as
long as it is good, as one count of it (`nc`) is taken once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from channels_app.providers.base import same

REALM = "convoship"
# How long a nonce is good, in seconds. A challenge is answered at once.
GOOD_FOR = 30.0
# By the name in a header (RFC 8760 2.1), with hashlib's name.
ALGORITHMS: Mapping[str, str] = {"SHA-256": "sha256", "MD5": "md5"}
# Answered nonces that are kept; each belongs to who knew a password.
MOST_KEPT = 10_000


class Verdict(StrEnum):
    """What an answer is."""

    GOOD = "good"
    # Right or not, its nonce is too old, not ours, or was counted before: ask again.
    STALE = "stale"
    WRONG = "wrong"


@dataclass
class Digest:
    """Of one process: its nonces are of no use to another one, which asks again then."""

    # Those that are asked for, the preferred one first.
    algorithms: Sequence[str] = ("MD5",)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _counts: dict[str, int] = field(default_factory=dict)

    # --- Challenges -------------------------------------------------------------------------------------------------

    def challenges(self, user: str, now: float, *, is_stale: bool = False) -> Sequence[str]:
        """Values of `WWW-Authenticate`, the preferred one first. `now` in seconds, of any clock that only rises."""
        nonce = self._nonce(user, now)
        stale = ", stale=true" if is_stale else ""
        return [
            f'Digest realm="{REALM}", nonce="{nonce}", algorithm={name}, qop="auth"{stale}' for name in self.algorithms
        ]

    def _nonce(self, user: str, now: float) -> str:
        made = f"{int(now * 1000):x}.{secrets.token_hex(8)}"
        return f"{made}.{self._signed(made, user)}"

    def _signed(self, made: str, user: str) -> str:
        return hmac.new(self.key, f"{made}.{user}".encode(), hashlib.sha256).hexdigest()[:32]

    def _made_at(self, nonce: str, user: str) -> float | None:
        """When we made it for this user; None where we did not."""
        made, _, signature = nonce.rpartition(".")
        if not made or not same(self._signed(made, user), signature):
            return None
        return int(made.partition(".")[0], 16) / 1000

    # --- Answers ----------------------------------------------------------------------------------------------------

    def judge(self, answer: Mapping[str, str], method: str, user: str, passwords: Sequence[str], now: float) -> Verdict:
        """What `Authorization` says (its parameters), for this user. One of the passwords has to be right."""
        given = {name.lower(): value for name, value in answer.items()}
        algorithm = given.get("algorithm", "MD5").upper()
        if algorithm not in self.algorithms or given.get("qop", "").lower() != "auth":
            return Verdict.WRONG
        count, nonce = _count(given.get("nc", "")), given.get("nonce", "")
        is_right = False
        for password in passwords:
            # All of them: how long it takes tells nothing.
            is_right |= same(response(given, algorithm, method, user, password), given.get("response", "").lower())
        is_theirs = same(given.get("username", "").lower(), user) and given.get("realm") == REALM
        if not is_right or not is_theirs or count is None:
            return Verdict.WRONG
        made_at = self._made_at(nonce, user)
        if made_at is None or not 0 <= now - made_at <= GOOD_FOR or not self._take(nonce, count, now):
            return Verdict.STALE
        return Verdict.GOOD

    def _take(self, nonce: str, count: int, now: float) -> bool:
        if count <= self._counts.get(nonce, 0):
            return False
        if nonce not in self._counts and len(self._counts) >= MOST_KEPT:
            self._forget(now)
            if len(self._counts) >= MOST_KEPT:
                return False
        self._counts[nonce] = count
        return True

    def _forget(self, now: float) -> None:
        oldest = (now - GOOD_FOR) * 1000
        self._counts = {one: count for one, count in self._counts.items() if int(one.partition(".")[0], 16) >= oldest}


def response(given: Mapping[str, str], algorithm: str, method: str, user: str, password: str) -> str:
    """What is right for these parameters (RFC 7616 3.4.1)."""
    name = ALGORITHMS[algorithm]

    def hashed(text: str) -> str:
        return hashlib.new(name, text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    # As it was written there: users are ids, whose letters may be capital ones.
    called = given.get("username", user)
    secret = hashed(f"{called}:{REALM}:{password}")
    asked = hashed(f"{method}:{given.get('uri', '')}")
    parts = (secret, given.get("nonce", ""), given.get("nc", ""), given.get("cnonce", ""), "auth", asked)
    return hashed(":".join(parts))


def _count(value: str) -> int | None:
    try:
        return int(value, 16) if len(value) == 8 else None
    except ValueError:
        return None
