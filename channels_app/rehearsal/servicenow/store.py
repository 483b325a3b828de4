"""What the instance holds: records, journal entries, users, attachments, tokens; all in the rehearsal's `contents`.

`contents`: {records, journal, users, attachments, talks: lists of objects; numbers: {table: last}; tokens: {digest:
until}; has_rule: bool}. Values of records are text, as the Table API gives them. jsonb keeps no order of keys, so what
has an order is a list.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Mapping, MutableMapping
from typing import Any

from django.utils import timezone
from django.utils.text import slugify

from channels_app.rehearsal.servicenow.shapes import JOURNALS, Table

MOST_CASES = 50
# Of one case.
MOST_ENTRIES = 200
MOST_USERS, MOST_TOKENS, MOST_FILES = 100, 20, 200
TOKEN_SECONDS = 1799
_FIRST_NUMBER = 10000


def begun() -> dict[str, Any]:
    """An instance in which nothing has happened; the business rule is installed."""
    return {
        **{name: [] for name in ("records", "journal", "users", "attachments", "talks")},
        "numbers": {},
        "tokens": {},
        "has_rule": True,
    }


def sys_id() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def moment() -> str:
    """Now, in UTC, as the database has it."""
    return timezone.now().astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(value: str) -> str:
    """The same as ISO 8601."""
    return f"{value.replace(' ', 'T')}Z" if value else ""


class Store:
    """The instance's database. Changes `contents` in place; whoever holds it saves the row."""

    def __init__(self, contents: MutableMapping[str, Any]) -> None:
        for name, value in begun().items():
            contents.setdefault(name, value)
        self.contents = contents

    @property
    def has_rule(self) -> bool:
        """Whether the business rule is installed that tells us of changes."""
        return bool(self.contents["has_rule"])

    # --- Users ------------------------------------------------------------------------------------------------------

    def user(self, name: str, user_name: str = "") -> dict[str, str]:
        """The user of this name, made where there is none; `user_name` is a slug of it unless given."""
        wanted = user_name or re.sub(r"-+", ".", slugify(name)) or "agent"
        for one in self.contents["users"]:
            if one["user_name"] == wanted:
                return dict(one)
        first, _, last = name.partition(" ")
        made = {
            # By the name, so that a user who was only looked at is the same one later.
            "sys_id": _digest(wanted)[:32],
            "user_name": wanted,
            "name": name,
            "first_name": first,
            "last_name": last,
            "email": f"{wanted}@example.com"[:100],
            "active": "true",
            "sys_created_on": moment(),
            "sys_updated_on": moment(),
            "sys_mod_count": "0",
        }
        self.contents["users"] = [*self.contents["users"], made][-MOST_USERS:]
        return made

    def find_user(self, reference: str, *, display: bool = False) -> dict[str, str] | None:
        """By its sys_id; with `display` by its name."""
        key = "name" if display else "sys_id"
        return next((one for one in self.contents["users"] if one[key] == reference), None)

    # --- Records ----------------------------------------------------------------------------------------------------

    def rows(self, table: str) -> list[dict[str, str]]:
        """All records of a table, in the order in which they were made."""
        named = {"sys_journal_field": "journal", "sys_user": "users", "sys_attachment": "attachments"}.get(table)
        if named:
            return list(self.contents[named])
        return [one for one in self.contents["records"] if one["sys_class_name"] == table]

    def record(self, table: str, key: str) -> dict[str, str] | None:
        """A record by its sys_id."""
        return next((one for one in self.rows(table) if one["sys_id"] == key), None)

    def any_record(self, key: str) -> dict[str, str] | None:
        """A case by its sys_id, whatever its table."""
        return next((one for one in self.contents["records"] if one["sys_id"] == key), None)

    def insert(self, table: Table, values: Mapping[str, str], by: Mapping[str, str]) -> dict[str, str]:
        """Make a record of values that were checked; the oldest makes room. Journals are added by `write`."""
        last = int(self.contents["numbers"].get(table.name, _FIRST_NUMBER)) + 1
        self.contents["numbers"][table.name] = last
        now = moment()
        record = {
            **table.defaults,
            "state": table.first,
            **{name: value for name, value in values.items() if name not in JOURNALS},
            "sys_id": sys_id(),
            "number": f"{table.prefix}{last:07d}",
            "sys_class_name": table.name,
            "sys_created_on": now,
            "sys_created_by": by["user_name"],
            "sys_updated_on": now,
            "sys_updated_by": by["user_name"],
            "sys_mod_count": "0",
            "opened_at": now,
            "opened_by": by["sys_id"],
        }
        self._follow(table, record, by, now)
        self.contents["records"] = self._kept([*self.contents["records"], record])
        return record

    def update(self, table: Table, record: dict[str, str], values: Mapping[str, str], by: Mapping[str, str]) -> None:
        """Change a record, which counts one modification."""
        now = moment()
        record.update({name: value for name, value in values.items() if name not in JOURNALS})
        record["sys_updated_on"], record["sys_updated_by"] = now, by["user_name"]
        record["sys_mod_count"] = str(int(record["sys_mod_count"]) + 1)
        self._follow(table, record, by, now)
        # What changed last stands last.
        others = [one for one in self.contents["records"] if one["sys_id"] != record["sys_id"]]
        self.contents["records"] = [*others, record]

    def _follow(self, table: Table, record: dict[str, str], by: Mapping[str, str], now: str) -> None:
        """What the instance itself sets when a state is reached."""
        state = record["state"]
        record["active"] = "false" if state in table.over else "true"
        if "6" in table.states:
            record["incident_state"] = state
            is_resolved = state in table.resolved
            record["resolved_at"] = (record.get("resolved_at") or now) if is_resolved else ""
            record["resolved_by"] = (record.get("resolved_by") or by["sys_id"]) if is_resolved else ""
        is_over = state in table.over
        record["closed_at"] = (record.get("closed_at") or now) if is_over else ""
        record["closed_by"] = (record.get("closed_by") or by["sys_id"]) if is_over else ""

    def _kept(self, records: list[dict[str, str]]) -> list[dict[str, str]]:
        kept = records[-MOST_CASES:]
        gone = {one["sys_id"] for one in records} - {one["sys_id"] for one in kept}
        if gone:
            self.contents["journal"] = [one for one in self.contents["journal"] if one["element_id"] not in gone]
            self.contents["attachments"] = [
                one for one in self.contents["attachments"] if one["table_sys_id"] not in gone
            ]
        return kept

    def write(self, record: Mapping[str, str], element: str, value: str, by: Mapping[str, str]) -> dict[str, str]:
        """Append to a journal of a record: a row of sys_journal_field (retrieving-journal-entries)."""
        entry = {
            "sys_id": sys_id(),
            "element_id": record["sys_id"],
            "element": element,
            "name": record["sys_class_name"],
            "value": value,
            "sys_created_on": moment(),
            "sys_created_by": by["user_name"],
            "sys_tags": "",
        }
        own = [one for one in self.contents["journal"] if one["element_id"] == record["sys_id"]]
        others = [one for one in self.contents["journal"] if one["element_id"] != record["sys_id"]]
        self.contents["journal"] = [*others, *own[-MOST_ENTRIES + 1 :], entry]
        return entry

    def journal_of(self, record: Mapping[str, str]) -> list[dict[str, str]]:
        """What was written to a record, in order."""
        return [one for one in self.contents["journal"] if one["element_id"] == record["sys_id"]]

    def name_of(self, user_name: str) -> str:
        """The name of a user whose user_name it is."""
        users = self.contents["users"]
        return next((str(one["name"]) for one in users if one["user_name"] == user_name), user_name)

    def attach(self, values: Mapping[str, str], by: Mapping[str, str]) -> dict[str, str]:
        """Keep what is known of a file; its bytes are not kept."""
        now = moment()
        made = {
            **values,
            "sys_id": sys_id(),
            "sys_created_on": now,
            "sys_created_by": by["user_name"],
            "sys_updated_on": now,
            "sys_updated_by": by["user_name"],
            "sys_mod_count": "0",
            "sys_tags": "",
        }
        self.contents["attachments"] = [*self.contents["attachments"], made][-MOST_FILES:]
        return made

    # --- Tokens -----------------------------------------------------------------------------------------------------

    def issue(self) -> str:
        """A new access token, of which only a digest is kept."""
        token, until = secrets.token_urlsafe(64), int(timezone.now().timestamp()) + TOKEN_SECONDS
        tokens = {**self.contents["tokens"], _digest(token): until}
        newest = sorted(tokens.items(), key=lambda item: item[1])[-MOST_TOKENS:]
        self.contents["tokens"] = dict(newest)
        return token

    def is_token(self, token: str) -> bool:
        """Whether it was issued here and is not over."""
        until = self.contents["tokens"].get(_digest(token), 0)
        return bool(token) and int(until) > timezone.now().timestamp()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
