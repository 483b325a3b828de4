"""Rows of journals: what was written into a record's `comments` and `work_notes`, and by whom.

ServiceNowDocs: markdown/api-reference/web-services/retrieving-journal-entries.md (`sys_journal_field`, by `element_id`
and `element`). Moments there are UTC (c_TableAPI.md, `sysparm_display_value`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from channels_app.providers.servicenow.api import Api, raw
from channels_app.providers.servicenow.words import digest

FIELDS = "sys_id,element,element_id,value,sys_created_on,sys_created_by"
PAGE_SIZE, MOST_PAGES = 50, 10
# A moment in a query's text is UTC, says ServiceNow; of no zone of the user's could it hide a row this way.
OVERLAP = dt.timedelta(hours=14)
_FORM = "%Y-%m-%d %H:%M:%S"


def stamp(at: dt.datetime) -> str:
    """A moment as ServiceNow has it: UTC, to the second."""
    return at.astimezone(dt.UTC).strftime(_FORM)


def before(moment: str) -> str:
    """So much before a moment of ServiceNow's; "" where it is none."""
    try:
        return (dt.datetime.strptime(moment, _FORM).replace(tzinfo=dt.UTC) - OVERLAP).strftime(_FORM)
    except ValueError:
        return ""


async def rows_since(api: Api, ref: str, since: str, read: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of a record from a moment on but those that were read, the oldest first."""
    known, found = set(read), list[dict[str, Any]]()
    from_then = f"^sys_created_on>={before(since)}" if before(since) else ""
    query = f"element_id={ref}^elementINcomments,work_notes{from_then}^ORDERBYDESCsys_created_on"
    for page in range(MOST_PAGES):
        rows = await api.rows("sys_journal_field", query, FIELDS, PAGE_SIZE, page * PAGE_SIZE)
        found += [one for one in rows if _is_meant(one, ref, since) and raw(one, "sys_id") not in known]
        if len(rows) < PAGE_SIZE or raw(rows[-1], "sys_id") in known or raw(rows[-1], "sys_created_on") < since:
            break
    # The newest page may have moved while the next was read.
    by_id = {raw(one, "sys_id"): one for one in reversed(found)}
    return sorted(by_id.values(), key=lambda one: raw(one, "sys_created_on"))


def _is_meant(row: Mapping[str, Any], ref: str, since: str) -> bool:
    is_here = raw(row, "element_id") == ref and raw(row, "element") in {"comments", "work_notes"}
    return is_here and raw(row, "sys_created_on") >= since


def is_ours(row: Mapping[str, Any], user: str, sent: Iterable[str]) -> bool:
    """Whether we wrote it: we remember these words, or our user did."""
    if user and raw(row, "sys_created_by").casefold() == user.casefold():
        return True
    mark = digest(raw(row, "element"), raw(row, "value"))
    return any(one.rpartition(":")[2] == mark for one in sent)
