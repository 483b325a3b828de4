"""What may be sent about tickets, their comments, their people.

Fields and enumerations: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/ and the Support
contract (zendesk_support.trimmed.swagger2.json: TicketCreateInput, TicketUpdateInput, TicketCommentObject).
A new requester, follow-ups: https://developer.zendesk.com/documentation/ticketing/managing-tickets/
creating-and-updating-tickets. Fields of those pages that the rehearsal doesn't play are refused by name.
"""

from __future__ import annotations

from typing import Any

from convoship.lib.plain_errors import PlainValidator

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")
TYPES = ("problem", "incident", "question", "task")
# Longest subject and comment: the reference says neither. Strict: what the agent's own screen takes.
LONGEST_SUBJECT, LONGEST_COMMENT = 150, 65_535

_ID = {"type": "integer", "minimum": 1}
_ID_OR_NONE = {"type": ["integer", "null"], "minimum": 1}
_TAGS = {
    "type": "array",
    "maxItems": 500,
    "items": {"type": "string", "pattern": r"\A\S{1,255}\Z", "x-words": {"pattern": "A tag is one word."}},
}
_COMMENT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "body": {"type": "string", "maxLength": LONGEST_COMMENT},
        "html_body": {"type": "string", "maxLength": LONGEST_COMMENT},
        "public": {"type": "boolean"},
        "author_id": _ID,
        "uploads": {"type": "array", "maxItems": 50, "items": {"type": "string", "minLength": 1, "maxLength": 100}},
    },
}
_CUSTOM_FIELDS = {
    "type": "array",
    "maxItems": 400,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "value"],
        "properties": {"id": _ID, "value": {"type": ["string", "number", "boolean", "array", "null"]}},
    },
}
_BOTH: dict[str, Any] = {
    "subject": {"type": "string", "maxLength": LONGEST_SUBJECT},
    "comment": _COMMENT,
    "status": {"type": "string", "enum": list(STATUSES)},
    "priority": {"enum": [*PRIORITIES, None]},
    "type": {"enum": [*TYPES, None]},
    "external_id": {"type": ["string", "null"], "maxLength": 255},
    "tags": _TAGS,
    "custom_fields": _CUSTOM_FIELDS,
    "group_id": _ID_OR_NONE,
    "assignee_id": _ID_OR_NONE,
    "requester_id": _ID,
    # "Write only. Metadata for the audit. In the audit object, the data is specified in the custom property".
    "metadata": {"type": "object", "maxProperties": 50},
}

CREATE: Any = PlainValidator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["ticket"],
        "properties": {
            "ticket": {
                "type": "object",
                "additionalProperties": False,
                "required": ["comment"],
                "properties": {
                    **_BOTH,
                    "raw_subject": _BOTH["subject"],
                    "submitter_id": _ID,
                    "via_followup_source_id": _ID,
                    "requester": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string", "maxLength": 255},
                            "email": {"type": ["string", "null"], "pattern": r"\A[^@\s]+@[^@\s]+\Z", "maxLength": 255},
                            "external_id": {"type": ["string", "null"], "maxLength": 255},
                            "locale_id": _ID,
                        },
                    },
                },
            }
        },
    }
)
UPDATE: Any = PlainValidator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["ticket"],
        "properties": {
            "ticket": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    **_BOTH,
                    "additional_tags": _TAGS,
                    "remove_tags": _TAGS,
                    "safe_update": {"type": "boolean"},
                    "updated_stamp": {"type": "string", "maxLength": 40},
                },
            }
        },
    }
)
# https://developer.zendesk.com/api-reference/ticketing/ticket-management/tags/ (its example says "true" in quotes).
TAGS: Any = PlainValidator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["tags"],
        "properties": {
            "tags": _TAGS,
            "safe_update": {"enum": [True, False, "true", "false"]},
            "updated_stamp": {"type": "string", "maxLength": 40},
        },
    }
)
# https://developer.zendesk.com/api-reference/ticketing/users/users/#create-or-update-user
USER: Any = PlainValidator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["user"],
        "properties": {
            "user": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "maxLength": 255},
                    "email": {"type": ["string", "null"], "pattern": r"\A[^@\s]+@[^@\s]+\Z", "maxLength": 255},
                    "external_id": {"type": ["string", "null"], "maxLength": 255},
                    "phone": {"type": ["string", "null"], "maxLength": 100},
                    "role": {"type": "string", "enum": ["end-user", "agent", "admin"]},
                    "verified": {"type": "boolean"},
                    "skip_verify_email": {"type": "boolean"},
                },
            }
        },
    }
)
