"""The Table API (c_TableAPI): POST, GET, PATCH and PUT of records, and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call, read
from channels_app.rehearsal.servicenow import answers, queries, shapes
from channels_app.rehearsal.servicenow.answers import Refused, not_silently
from channels_app.rehearsal.servicenow.rendering import Renderer
from channels_app.rehearsal.servicenow.shapes import JOURNALS, Table
from channels_app.rehearsal.servicenow.store import Store
from convoship.lib.plain_errors import failures

BOOLEANS = ("true", "false")
_SHARED = {
    "sysparm_display_value": ("true", "false", "all"),
    "sysparm_exclude_reference_link": BOOLEANS,
    "sysparm_fields": (),
    "sysparm_query_no_domain": BOOLEANS,
    "sysparm_view": ("desktop", "mobile", "both"),
}
_LISTING: Mapping[str, tuple[str, ...]] = _SHARED | {
    "sysparm_query": (),
    "sysparm_limit": (),
    "sysparm_offset": (),
    "sysparm_no_count": BOOLEANS,
    "sysparm_suppress_pagination_header": BOOLEANS,
    "sysparm_query_category": (),
}
_WRITING: Mapping[str, tuple[str, ...]] = _SHARED | {
    "sysparm_input_display_value": BOOLEANS,
    "sysparm_suppress_auto_sys_field": BOOLEANS,
}
_MOST_ROWS = 10000


@dataclass(frozen=True)
class Written:
    """What a write made of a record: the journal entries that it added, and whether it changed the state."""

    record: Mapping[str, str]
    entries: tuple[Mapping[str, str], ...]
    has_new_state: bool


class TableApi:
    """`/api/now/table/{table}[/{sys_id}]` for one call."""

    def __init__(self, store: Store, call: Call, base_url: str, own_table: str, name: str, key: str) -> None:
        self.store, self.call, self.base_url, self.name, self.key = store, call, base_url, name, key
        self.table = shapes.table_of(name, own_table)
        if self.table is None and name not in shapes.READ_ONLY:
            words = f"Not known here: the table {name[:60]}."
            raise Refused(400, f"Invalid table {name[:80]}", None, words)

    @property
    def _display(self) -> bool:
        return self.call.query.get("sysparm_input_display_value") == "true"

    def renderer(self) -> Renderer:
        """Renders by the parameters of the call."""
        return Renderer(self.store, self.base_url, self.call.query, self.table, self.name)

    # --- Reading ----------------------------------------------------------------------------------------------------

    def read(self) -> Answer:
        """GET: a record, or records."""
        if self.key:
            check_parameters(self.call, _SHARED)
            found = self.store.record(self.name, self.key)
            if found is None:
                raise Refused(404, *answers.NO_RECORD, f"Not found in {self.name}.")
            return answers.result(self.renderer().render(found), address=self._address(found), note=self._looked())
        return self._list()

    def _looked(self) -> str:
        return f"Looked into the table {self.name}."

    def _address(self, record: Mapping[str, str]) -> str:
        return record["sys_id"] if self.table else record.get("element_id") or record.get("table_sys_id") or ""

    def _list(self) -> Answer:
        renderer = self.renderer()
        query = self.call.query
        own = {name: value for name, value in query.items() if name not in _LISTING}
        for name in own:
            if name not in renderer.known:
                raise not_silently(name[:60], "This is no parameter, and no field of this table.")
        check_parameters(self.call, _LISTING, *own)
        if own and query.get("sysparm_query"):
            raise not_silently("sysparm_query", "It excludes name-value pairs beside it.")
        text = query.get("sysparm_query") or "^".join(f"{name}={value}" for name, value in own.items())
        found = queries.parse(text, renderer.known).rows(self.store.rows(self.name))
        limit = queries.number(query, "sysparm_limit", _MOST_ROWS)
        offset = queries.number(query, "sysparm_offset", 0)
        shown = [renderer.render(row) for row in found[offset : offset + limit]]
        headers: dict[str, str] = {}
        if query.get("sysparm_no_count") != "true":
            headers["X-Total-Count"] = str(len(found))
        if query.get("sysparm_suppress_pagination_header") != "true" and len(found) > len(shown):
            headers["Link"] = self._link(limit, offset, len(found))
        address = self._address(found[0]) if len(found) == 1 else ""
        note = f"{self._looked()} {len(shown)} of {len(found)}."
        return answers.result(shown, headers=headers, address=address, note=note)

    def _link(self, limit: int, offset: int, total: int) -> str:
        """The addresses of other pages of the list (Link)."""
        step = max(limit, 1)
        places = {"first": 0, "prev": max(0, offset - step), "next": offset + step, "last": (total - 1) // step * step}
        if offset == 0:
            del places["prev"]
        if offset + step >= total:
            del places["next"]
        parts = []
        for rel, place in places.items():
            query = {**self.call.query, "sysparm_limit": str(limit), "sysparm_offset": str(place)}
            parts.append(f'<{self.base_url}/api/now/table/{self.name}?{urlencode(query)}>;rel="{rel}"')
        return ",".join(parts)

    # --- Writing ----------------------------------------------------------------------------------------------------

    def write(self, by: Mapping[str, str], drops: frozenset[str] = frozenset()) -> tuple[Answer, Written]:
        """POST, PATCH or PUT by a user. `drops`: fields that the instance does not keep, and does not tell."""
        if self.table is None:
            raise _acl("Insert" if self.call.method == "POST" else "Update", f"{self.name} is only read.")
        check_parameters(self.call, _WRITING)
        before = self.store.record(self.name, self.key) if self.key else None
        if self.key and before is None:
            raise Refused(404, *answers.NO_RECORD, f"Not found in {self.name}.")
        renderer = self.renderer()
        values = self._values(self.table)
        _check_policies(self.table, values, before)
        values = {name: value for name, value in values.items() if name not in drops}
        written = self._keep(self.table, values, before, by)
        return self._answer(renderer, written, is_new=before is None), written

    def _values(self, table: Table) -> dict[str, str]:
        """The fields of the body, checked, as they are stored."""
        body = body_of(self.call)
        errors = failures(shapes.body_schema(table, display=self._display), body)
        if errors:
            raise answers.wrong_values(errors)
        values = {name: str(value) for name, value in body.items()}
        if self._display and "state" in values:
            named = {label: key for key, label in table.states.items()}
            values["state"] = named.get(values["state"], values["state"])
        for name in shapes.USER_FIELDS & values.keys():
            values[name] = self._user(name, values[name])
        return values

    def _user(self, name: str, value: str) -> str:
        """The sys_id of a user that is referred to."""
        if not value:
            return ""
        found = self.store.find_user(value, display=self._display)
        if found is None:
            raise not_silently(name, "There is no such user (look into the table sys_user).")
        return found["sys_id"]

    def _keep(
        self, table: Table, values: Mapping[str, str], before: dict[str, str] | None, by: Mapping[str, str]
    ) -> Written:
        old_state = before["state"] if before else ""
        if before is None:
            record = self.store.insert(table, values, by)
        else:
            record = before
            self.store.update(table, record, values, by)
        entries = [self.store.write(record, name, values[name], by) for name in JOURNALS if values.get(name)]
        return Written(record, tuple(entries), record["state"] != old_state)

    def _answer(self, renderer: Renderer, written: Written, *, is_new: bool) -> Answer:
        record = written.record
        words = [entry["value"] for entry in written.entries]
        text = "\n".join(words) or (record.get("description") or record.get("short_description", "") if is_new else "")
        place = f"{self.base_url}/api/now/table/{self.name}/{record['sys_id']}"
        state = self.table.states.get(record["state"], "") if self.table else ""
        note = f"{record['number']} was {'made' if is_new else 'changed'}; it is {state}."
        return answers.result(
            renderer.render(record),
            201 if is_new else 200,
            # Documented for attachments; a new record is answered with it as well.
            headers={"Location": place} if is_new else {},
            kind=LineKind.CAUGHT,
            address=record["sys_id"],
            text=text,
            provider_id=written.entries[-1]["sys_id"] if written.entries and not is_new else record["sys_id"],
            delivery_id=record.get("correlation_id", "") if is_new else "",
            note=note,
        )


def check_parameters(call: Call, known: Mapping[str, tuple[str, ...]], *more: str) -> None:
    """Refuse parameters that an instance would not look at, and values that it would not understand."""
    for name, value in call.query.items():
        if name in more:
            continue
        if name not in known:
            raise not_silently(name[:60], "This parameter isn't known here.")
        if value and known[name] and value not in known[name]:
            raise not_silently(name, f"This must be one of: {', '.join(known[name])}.")


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object of a body; `Refused` for another format (r_RESTAPIHTTPResponseCodes: 415), or none (400)."""
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not content_type:
        # «Failing to provide the required headers results in a 400 Bad Request error» (c_RESTAPI).
        raise Refused(400, "Bad Request", "Content-Type is missing.", "Not taken: no Content-Type.")
    if content_type != "application/json":
        words = "Not taken: here only application/json is understood."
        raise Refused(415, "Unsupported media type", f"{content_type[:80]} is not supported", words)
    body = read(call.body)
    if body is None:
        raise Refused(400, *answers.NOT_READABLE, "Not taken: no JSON object.")
    return body


