"""What tables hold: their fields, the longest of each, and their states.

Names are those of the examples of c_TableAPI (POST incident). Lengths are those that the dictionary of the base system
has (no page gives them); where they are silent on a kind of field, 255.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convoship.lib.plain_errors import PlainValidator

SYS_ID = "^[0-9a-f]{32}$"
JOURNALS: Mapping[str, str] = {"comments": "Additional comments", "work_notes": "Work notes"}
# Journals and descriptions: 4000 in the dictionary of `task`. No page says that the API takes more.
LONG = 4000
# References to users are checked; other tables are not kept here, so any sys_id passes.
USER_FIELDS = frozenset({"caller_id", "assigned_to", "opened_for", "opened_by", "resolved_by", "closed_by"})
REFERENCES = USER_FIELDS | {
    *("assignment_group", "cmdb_ci", "business_service", "service_offering", "company", "location", "parent"),
    *("parent_incident", "problem_id", "rfc", "caused_by"),
}
WRITABLE_TASK: Mapping[str, int] = {
    "short_description": 160,
    "description": LONG,
    "comments": LONG,
    "work_notes": LONG,
    "close_notes": LONG,
    "close_code": 40,
    "correlation_id": 100,
    "correlation_display": 100,
    "category": 40,
    "subcategory": 40,
    "contact_type": 40,
    "hold_reason": 40,
    "impact": 40,
    "urgency": 40,
    "severity": 40,
    "notify": 40,
    "state": 40,
    "watch_list": LONG,
    "work_notes_list": LONG,
    "due_date": 19,
} | dict.fromkeys(REFERENCES - {"opened_for", "opened_by", "resolved_by", "closed_by"}, 32)
# interaction-form, and what interactions are known to have beside. The form has no Additional comments: they are here
# because the stand-in's acts write them, as a form to which they were added does.
WRITABLE_INTERACTION: Mapping[str, int] = {
    "short_description": 160,
    "type": 40,
    "state": 40,
    "comments": LONG,
    "work_notes": LONG,
    "correlation_id": 100,
    "correlation_display": 100,
    "opened_for": 32,
    "assigned_to": 32,
    "assignment_group": 32,
}
CHOICES = {
    "impact": ("1", "2", "3"),
    "urgency": ("1", "2", "3"),
    "severity": ("1", "2", "3"),
    "notify": ("1", "2", "3"),
}
# Base system choices of incident (1 to 8); 6 and 7 also in cust-now-assist-itsm-skill.
INCIDENT_STATES = {
    "1": "New",
    "2": "In Progress",
    "3": "On Hold",
    "6": "Resolved",
    "7": "Closed",
    "8": "Canceled",
}
# Labels: interaction-states. Values: closed_complete in voice-interaction-resource-api, on_hold and closed_abandoned in
# update-live-agent-script-include; new, work_in_progress and wrap_up follow their form, and stand on no page.
INTERACTION_STATES = {
    "new": "New",
    "work_in_progress": "Work in Progress",
    "on_hold": "On Hold",
    "wrap_up": "Wrap Up",
    "closed_complete": "Closed Complete",
    "closed_abandoned": "Closed Abandoned",
}
# The form calls them chat or phone call; other choices are the base system's.
INTERACTION_TYPES = ("chat", "phone", "messaging", "email", "walkup", "video", "web")


@dataclass(frozen=True)
class Table:
    """A table that is written: `over` are states in which nothing changes any more."""

    name: str
    prefix: str
    writable: Mapping[str, int]
    states: Mapping[str, str]
    first: str
    over: frozenset[str]
    # States which the data policy wants a resolution for, and those that only another role may set.
    resolved: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    reopens_to: str = ""
    mandatory: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


def _task(name: str, prefix: str) -> Table:
    return Table(
        name=name,
        prefix=prefix,
        writable=WRITABLE_TASK,
        states=INCIDENT_STATES,
        first="1",
        over=frozenset({"7", "8"}),
        resolved=frozenset({"6", "7"}),
        # «For closure: itil_admin or admin» (resolve-and-close-an-incident); ours is a user with itil.
        forbidden=frozenset({"7"}),
        reopens_to="2",
        # The example of a refused insert in c_JSONObjectFormat.
        mandatory={"short_description": "Short description"},
        defaults={"impact": "3", "urgency": "3", "priority": "5", "severity": "3", "notify": "1", "contact_type": ""},
    )


INCIDENT = _task("incident", "INC")
INTERACTION = Table(
    name="interaction",
    prefix="IMS",
    writable=WRITABLE_INTERACTION,
    states=INTERACTION_STATES,
    first="new",
    over=frozenset({"closed_complete", "closed_abandoned"}),
    reopens_to="work_in_progress",
    mandatory={"type": "Type"},
)
READ_ONLY: Mapping[str, tuple[str, ...]] = {
    "sys_journal_field": (
        *("sys_id", "element_id", "element", "name", "value", "sys_created_on", "sys_created_by", "sys_tags"),
    ),
    "sys_user": (
        *("sys_id", "user_name", "name", "first_name", "last_name", "email", "active", "sys_created_on"),
        *("sys_updated_on", "sys_mod_count"),
    ),
    "sys_attachment": (
        *("sys_id", "table_name", "table_sys_id", "file_name", "content_type", "size_bytes", "size_compressed"),
        *("compressed", "average_image_color", "image_width", "image_height", "download_link", "sys_created_on"),
        *("sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count", "sys_tags"),
    ),
}
_SYSTEM = (
    *("sys_id", "number", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count"),
    *("sys_class_name", "sys_tags", "active", "opened_at", "opened_by", "closed_at", "closed_by"),
)
_OF_TASKS = (
    *("priority", "incident_state", "resolved_at", "resolved_by", "reopen_count", "reassignment_count", "escalation"),
    *(
        "made_sla",
        "knowledge",
        "upon_approval",
        "upon_reject",
        "approval",
        "comments_and_work_notes",
        "sys_domain_path",
    ),
)


def table_of(name: str, own: str) -> Table | None:
    """The table of this name; `own` is that of the connection's config, as a task."""
    if name == "interaction":
        return INTERACTION
    if name == "incident":
        return INCIDENT
    return _task(own, "TASK") if own and name == own else None


def fields_of(table: Table) -> tuple[str, ...]:
    """All that a record of it has."""
    more = () if table is INTERACTION else _OF_TASKS
    return tuple(dict.fromkeys((*table.writable, *_SYSTEM, *more)))


def body_schema(table: Table, *, display: bool) -> Any:
    """What may be posted: name-value pairs. `display`: values are display values (sysparm_input_display_value=true)."""
    properties: dict[str, Any] = {}
    for name, most in table.writable.items():
        rule: dict[str, Any] = {"type": "string", "maxLength": most if not (display and name in REFERENCES) else 255}
        if name in REFERENCES and not display:
            words = "This is a reference: give the record's sys_id, or nothing."
            rule |= {"pattern": f"{SYS_ID}|^$", "x-words": {"pattern": words}}
        if name in CHOICES and not display:
            rule["enum"] = CHOICES[name]
        if name == "type":
            rule["enum"] = INTERACTION_TYPES
        if name == "state":
            # A number is taken as well: the API writes text to the database whatever it gets.
            labels = tuple(table.states.values()) if display else ()
            rule = {"enum": (*table.states, *labels, *(int(one) for one in table.states if one.isdigit()))}
        properties[name] = rule
    return PlainValidator(
        {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": properties}
    )
