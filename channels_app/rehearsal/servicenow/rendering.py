"""How a record is answered: as values, as display values, or as both (c_TableAPI, sysparm_display_value)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.rehearsal.servicenow.answers import not_silently
from channels_app.rehearsal.servicenow.shapes import JOURNALS, READ_ONLY, REFERENCES, USER_FIELDS, Table, fields_of
from channels_app.rehearsal.servicenow.store import Store

Rendered = dict[str, Any]
_LABELS = {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"}


class Renderer:
    """Records as the caller wants them, by the parameters of the call."""

    def __init__(self, store: Store, base_url: str, query: Mapping[str, str], table: Table | None, name: str) -> None:
        self.store, self.base_url, self.table, self.name = store, base_url, table, name
        self.display = query.get("sysparm_display_value") or "false"
        self.links = query.get("sysparm_exclude_reference_link", "false") != "true"
        self.fields = _wanted(query.get("sysparm_fields", ""), self.known)

    @property
    def known(self) -> Sequence[str]:
        """All fields of the table."""
        return fields_of(self.table) if self.table else READ_ONLY[self.name]

    def render(self, record: Mapping[str, str]) -> Rendered:
        """The record, field by field."""
        return {name: self._value(record, name) for name in self.fields}

    def _value(self, record: Mapping[str, str], name: str) -> Any:
        value = record.get(name, "")
        shown = self._shown(record, name, value)
        is_reference = self.table is not None and name in REFERENCES and bool(value)
        link = {"link": self._link(name, value)} if is_reference and self.links else {}
        if self.display == "all":
            return {"display_value": shown, "value": value, **link}
        if self.display == "true":
            return {"display_value": shown, **link} if is_reference and self.links else shown
        return {**link, "value": value} if is_reference and self.links else value

    def _shown(self, record: Mapping[str, str], name: str, value: str) -> str:
        if self.table is None:
            return value
        if name in JOURNALS or name == "comments_and_work_notes":
            return self._journal(record, name)
        if name in {"state", "incident_state"}:
            return self.table.states.get(value, value)
        if name in {"impact", "urgency", "severity"}:
            return _LABELS.get(value, value)
        if name in USER_FIELDS and value:
            user = self.store.find_user(value)
            return user["name"] if user else value
        return value

    def _journal(self, record: Mapping[str, str], name: str) -> str:
        """The entries with who wrote them, the newest first; that is how a journal is displayed."""
        entries = [one for one in self.store.journal_of(record) if name not in JOURNALS or one["element"] == name]
        parts = [
            f"{one['sys_created_on']} - {self.store.name_of(one['sys_created_by'])} ({JOURNALS[one['element']]})"
            f"\n{one['value']}\n\n"
            for one in reversed(entries)
        ]
        return "".join(parts)

    def _link(self, name: str, value: str) -> str:
        table = "sys_user" if name in USER_FIELDS else "sys_user_group" if name == "assignment_group" else name
        return f"{self.base_url}/api/now/table/{table}/{value}"


def _wanted(text: str, known: Sequence[str]) -> Sequence[str]:
    """«Invalid fields are ignored»: here they are refused, or nobody would see that they are misspelt."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise not_silently("sysparm_fields", f"There is no field “{name[:60]}” in this table.")
    return names or known
