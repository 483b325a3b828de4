"""A deployment's settings as the admin API takes and shows them."""

from __future__ import annotations

from deployments.deployment_settings import LIMITS, LONGEST_HOURS, LONGEST_LABEL, MOST_LANGUAGES, Limit
from deployments.file_clearing import LONGEST_DAYS
from deployments.file_kinds import KINDS
from deployments.file_settings import LARGEST_FILE
from workspaces.api.schema import TEXT, TIME, YES_NO, Schema, body, fields, or_null


def _limit(limit: Limit) -> Schema:
    words = f"A whole number from {limit.least} to {limit.most}, or null for the server's own limit."
    return {
        "type": ["integer", "null"],
        "minimum": limit.least,
        "maximum": limit.most,
        "description": f"{limit.words}. Narrower than the server's own limit; null: that one.",
        "x-words": {"type": words, "minimum": words, "maximum": words},
    }


_FILE_KINDS: Schema = {"type": "array", "items": {"enum": list(KINDS)}, "maxItems": 20}
_FILE_BYTES: Schema = {
    "type": "integer",
    "minimum": 1,
    "maximum": LARGEST_FILE,
    "description": "The largest size of one file.",
}

SETTINGS: dict[str, Schema] = {
    "label": {
        "type": "string",
        "maxLength": LONGEST_LABEL,
        "description": "The environment in your own words: production, staging.",
        "example": "production",
    },
    "limits": {
        "type": "object",
        "properties": {limit.name: _limit(limit) for limit in LIMITS},
        "additionalProperties": False,
        "description": "Taken as a whole: a limit that is left out is the server's own.",
    },
    "languages": {
        "type": "array",
        "items": {"type": "string", "maxLength": 35},
        "maxItems": MOST_LANGUAGES,
        "description": "Language tags, the first for everybody else; empty: whatever the visitor's browser says.",
        "example": ["en", "de"],
    },
    "hours_text": {
        "type": "string",
        "maxLength": LONGEST_HOURS,
        "description": "When people are there, in words: said to a visitor who asks for one.",
    },
    "expires_at": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "When it ends; null: never.",
        "x-words": {"type": "A moment such as 2027-01-31T18:00:00Z, or null for no end."},
    },
    "allow_server_callers": {**YES_NO, "description": "Whether programs, which send no `Origin`, may come in."},
    "identity_required": {**YES_NO, "description": "Whether a page that names its user must prove it."},
    "files": {
        "type": "object",
        "properties": {"on": YES_NO, "kinds": _FILE_KINDS, "max_bytes": _FILE_BYTES},
        "additionalProperties": False,
        "description": "Whether visitors may send files, of which kinds and how large. Taken as a whole: what is left "
        "out is off, images and documents, 10 MB.",
        "example": {"on": True, "kinds": ["images", "documents"], "max_bytes": LARGEST_FILE},
    },
}
SHOWN: dict[str, Schema] = {
    "label": TEXT,
    "limits": {
        **fields(
            optional=tuple(limit.name for limit in LIMITS),
            **{limit.name: {"type": "integer", "minimum": limit.least} for limit in LIMITS},
        ),
        "description": "The limits of its own; the others are the server's.",
    },
    "languages": {"type": "array", "items": TEXT},
    "hours_text": TEXT,
    "expires_at": or_null(TIME),
    "allow_server_callers": YES_NO,
    "identity_required": YES_NO,
    "files": fields(
        on=YES_NO, kinds={"type": "array", "items": {"enum": list(KINDS)}}, max_bytes={"type": "integer", "minimum": 1}
    ),
    "paused_at": or_null(TIME),
    "status": {
        "enum": ["live", "paused", "expired", "revoked"],
        "description": "`paused` until it is resumed, `expired` once `expires_at` is over, `revoked` for good.",
    },
}

_NUMBER: Schema = {"type": "integer", "minimum": 0}
FILES_ROOM = fields(
    files=_NUMBER,
    bytes=_NUMBER,
    workspace_bytes={**_NUMBER, "description": "Bytes of all files of the workspace."},
    most_workspace_bytes={**_NUMBER, "description": "As many as it may keep; beyond, visitors' files are refused."},
    refused_at={**or_null(TIME), "description": "When a visitor's file was last refused for lack of room."},
)
CLEAR_FILES = body(
    {
        "older_than_days": {
            "type": "integer",
            "minimum": 1,
            "maximum": LONGEST_DAYS,
            "description": "Files that were sent so many days ago or earlier, with a message.",
        }
    },
    required=("older_than_days",),
)
FILES_CLEARED = fields(
    files=_NUMBER, bytes=_NUMBER, left={**_NUMBER, "description": "How many as old are left: call it again for them."}
)