def _check_policies(table: Table, values: Mapping[str, str], before: Mapping[str, str] | None) -> None:
    """What ACLs and data policies refuse with 403; see `pages.STATUSES` and `pages.RESOLVING`."""
    if before is not None and before["state"] in table.over:
        raise _acl("Update", f"{before['number']} is {table.states[before['state']]}; nothing changes in it any more.")
    state = values.get("state", before["state"] if before else table.first)
    if state in table.forbidden:
        raise _acl("Update" if before else "Insert", f"{table.states[state]} takes the role itil_admin.")
    merged = {**(before or {}), **values}
    missing = [label for name, label in table.mandatory.items() if not merged.get(name)]
    if state in table.resolved:
        labels = {"close_code": "Resolution code", "close_notes": "Resolution notes"}
        missing += [label for name, label in labels.items() if not merged.get(name)]
    if missing:
        many = f"\n\tThe following fields are mandatory: {', '.join(missing)}"
        detail = f"Data Policy Exception: {many if len(missing) > 1 else f'{missing[0]} is mandatory'}"
        raise Refused(403, "Operation Failed", detail, f"Not taken: missing: {', '.join(missing)}.")


def _acl(what: str, words: str) -> Refused:
    return Refused(403, "Operation Failed", answers.ACL.format(what=what), f"Not taken: {words}")


def told(record: Mapping[str, str], entry: Mapping[str, str] | None, event_id: str) -> str:
    """What the business rule posts of a change: our own convention, for the rule is shipped by us.

    All values are text, as `getValue` of a GlideRecord gives them. `journal` is absent where only the state changed.
    """
    body: dict[str, Any] = {
        "event_id": event_id,
        "table": record["sys_class_name"],
        **{name: record.get(name, "") for name in ("sys_id", "number", "sys_mod_count", "state", "correlation_id")},
    }
    if entry is not None:
        names = ("element", "value", "sys_id", "sys_created_on", "sys_created_by")
        body["journal"] = {name: entry[name] for name in names}
    return json.dumps(body, ensure_ascii=False)
