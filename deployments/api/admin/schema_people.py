"""Shapes of people, what is known of them, and what is done with them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from deployments import person_changes, person_fields
from deployments.blocking import LONGEST_REASON
from deployments.models.conversation import Channel
from deployments.models.person import IdentityKind
from deployments.models.person_parts import FieldKind
from workspaces.api.schema import (
    PAGE_PARAMETERS,
    TEXT,
    TIME,
    UUID,
    WHOLE,
    YES_NO,
    Schema,
    body,
    component,
    fields,
    or_null,
    page_of,
)

_WORDS = {"pattern": "This must not be empty."}
_VALUES: Schema = {
    "type": "object",
    "patternProperties": {
        "": {
            "type": ["string", "number", "boolean", "null"],
            "x-words": {"type": "This must be a text, a number, true, false or null."},
        }
    },
    "description": "Values of the workspace's own fields by their keys (`/v1/person-fields`).",
}
_BY = {"enum": ["member", "token", "themselves", None]}
_IDENTITY = component(
    "PersonIdentity",
    fields(
        kind={"enum": [*IdentityKind.values]},
        value={**TEXT, "description": "A number in E.164, or a bridge's key."},
        at={**TEXT, "description": "The connection of a bridge's key; empty for a number."},
        known_by={**TEXT, "description": "How it is known, in words."},
        since=TIME,
    ),
)
_PERSON: dict[str, Schema] = {
    "id": {**UUID, "description": "Another than the one that was asked for where they were merged."},
    "label": {**TEXT, "description": "What to call them; never empty."},
    "name": TEXT,
    "email": TEXT,
    "known_by": {
        **fields(name=_BY, email=_BY),
        "description": "Who said it: a member, the customer's server in a signed token, or they themselves, unproved.",
    },
    "external_id": {**or_null(TEXT), "description": "The `sub` of a verified token."},
    "verified_at": or_null(TIME),
    "identities": {"type": "array", "items": _IDENTITY},
    "fields": _VALUES,
    "state": {"enum": ["active", "blocked", "erasing"]},
    "blocked_at": or_null(TIME),
    "blocked_reason": TEXT,
    "last_seen_at": {**or_null(TIME), "description": "When something last happened in a conversation of theirs."},
    "created_at": TIME,
}
PERSON = component("Person", fields(optional=(), **_PERSON))
PEOPLE = page_of("PersonPage", PERSON)
_LINE = fields(at=TIME, state=TEXT, source={**TEXT, "description": "What was said, or who did it."})
_CONSENT = component(
    "PersonConsent",
    fields(
        connection=TEXT,
        address=TEXT,
        may_write={**YES_NO, "description": "False once they opted out."},
        state=TEXT,
        since=TIME,
        ledger={"type": "array", "items": _LINE, "description": "Every change, the newest first."},
    ),
)
_MERGE = component(
    "PersonMerge",
    fields(
        id=UUID,
        merged={**UUID, "description": "The person who became this one."},
        made_by=TEXT,
        created_at=TIME,
        undo_until=TIME,
    ),
)
PERSON_IN_FULL = component(
    "PersonInFull",
    fields(
        optional=(),
        **_PERSON,
        conversations={**WHOLE, "description": "How many; they are at `/v1/conversations?person=`."},
        consents={"type": "array", "items": _CONSENT},
        merges={"type": "array", "items": _MERGE, "description": "Those that can be undone."},
    ),
)
MERGED = component("MergedPerson", fields(person=PERSON, merge=_MERGE))
ERASING = component("ErasedPerson", fields(id=UUID, state={"enum": ["erasing", "erased"]}))

FILTERS = [
    OpenApiParameter("q", str, description="Part of a name, an e-mail address, a number or an external id."),
    OpenApiParameter("channel", {"enum": list(Channel.values)}, description="Who was met there."),
    OpenApiParameter("blocked", {"enum": ["true", "false"]}),
    OpenApiParameter("verified", {"enum": ["true", "false"]}, description="Who is proved by the customer's server."),
    *PAGE_PARAMETERS,
]

CHANGES = body(
    {
        "name": {**TEXT, "maxLength": person_changes.LONGEST_NAME},
        "email": {**TEXT, "maxLength": person_changes.LONGEST_EMAIL},
        "fields": {**_VALUES, "description": "Those to be changed; null clears one."},
    }
)
MERGE = body(
    {
        "into": {**UUID, "description": "The person who is kept; this one leads there."},
        "from": {**UUID, "description": "The person who leads here; this one is kept."},
    }
)
BLOCK = body({"reason": {**TEXT, "maxLength": LONGEST_REASON, "description": "For members; never shown to them."}})
EXPORT = body({"files": {**YES_NO, "description": "A zip with their files beside the document, instead of JSON."}})

PERSON_NOTE = component(
    "PersonNote",
    fields(id=UUID, author=fields(id=or_null(UUID), name=TEXT), text=TEXT, created_at=TIME),
)
PERSON_NOTES = page_of("PersonNotePage", PERSON_NOTE)
NEW_PERSON_NOTE = body(
    {"text": {"type": "string", "maxLength": person_changes.LONGEST_NOTE, "pattern": r"\S", "x-words": _WORDS}},
    required=("text",),
)

_CHOICES: Schema = {
    "type": "array",
    "maxItems": person_fields.MOST_CHOICES,
    "items": {"type": "string", "maxLength": person_fields.LONGEST_CHOICE},
    "description": "Of the kind choice: what can be chosen.",
}
_LABEL: Schema = {
    "type": "string",
    "maxLength": person_fields.LONGEST_LABEL,
    "pattern": r"\S",
    "x-words": _WORDS,
}
PERSON_FIELD = component(
    "PersonField",
    fields(id=UUID, key=TEXT, label=TEXT, kind={"enum": list(FieldKind.values)}, choices=_CHOICES, created_at=TIME),
)
PERSON_FIELDS = page_of("PersonFieldPage", PERSON_FIELD)
NEW_PERSON_FIELD = body(
    {
        "key": {
            "type": "string",
            "pattern": r"^[a-z][a-z0-9_]{0,39}$",
            "x-words": {"pattern": person_fields.KEY_WORDS},
            "description": "Unique in the workspace, and never changed.",
        },
        "label": _LABEL,
        "kind": {"enum": list(FieldKind.values)},
        "choices": _CHOICES,
    },
    required=("key", "label", "kind"),
)
PERSON_FIELD_CHANGES = body({"label": _LABEL, "choices": _CHOICES})
