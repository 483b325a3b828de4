"""After an unknown outcome: what was made of it at ServiceNow, if anything was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from channels_app.providers.base import Outgoing, Receipt
from channels_app.providers.desk_port import KnownCase
from channels_app.providers.servicenow import journal
from channels_app.providers.servicenow.api import Api, raw
from channels_app.providers.servicenow.records import CLOCKS_DIFFER, content_of, find_opened
from channels_app.providers.servicenow.words import digest


async def look_up(api: Api, what: Outgoing) -> Receipt | None:
    """A record by our key, a comment or note by its words."""
    case = what.case or KnownCase(what.address)
    if "record" in what.content:
        return await find_opened(api, what, case)
    if case.there is None:
        return None
    element, text = content_of(what.content)
    since = journal.stamp(what.since - CLOCKS_DIFFER) if what.since else ""
    rows = [one for one in await journal.rows_since(api, case.there.ref, since, ()) if _says(one, element, text, what)]
    user = str(case.about.get("user", ""))
    mine = [one for one in rows if not user or raw(one, "sys_created_by").casefold() == user.casefold()]
    known = Counter(one.rpartition(":")[2] for one in case.sent | what.others if _is_since(one, since))
    for mark, times in Counter(digest(element, raw(one, "value")) for one in mine).items():
        if times > known[mark]:
            last = next(one for one in reversed(mine) if digest(element, raw(one, "value")) == mark)
            return Receipt("delivered", f"{_digits(raw(last, 'sys_created_on'))}:0:{mark}")
    return None


def _says(row: Mapping[str, Any], element: str, text: str, what: Outgoing) -> bool:
    """Whether a row has these words; lines about its files may stand below."""
    if raw(row, "element") != element:
        return False
    value, wanted = " ".join(raw(row, "value").split()), " ".join(text.split())
    has_more = what.content.get("resolves") or any(one["files"] for one in what.content.get("turns", ()))
    return value.startswith(wanted) if has_more else value == wanted


def _is_since(mark: str, since: str) -> bool:
    """Whether something of ours was written so late that its row is among those that were read."""
    return not since or mark.partition(":")[0] >= _digits(since)


def _digits(moment: str) -> str:
    return re.sub(r"\D", "", moment)
