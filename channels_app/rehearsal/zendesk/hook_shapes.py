"""What may be sent about webhooks and triggers.

Webhooks: https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks (its JSON format);
triggers: https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/ ; what they check:
https://developer.zendesk.com/documentation/ticketing/reference-guides/conditions-reference/ and, of triggers,
https://support.zendesk.com/hc/en-us/articles/4408893545882 ; the names of their operators as accounts export them
(is, is_not, less_than, greater_than, changed, value, value_previous, and these with not_).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channels_app.rehearsal.zendesk.ticket_shapes import PRIORITIES, STATUSES, TYPES
from convoship.lib.plain_errors import PlainValidator

_IN_A_HEADER = {"type": "string", "pattern": r"\A[\x20-\x7e]{0,1000}\Z"}
_AUTHENTICATION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "data", "add_position"],
    "properties": {
        "type": {"type": "string", "enum": ["basic_auth", "bearer_token", "api_key"]},
        "data": {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(("username", "password", "token", "name", "value"), _IN_A_HEADER),
        },
        "add_position": {"type": "string", "enum": ["header"]},
    },
}
_WEBHOOK = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": {"type": ["string", "null"], "maxLength": 1000},
    "endpoint": {"type": "string", "pattern": "^https?://", "maxLength": 2000},
    "http_method": {"type": "string", "enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
    "request_format": {"type": "string", "enum": ["json", "xml", "form_encoded"]},
    "status": {"type": "string", "enum": ["active", "inactive"]},
    "subscriptions": {"type": "array", "maxItems": 50, "items": {"type": "string", "maxLength": 100}},
    "authentication": _AUTHENTICATION,
    "custom_headers": {
        "type": "object",
        "additionalProperties": False,
        "maxProperties": 5,
        "patternProperties": {r"\A[A-Za-z0-9-]{1,100}\Z": _IN_A_HEADER},
    },
}
_MUST = ["name", "endpoint", "http_method", "request_format", "status"]


def _webhook(required: Sequence[str]) -> Any:
    inner = {"type": "object", "additionalProperties": False, "required": list(required), "properties": _WEBHOOK}
    outer = {"type": "object", "additionalProperties": False, "required": ["webhook"], "properties": {"webhook": inner}}
    return PlainValidator(outer)


WEBHOOK_CREATE = _webhook(_MUST)
# PUT takes the whole of it, PATCH a part.
WEBHOOK_PUT, WEBHOOK_PATCH = _webhook(_MUST), _webhook(())

_CONDITION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["field"],
    "properties": {
        "field": {"type": "string", "maxLength": 100},
        "operator": {"type": ["string", "null"], "maxLength": 40},
        "value": {"type": ["string", "integer", "boolean", "null"]},
    },
}
_CONDITIONS = {"type": "array", "maxItems": 50, "items": _CONDITION}
_TRIGGER = {
    "title": {"type": "string", "minLength": 1, "maxLength": 255},
    "raw_title": {"type": "string", "minLength": 1, "maxLength": 255},
    "active": {"type": "boolean"},
    "description": {"type": ["string", "null"], "maxLength": 1000},
    "category_id": {"type": "string", "maxLength": 40},
    "position": {"type": "integer", "minimum": 0},
    "conditions": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"all": _CONDITIONS, "any": _CONDITIONS},
    },
    "actions": {
        "type": "array",
        "maxItems": 5,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["field", "value"],
            "properties": {
                "field": {"type": "string", "maxLength": 100},
                "value": {"type": ["string", "array"], "items": {"type": "string", "maxLength": 20_000}},
            },
        },
    },
}


def _trigger(required: Sequence[str]) -> Any:
    inner = {"type": "object", "additionalProperties": False, "required": list(required), "properties": _TRIGGER}
    outer = {"type": "object", "additionalProperties": False, "required": ["trigger"], "properties": {"trigger": inner}}
    return PlainValidator(outer)


TRIGGER_CREATE, TRIGGER_PUT = _trigger(("title", "conditions", "actions")), _trigger(())

_IS = frozenset({"is", "is_not"})
_CHANGES = frozenset({"changed", "value", "value_previous", "not_changed", "not_value", "not_value_previous"})
_RANKED = frozenset({"less_than", "greater_than"})
# Those that are about no value.
VALUELESS = frozenset({"changed", "not_changed"})
# A condition's operators, and its values where the pages name all of them; others (ids, words) are any text.
CONDITIONS: dict[str, tuple[frozenset[str], frozenset[str] | None]] = {
    "status": (_IS | _CHANGES | _RANKED, frozenset(STATUSES)),
    "priority": (_IS | _CHANGES | _RANKED, frozenset({*PRIORITIES, ""})),
    "type": (_IS | _CHANGES, frozenset({*TYPES, ""})),
    "group_id": (_IS | _CHANGES, None),
    "assignee_id": (_IS | _CHANGES, None),
    "requester_id": (_IS, None),
    "current_tags": (frozenset({"includes", "not_includes"}), None),
    "update_type": (frozenset({"is"}), frozenset({"Create", "Change"})),
    "comment_is_public": (
        frozenset({"is"}),
        frozenset({"true", "false", "not_relevant", "requester_can_see_comment"}),
    ),
    "comment_includes_word": (frozenset({"includes", "not_includes", "is", "is_not"}), None),
    "role": (_IS, None),
    "current_via_id": (_IS, None),
    "via_id": (_IS, None),
    "ticket_is_public": (frozenset({"is"}), frozenset({"public", "private"})),
}
