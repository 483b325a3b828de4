"""What was said in a record since it was last looked at, and how it stands."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers import transcripts
from channels_app.providers.base import ProviderError
from channels_app.providers.desk_port import CaseThere, KnownCase, Looked
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent
from channels_app.providers.servicenow import budget, journal, states
from channels_app.providers.servicenow.api import Api, raw, shown
from channels_app.providers.servicenow.records import FIELDS, table_in
from channels_app.providers.servicenow.words import plain

# Where nothing else tells of what agents do; and where the business rule does, and a call may have been lost.
POLLED, POLLED_WHEN_QUIET = 10.0, 60.0
AGAIN, AGAIN_WHEN_QUIET = 60.0, 300.0
# So long after the last word a case is lively.
LIVELY_SECONDS = 300.0
# Requests of one look: the record, and its journal.
REQUESTS = 2
MOST_READ = 300
_USER = re.compile(r"[\w.@+\- ]{1,100}")


async def look_at(api: Api, case: KnownCase) -> Looked:
    """Comments as messages, an assignment as acceptance, a work note with `/bot` as a return, a state as closed."""
    if case.there is None:
        return Looked([], AGAIN_WHEN_QUIET)
    there, about = case.there, case.about
    table, ref = table_in(api, there), there.ref
    try:
        record = await api.record("GET", table, ref, fields=FIELDS)
    except ProviderError as error:
        if error.http_status != 404:
            raise
        return Looked([_gone(case, there)], AGAIN_WHEN_QUIET)
    since, read = str(about.get("from", "")), [str(one) for one in about.get("read") or ()]
    rows = await journal.rows_since(api, ref, since, read)
    theirs = [one for one in rows if not journal.is_ours(one, str(about.get("user", "")), case.sent)]
    names = await _names(api, dict(about.get("names") or {}), theirs)
    events = [*_accepted(case, record), *_said(api, ref, theirs, names)]
    if theirs:
        events += await _attached(api, ref, since, str(about.get("user", "")), read)
    is_over, is_back = states.is_over(table, record), any(_says(event, "returned") for event in events)
    if is_over and not about.get("over") and not is_back:
        name = shown(record, "assigned_to")
        events.append(DeskSaid(key=f"closed:{ref}:{case.key}", address=ref, says="closed", name=name))
    return _looked(api, case, record, rows, events, names, is_over)


def _looked(
    api: Api,
    case: KnownCase,
    record: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    events: Sequence[ProviderEvent],
    names: Mapping[str, str],
    is_over: bool,
) -> Looked:
    about, there, now = case.about, case.there, time.time()
    if there is None:
        raise AssertionError("only what is there was looked at")
    read = [*(about.get("read") or ()), *(raw(one, "sys_id") for one in rows)]
    read += [event.key.partition(":")[2] for event in events if event.key.startswith("attachment:")]
    heard = now if rows or events else float(about.get("heard") or 0)
    known = {
        "read": read[-MOST_READ:],
        "over": is_over,
        "assigned_to": raw(record, "assigned_to"),
        "names": dict(list(names.items())[-50:]),
        "heard": heard,
    }
    is_lively = now - heard < LIVELY_SECONDS
    if is_over:
        # Nothing but words for nobody is to come.
        wanted = AGAIN_WHEN_QUIET
    elif api.account.config.get("poll") == "yes":
        wanted = POLLED if is_lively else POLLED_WHEN_QUIET
    else:
        wanted = AGAIN if is_lively else AGAIN_WHEN_QUIET
    again = budget.again(api.account.connection_id, there.ref, wanted, REQUESTS)
    return Looked(events, again, CaseThere(there.ref, there.number, there.url, known))


def _says(event: ProviderEvent, what: str) -> bool:
    return isinstance(event, DeskSaid) and event.says == what


def _gone(case: KnownCase, there: CaseThere) -> DeskSaid:
    """A record that was deleted, or that our user may not see any more."""
    words = f"{there.number or 'The record'} is not at ServiceNow any more, or the integration's user may not see it."
    return DeskSaid(key=f"gone:{there.ref}:{case.key}", address=there.ref, says="unavailable", text=words)


def _accepted(case: KnownCase, record: Mapping[str, Any]) -> list[ProviderEvent]:
    assigned = raw(record, "assigned_to")
    if not assigned or assigned == case.about.get("assigned_to"):
        return []
    key = f"accepted:{raw(record, 'sys_id')}:{case.key}:{assigned}"
    return [DeskSaid(key=key, address=raw(record, "sys_id"), says="accepted", name=shown(record, "assigned_to"))]


def _said(api: Api, ref: str, rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[ProviderEvent]:
    """What rows mean, in their order; a work note without `/bot` is theirs alone."""
    events: list[ProviderEvent] = []
    for row in rows:
        text, name = plain(raw(row, "value")), names.get(raw(row, "sys_created_by"), "")
        key = f"journal:{raw(row, 'sys_id')}"
        if raw(row, "element") == "comments":
            if text:
                events.append(DeskSaid(key=key, address=ref, says="message", name=name, text=text))
        elif (back := transcripts.way_back(text)) is not None:
            events.append(DeskSaid(key=key, address=ref, says="returned", name=name, text=back))
    return events


async def _names(api: Api, known: dict[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What people call those who wrote; of a journal's row only the user ID is known."""
    writers = {raw(one, "sys_created_by") for one in rows}
    asked = sorted(one for one in writers if one not in known and _USER.fullmatch(one))
    if not asked:
        return known
    try:
        found = await api.rows("sys_user", f"user_nameIN{','.join(asked)}", "user_name,name", len(asked))
    except ProviderError as error:
        if error.http_status not in {400, 403, 404}:
            raise
        found = []
    told = {raw(one, "user_name"): raw(one, "name") for one in found}
    return known | {one: told.get(one, "") for one in asked}


async def _attached(api: Api, ref: str, since: str, user: str, read: Sequence[str]) -> list[ProviderEvent]:
    """Files that somebody attached: nothing there says whether they are meant for the visitor, so they stay there."""
    query = f"table_sys_id={ref}^ORDERBYDESCsys_created_on"
    asked = {"sysparm_query": query, "sysparm_limit": 20}
    try:
        found = (await api.call("GET", "/api/now/attachment", query=asked)).get("result")
    except ProviderError as error:
        # Who may not see files still reads what is said.
        if error.http_status not in {400, 403, 404}:
            raise
        return []
    events: list[ProviderEvent] = []
    for one in reversed(found if isinstance(found, list) else []):
        url, ours = raw(one, "download_link"), raw(one, "sys_created_by").casefold() == user.casefold()
        is_meant = raw(one, "table_sys_id") == ref and raw(one, "sys_created_on") >= since
        if is_meant and not ours and raw(one, "sys_id") not in read and url.startswith("https://"):
            key, name = f"attachment:{raw(one, 'sys_id')}", raw(one, "file_name") or "File"
            events.append(
                NotUsed(key=key, address=ref, what=f"the file “{name}” was attached; the visitor isn't shown it")
            )
    return events
