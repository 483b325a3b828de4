"""What the stand-in keeps: one JSON dict, read and written through here.

Shape: `{next: {name: number}, groups: [...], tokens: [{digest, scope, until}], posted: [{digest, webhook}]}`, and by
their ids `users`, `tickets` (with `comments` and `log`), `uploads`, `webhooks`, `triggers`, `keys` (of requests, with
the answers they had), `conversations` (with `messages` and `log`), `sc_webhooks` (messaging's).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from channels_app.providers.base import Account

MOST_CASES = 50
MOST_KEPT = 200
# Characters of JSON.
LARGEST = 4_000_000

# The user whom the OAuth client is bound to (developer.zendesk.com/documentation/api-basics/authentication/
# api-tokens-to-oauth/: "on behalf of the user who created the OAuth client").
INTEGRATION_USER = 22_500_000_000_001
# "-1" represents the Zendesk system (developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks).
SYSTEM_USER = -1
GROUP = 22_600_000_000_001
BRAND = 22_700_000_000_001
ACCOUNT = 22_800_001
CATEGORY = "22900001"

Record = dict[str, Any]


def beginning() -> Record:
    """What an account of a rehearsal begins with: its integration user, a group, the system's fields, no webhooks."""
    at = _seconds(timezone.now())
    admin = user_record(INTEGRATION_USER, "Convoship integration", "convoship@rehearsal.example", "admin", at)
    group = {"id": GROUP, "name": "Support", "default": True, "created_at": at, "updated_at": at}
    return {
        "next": {},
        "users": {str(INTEGRATION_USER): admin},
        "groups": [group],
        "tickets": {},
        "uploads": {},
        "webhooks": {},
        "triggers": {},
        "tokens": [],
        "keys": {},
        "posted": [],
        "conversations": {},
        "sc_webhooks": {},
    }


def user_record(
    user_id: int, name: str, email: str | None, role: str, at: str, external_id: str | None = None
) -> Record:
    """A user as it is kept."""
    return {
        "id": user_id,
        "name": name,
        "email": email,
        "role": role,
        "external_id": external_id,
        "phone": None,
        "created_at": at,
        "updated_at": at,
    }


class Books:
    """The dict, with what is asked of it by name. Changes are in the dict at once; whoever made it saves it."""

    def __init__(self, contents: Record, account: Account) -> None:
        if "posted" not in contents:
            contents.update({**beginning(), **contents})
        self.contents, self.account = contents, account

    def part(self, name: str) -> Record:
        """One of its parts that are kept by id."""
        found: Record = self.contents[name]
        return found

    def rows(self, name: str) -> list[Any]:
        """One of its parts that are lists."""
        found: list[Any] = self.contents[name]
        return found

    def next(self, name: str, first: int = 1) -> int:
        """The next number of a sequence."""
        numbers = self.part("next")
        numbers[name] = numbers.get(name, first - 1) + 1
        return int(numbers[name])

    def now(self) -> str:
        """UTC, in seconds: "Time stamps use UTC time and their format is ISO 8601"."""
        return _seconds(timezone.now())

    def keep(self, name: str, key: str, record: Record, most: int = MOST_KEPT) -> None:
        """Keep a record; the oldest make room."""
        part = self.part(name)
        part[key] = record
        while len(part) > most:
            # JSON in the database may order keys otherwise than they came.
            del part[min(part, key=lambda one: str(part[one].get("kept_at") or part[one].get("created_at") or ""))]

    def switchboard(self) -> dict[str, str]:
        """The ids of messaging's switchboard and its integrations: always the same for a connection.

        `own` is our seat in the switchboard; `own_integration` the integration that sits there, which the settings name
        (`integrationId`: github zendesk/sunshine-conversations-api-spec, switchboardIntegration).
        """
        names = ("switchboard", "own", "own_integration", "agents", "desk", "web")
        seed = str(self.account.connection_id)
        ids = {name: hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:24] for name in names}
        named = str(self.account.config.get("integration_id") or "")
        return {**ids, "own_integration": named or ids["own_integration"]}

    def is_too_large(self) -> bool:
        """Whether it is more than a row should hold, with none but the case that changed last; others make room."""
        while len(json.dumps(self.contents)) > LARGEST:
            cases = {key: one for name in ("tickets", "conversations") for key, one in self.part(name).items()}
            if len(cases) < 2:
                return True
            oldest = min(
                cases, key=lambda one: int(cases[one].get("generated_timestamp") or cases[one].get("order", 0))
            )
            self.part("tickets").pop(oldest, None)
            self.part("conversations").pop(oldest, None)
        return False

    def url(self, path: str) -> str:
        """An address at the stand-in."""
        return f"{self.account.base_url}{path}"

    # --- People -----------------------------------------------------------------------------------------------------

    def user(self, user_id: object) -> Record | None:
        """A user by id."""
        found: Record | None = self.part("users").get(str(user_id))
        return found

    def find_user(self, *, email: str | None = None, external_id: str | None = None) -> Record | None:
        """A user by e-mail address, or by external id, neither of them case sensitive."""
        for one in self.part("users").values():
            if email and (one["email"] or "").lower() == email.lower():
                return dict_of(one)
            if external_id and (one["external_id"] or "").lower() == external_id.lower():
                return dict_of(one)
        return None

    def make_user(self, name: str, email: str | None, role: str, external_id: str | None = None) -> Record:
        """A new user."""
        user_id = self.next("user", INTEGRATION_USER + 1)
        made = user_record(user_id, name, email, role, self.now(), external_id)
        # People of tickets that are gone make room; whoever is at work stays.
        self.keep("users", str(user_id), made, most=4 * MOST_KEPT)
        self.part("users").setdefault(str(INTEGRATION_USER), beginning()["users"][str(INTEGRATION_USER)])
        return made

    def agent(self, name: str) -> Record:
        """The agent of a name, made where there is none yet."""
        name = name or "Agent"
        for one in self.part("users").values():
            if one["role"] == "agent" and one["name"] == name:
                return dict_of(one)
        word = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum()) or "agent"
        return self.make_user(name, f"{word}.{secrets.token_hex(3)}@rehearsal.example", "agent")

    def groups(self) -> list[Record]:
        """Its groups, and the one that the connection's settings name."""
        groups = [dict_of(one) for one in self.rows("groups")]
        named = str(self.account.config.get("group_id") or "")
        if named.isdigit() and all(str(one["id"]) != named for one in groups):
            groups.append({**groups[0], "id": int(named), "name": "The group of the settings", "default": False})
        return groups


def dict_of(value: object) -> Record:
    """It, where it is an object; the very same, so that it can be changed."""
    return value if isinstance(value, dict) else {}


def _seconds(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def at_of(text: str) -> dt.datetime:
    """A time stamp read back."""
    return dt.datetime.fromisoformat(text)


def named(record: Mapping[str, Any] | None) -> str:
    """The name of somebody, or of nobody."""
    return str(record["name"]) if record else ""
