"""As much of a ServiceNow instance as its adapter asks for, by the pages of its Table API, and unsaved cases for it."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from channels_app.providers.base import Account, Outgoing, Planned, Receipt
from channels_app.providers.desk_port import CaseThere, KnownCase
from channels_app.providers.servicenow.provider import Servicenow
from deployments.desks import Case
from deployments.models import Conversation, Handoff, Message, Person
from tests.channels.far_end import FarEnd, Said, Seen

FIXTURES = Path(__file__).parent / "fixtures" / "servicenow_adapter"
US, AGENT = "convoship.integration", "beth.anglin"
NAMES = {US: "Convoship", AGENT: "Beth Anglin"}
SECRET = "a secret of thirty-two characters"
START = dt.datetime(2026, 11, 28, 10, 0, tzinfo=dt.UTC)


def vendor(name: str) -> Any:
    """An example of the vendor's own."""
    return json.loads((FIXTURES / f"{name}.json").read_text())["body"]


def answer(body: Any, status: int = 200, **headers: str) -> Said:
    return Said(status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


def page(words: str, status: int = 200) -> Said:
    return Said(status, {"Content-Type": "text/html"}, f"<html><body>{words}</body></html>".encode())


def error(status: int, message: str, detail: str = "", **headers: str) -> Said:
    return answer({"error": {"message": message, "detail": detail}, "status": "failure"}, status, **headers)


def refused(path: str) -> Said:
    return error(404, "No Record found", f"Record doesn't exist or ACL restricts the record retrieval: {path}")


def _holds(has: str, how: str, value: str) -> bool:
    return {"=": has == value, ">=": has >= value, "IN": has in value.split(",")}[how]


@dataclass
class Instance:
    """Tables in memory.

    `ignores`: fields that its tables don't have; `passes_over`: fields by which it does not query; `next`: what is said
    instead, once each.
    """

    end: FarEnd
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    ignores: frozenset[str] = frozenset()
    passes_over: frozenset[str] = frozenset()
    next: list[Said | None] = field(default_factory=list)
    seconds: int = 0

    def __post_init__(self) -> None:
        self.tables.setdefault("sys_user", [{"user_name": user, "name": name} for user, name in NAMES.items()])
        self.end.answers = self.say

    def now(self) -> str:
        self.seconds += 1
        return (START + dt.timedelta(seconds=self.seconds)).strftime("%Y-%m-%d %H:%M:%S")

    def say(self, seen: Seen) -> Said:
        """What is asked for is done although the answer is lost, where `next` says so with a cut."""
        said = self.next.pop(0) if self.next else None
        if said is not None and not said.cut:
            return said
        done = self._done(seen)
        return said or done

    def _done(self, seen: Seen) -> Said:
        parts = urlsplit(seen.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/api/now/attachment/file":
            return answer({"result": self._attach(query, seen.body)}, 201)
        if parts.path == "/api/now/attachment":
            return answer({"result": self._found(self.tables.get("sys_attachment", []), query)})
        match = re.fullmatch(r"/api/now/table/([a-z_]+)(?:/([0-9a-f]{32}))?", parts.path)
        if match is None:
            return error(404, "Requested URI does not represent any resource", parts.path)
        table, sys_id = match[1], match[2]
        if seen.method == "POST":
            return answer({"result": self._shown(self.insert(table, seen.json, US), query)}, 201)
        if sys_id is None:
            return answer({"result": self._found(self.tables.get(table, []), query)})
        row = next((one for one in self.tables.get(table, []) if one["sys_id"] == sys_id), None)
        if row is None:
            return refused(parts.path)
        if seen.method == "PATCH":
            self.update(table, row, seen.json, US)
        return answer({"result": self._shown(row, query)})

    def insert(self, table: str, body: dict[str, str], by: str) -> dict[str, str]:
        rows, at = self.tables.setdefault(table, []), self.now()
        example = {
            name: value for name, value in vendor("incident_created")["result"].items() if isinstance(value, str)
        }
        row = {
            **(example if table != "sys_journal_field" else {}),
            "sys_id": uuid.uuid4().hex,
            "number": f"{table[:3].upper()}{len(rows) + 1:07d}",
            "sys_created_on": at,
            "sys_created_by": by,
            "sys_mod_count": "-1",
            "correlation_id": "",
            "assigned_to": "",
            "active": "true",
            "assignment_group": "",
        }
        for name in self.ignores:
            row.pop(name, None)
        rows.append(row)
        self.update(table, row, body, by, at)
        return row

    def update(self, table: str, row: dict[str, str], body: dict[str, str], by: str, at: str = "") -> None:
        at = at or self.now()
        row |= {"sys_updated_on": at, "sys_updated_by": by, "sys_mod_count": str(int(row["sys_mod_count"]) + 1)}
        for name, value in body.items():
            if name in {"comments", "work_notes"}:
                self.write(row["sys_id"], name, value, by, at)
            elif name not in self.ignores:
                row[name] = value

    def write(self, ref: str, element: str, value: str, by: str = AGENT, at: str = "") -> str:
        rows, sys_id = self.tables.setdefault("sys_journal_field", []), uuid.uuid4().hex
        row = {"sys_id": sys_id, "element_id": ref, "element": element, "value": value}
        rows.append({**row, "sys_created_by": by, "sys_created_on": at or self.now()})
        return sys_id

    def _attach(self, query: dict[str, str], body: bytes) -> dict[str, str]:
        row = {
            **vendor("attached")["result"],
            "sys_id": uuid.uuid4().hex,
            "table_sys_id": query["table_sys_id"],
            "file_name": query["file_name"],
            "size_bytes": str(len(body)),
            "sys_created_by": US,
            "sys_created_on": self.now(),
        }
        self.tables.setdefault("sys_attachment", []).append(row)
        return row

    def _found(self, rows: list[dict[str, str]], query: dict[str, str]) -> list[dict[str, Any]]:
        """Conditions of fields that no row has are passed over, as an instance does."""
        found = list(rows)
        for part in query.get("sysparm_query", "").split("^"):
            if order := re.fullmatch(r"ORDERBYDESC(\w+)", part):
                found.sort(key=lambda one: one.get(order[1], ""), reverse=True)
            elif match := re.fullmatch(r"(\w+?)(>=|=|IN)(.*)", part):
                name, how, value = match[1], match[2], match[3]
                if name in self.passes_over or not any(name in one for one in rows):
                    continue
                if value == "javascript:gs.getUserID()":
                    name, value = "user_name", US
                found = [one for one in found if _holds(one.get(name, ""), how, value)]
        start, limit = int(query.get("sysparm_offset", 0)), int(query.get("sysparm_limit", 10000))
        return [self._shown(one, query) for one in found[start : start + limit]]

    def _shown(self, row: dict[str, str], query: dict[str, str]) -> dict[str, Any]:
        wanted = query.get("sysparm_fields", "").split(",") if query.get("sysparm_fields") else list(row)
        values = {name: row[name] for name in wanted if name in row}
        if query.get("sysparm_display_value") != "all":
            return dict(values)
        return {
            name: {"value": value, "display_value": NAMES.get(value, value) if name == "assigned_to" else value}
            for name, value in values.items()
        }

    def journal(self, element: str = "") -> list[str]:
        rows = self.tables.get("sys_journal_field", [])
        return [one["value"] for one in rows if not element or one["element"] == element]


def account(base_url: str = "", credentials: dict[str, str] | None = None, **config: Any) -> Account:
    given = {"username": US, "password": "p", "webhook_secret": SECRET} if credentials is None else credentials
    url = f"https://convoship.example/v1/public/channels/servicenow/{uuid4()}"
    return Account(
        uuid4(), "Desk", {"instance": "acme", "mode": "incident", **config}, given, {}, url, f"{url}/status", base_url
    )


def make_case(key: str = "", **fields: Any) -> Case:
    person = Person(id=uuid4(), name="Anna", email=fields.pop("email", ""), external_id=fields.pop("external_id", None))
    conversation = Conversation(
        id=uuid4(), person=person, channel="web", locale="de-AT", page_url="https://shop.example/"
    )
    times = {"longest_wait": dt.timedelta(minutes=5), "longest_silence": dt.timedelta(minutes=5)}
    handoff = Handoff(id=uuid4(), conversation=conversation, cause="visitor", reason="They asked.", offers=1, **times)
    return Case(handoff, conversation)


def message(text: str, kind: str = "visitor", seq: int = 1, **fields: Any) -> Message:
    return Message(seq=seq, rev=seq, author_kind=kind, text=text, created_at=START, **fields)


@dataclass
class Desk:
    """The outbox's part: what was planned is sent in order, and what the desk calls it is kept."""

    provider: Servicenow
    key: str
    there: CaseThere | None = None
    earlier: CaseThere | None = None
    sent: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    async def read_file(self, file_id: str) -> bytes:
        return self.files[file_id]

    def known(self, **fields: Any) -> KnownCase:
        return KnownCase(self.key, self.there, self.earlier, frozenset(self.sent), **fields)

    def outgoing(self, plan: Planned, key: str = "") -> Outgoing:
        since = START + dt.timedelta(seconds=0)
        return Outgoing(
            key or str(uuid4()), self.key, plan.content, since=since, case=self.known(), read_file=self.read_file
        )

    async def send(self, *plans: Planned) -> Receipt:
        receipt = Receipt()
        for plan in plans:
            receipt = await self.provider.send(self.outgoing(plan))
            self.keep(receipt)
        return receipt

    def keep(self, receipt: Receipt) -> None:
        if receipt.provider_id:
            self.sent.append(receipt.provider_id)
        if receipt.case is not None:
            self._remember(receipt.case)

    def _remember(self, there: CaseThere) -> None:
        before = self.there.about if self.there is not None else {}
        self.there = CaseThere(there.ref, there.number, there.url, {**before, **there.about})

    async def look(self) -> list[tuple[str, str, str]]:
        """What a look found, as (what, name, text)."""
        looked = await self.provider.look_at(self.known())
        if looked.there is not None:
            self._remember(looked.there)
        self.again, self.events = looked.again, list(looked.events)
        return [
            (getattr(one, "says", one.kind), getattr(one, "name", ""), getattr(one, "text", one.what))
            for one in self.events
        ]
