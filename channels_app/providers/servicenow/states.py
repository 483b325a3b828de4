"""What states of records mean, table by table.

Of incidents: 6 resolved, 7 closed, 8 canceled. Of interactions: closed_complete, closed_abandoned (ServiceNowDocs:
voice-interaction-resource-api.md, update-live-agent-script-include.md). All else that extends Task says `active`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_app.providers.servicenow.api import raw

INCIDENT_OVER = ("6", "7", "8")
DEFAULT_CLOSE_CODE = "Solution provided"


def is_over(table: str, record: Mapping[str, Any]) -> bool:
    """Whether its people are done with a record."""
    state = raw(record, "state")
    if table == "incident":
        return state in INCIDENT_OVER
    if table == "interaction":
        # Who wraps up has ended the talk, and only writes it down.
        return state.startswith("closed") or state == "wrap_up"
    return raw(record, "active") == "false"


def again(table: str) -> dict[str, str]:
    """What takes up a record once more."""
    return {"incident": {"state": "2"}, "interaction": {"state": "work_in_progress"}}.get(table, {})


def resolved(table: str, config: Mapping[str, Any], words: str) -> dict[str, str]:
    """What resolves a record; of a table whose states nobody knows nothing does."""
    if table == "incident":
        code = str(config.get("close_code") or DEFAULT_CLOSE_CODE)
        return {"state": "6", "close_code": code, "close_notes": words}
    return {"state": "closed_complete"} if table == "interaction" else {}
