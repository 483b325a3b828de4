"""An agent at a record: what they see of it, what they can do, and what the business rule then tells us."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from channels_app.rehearsal.base import Unsayable
from channels_app.rehearsal.desk import Act, Entry, Role, ShownCase
from channels_app.rehearsal.servicenow.shapes import INTERACTION, LONG, Table
from channels_app.rehearsal.servicenow.store import Store, iso
from channels_app.rehearsal.servicenow.table_api import told

REPLY, NOTE = Act("reply", "Additional comments"), Act("note", "Work notes")
ASSIGN = Act("assign", "Assign to me")
PROGRESS, HOLD = Act("progress", "In progress"), Act("hold", "On hold")
RESOLVE, WRAP_UP = Act("resolve", "Resolve"), Act("resolve", "Wrap up")
CLOSE, REOPEN, ABANDON = Act("close", "Close"), Act("reopen", "Reopen"), Act("abandon", "Close as abandoned")
_INCIDENT = {"progress": "2", "hold": "3", "resolve": "6", "close": "7", "reopen": "2"}
_INTERACTION = {
    "progress": "work_in_progress",
    "hold": "on_hold",
    "resolve": "wrap_up",
    "close": "closed_complete",
    "abandon": "closed_abandoned",
    "reopen": "work_in_progress",
}
_RESOLUTION = {"close_code": "Solution provided", "close_notes": "Resolved by the agent."}


@dataclass(frozen=True)
class Changed:
    """What an agent did: in words, and what the rule posts of it (empty where it tells nobody)."""

    words: str
    body: str = ""
    event_id: str = ""


class RecordScreen:
    """The agent's side of records of one table."""

    def __init__(self, store: Store, table: Table) -> None:
        self.store, self.table = store, table

    # --- What is seen -----------------------------------------------------------------------------------------------

    def cases(self) -> list[ShownCase]:
        """The records, the one that changed last first."""
        return [self._case(one) for one in reversed(self.store.rows(self.table.name))]

    def _case(self, record: Mapping[str, str]) -> ShownCase:
        is_over = record["state"] in self.table.over
        caller = self.store.find_user(record.get("caller_id") or record.get("opened_for", ""))
        owner = self.store.find_user(record.get("assigned_to", ""))
        facts = [
            ("Caller", caller["name"] if caller else ""),
            ("Assigned to", owner["name"] if owner else ""),
            ("Correlation ID", record.get("correlation_id", "")),
            ("Correlation display", record.get("correlation_display", "")),
            ("Resolution", record.get("close_notes", "")),
            ("Updates", record["sys_mod_count"]),
        ]
        return ShownCase(
            ref=record["sys_id"],
            number=record["number"],
            title=record.get("short_description", ""),
            status=self.table.states[record["state"]],
            facts=[fact for fact in facts if fact[1]],
            entries=self._entries(record),
            writes=() if is_over else (REPLY, NOTE),
            acts=self._acts(record["state"]),
        )

    def _entries(self, record: Mapping[str, str]) -> list[Entry]:
        entries = []
        if record.get("description"):
            opener = self.store.name_of(record["sys_created_by"])
            entries.append(Entry("event", opener, record["description"], iso(record["sys_created_on"])))
        for one in self.store.journal_of(record):
            is_ours = one["sys_created_by"] == record["sys_created_by"]
            role: Role = "note" if one["element"] == "work_notes" else "customer" if is_ours else "agent"
            name = self.store.name_of(one["sys_created_by"])
            entries.append(Entry(role, name, one["value"], iso(one["sys_created_on"])))
        for file in self.store.rows("sys_attachment"):
            if file["table_sys_id"] == record["sys_id"]:
                name = self.store.name_of(file["sys_created_by"])
                entries.append(Entry("customer", name, "", iso(file["sys_created_on"]), [{"name": file["file_name"]}]))
        return sorted(entries, key=lambda entry: entry.at)

    def _acts(self, state: str) -> Sequence[Act]:
        if state in self.table.over:
            return ()
        is_interaction = self.table is INTERACTION
        is_resolved = state == ("wrap_up" if is_interaction else "6")
        if is_resolved:
            return (ASSIGN, CLOSE, REOPEN)
        acts = [ASSIGN, PROGRESS, HOLD, WRAP_UP if is_interaction else RESOLVE]
        moves = self._moves
        acts = [act for act in acts if moves.get(act.word) != state]
        return (*acts, CLOSE, ABANDON) if is_interaction else (*acts, CLOSE)

    @property
    def _moves(self) -> Mapping[str, str]:
        return _INTERACTION if self.table is INTERACTION else _INCIDENT

    # --- What is done -----------------------------------------------------------------------------------------------

    def do(self, ref: str, does: str, text: str, by: Mapping[str, str]) -> Changed:
        """An act of the agent `by` at a record; `Unsayable` where it can't be done."""
        record = self.store.record(self.table.name, ref)
        if record is None:
            raise Unsayable({"address": ["There is no such record here any more."]})
        case = self._case(record)
        if does not in {act.word for act in (*case.writes, *case.acts)}:
            raise Unsayable({"does": [f"That can't be done: {case.number} is {case.status}."]})
        if len(text) > LONG:
            raise Unsayable({"text": [f"At most {LONG} characters are possible."]})
        if does in {"reply", "note"}:
            return self._write(record, "comments" if does == "reply" else "work_notes", text, by)
        if does == "assign":
            self.store.update(self.table, record, {"assigned_to": by["sys_id"]}, by)
            if text:
                return self._changed(record, self._along(record, text, by), text)
            # The rule looks at journals and the state: of this nobody is told.
            return Changed(f"{record['number']} was assigned to {by['name']}.")
        return self._move(record, does, text, by)

    def _write(self, record: dict[str, str], element: str, text: str, by: Mapping[str, str]) -> Changed:
        if not text:
            raise Unsayable({"text": ["Write something."]})
        self.store.update(self.table, record, {}, by)
        entry = self.store.write(record, element, text, by)
        return self._changed(record, entry, text)

    def _move(self, record: dict[str, str], does: str, text: str, by: Mapping[str, str]) -> Changed:
        state = self._moves[does]
        values = {"state": state}
        if state in self.table.resolved:
            values |= {name: record.get(name) or words for name, words in _RESOLUTION.items()}
            values |= {"close_notes": text} if text else {}
        if does == "reopen" and "close_code" in self.table.writable:
            values |= {"close_code": "", "close_notes": ""}
            values["reopen_count"] = str(int(record.get("reopen_count") or "0") + 1)
        if does == "progress" and not record.get("assigned_to"):
            values["assigned_to"] = by["sys_id"]
        self.store.update(self.table, record, values, by)
        entry = None if state in self.table.resolved else self._along(record, text, by)
        return self._changed(record, entry, f"{record['number']} is {self.table.states[state]}.")

    def _along(self, record: dict[str, str], text: str, by: Mapping[str, str]) -> Mapping[str, str] | None:
        """What stands in the field is saved with whatever else is changed, as an additional comment."""
        return self.store.write(record, "comments", text, by) if text else None

    def _changed(self, record: Mapping[str, str], entry: Mapping[str, str] | None, words: str) -> Changed:
        if not self.store.has_rule:
            return Changed(words)
        event_id = uuid.uuid4().hex
        return Changed(words, told(record, entry, event_id), event_id)
