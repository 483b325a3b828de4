"""Building blocks of the OpenAPI document: JSON Schema written by hand, named once, referred to by name.

The admin API checks its bodies against these very schemas, so what is documented is what is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from workspaces.api.pages import LARGEST_LIMIT
from workspaces.permissions import SCOPES, Role
from workspaces.secret_store import LONGEST_VALUE

Schema = dict[str, Any]

# What has a name of its own in the document; convoship/api_docs.py puts it there.
COMPONENTS: dict[str, Schema] = {}

TEXT: Schema = {"type": "string"}
UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
YES_NO: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer", "minimum": 0}


def fields(*, optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object of an answer: all of its fields are there but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def body(properties: Mapping[str, Schema], *, required: tuple[str, ...] = ()) -> Schema:
    """An object of a request: unknown fields are refused."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def or_null(schema: Schema) -> Schema:
    """The schema's value, or null."""
    if set(schema) & {"$ref", "enum"}:
        return {"oneOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def component(name: str, schema: Mapping[str, Any]) -> Schema:
    """Give the schema a name in the document; answers the reference to it."""
    COMPONENTS[name] = published(schema)
    return {"$ref": f"#/components/schemas/{name}"}


def published(schema: Any) -> Any:
    """The schema without what only our own validator reads."""
    if isinstance(schema, Mapping):
        return {key: published(value) for key, value in schema.items() if key not in {"x-words", "$schema"}}
    return [published(item) for item in schema] if isinstance(schema, list) else schema


def page_of(name: str, item: Schema) -> Schema:
    """A cursor page of these."""
    link = {"type": ["string", "null"], "format": "uri"}
    results = {"type": "array", "items": item}
    return component(
        name,
        fields(
            results=results,
            next={**link, "description": "The address of the next page; null on the last one."},
            previous={**link, "description": "The address of the page before; null on the first one."},
        ),
    )


PAGE_PARAMETERS = [
    OpenApiParameter("cursor", str, description="Where to go on, as `next` and `previous` carry it."),
    OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": 25},
        description="How many at most.",
    ),
]

PROBLEM = component(
    "Problem",
    {
        "description": "RFC 9457. `code` never changes meaning.",
        **fields(
            optional=("errors",),
            type={"type": "string", "format": "uri"},
            title=TEXT,
            status={"type": "integer", "minimum": 400, "maximum": 599},
            detail={**TEXT, "description": "What is wrong, in plain words."},
            code=TEXT,
            errors={
                "type": "object",
                "description": "Path of a field -> what is wrong with it.",
                "additionalProperties": {"type": "array", "items": TEXT},
            },
            hint={**TEXT, "description": "What to do about it."},
        ),
    },
)

_SCOPES: Schema = {"type": "array", "items": {"enum": list(SCOPES)}}
ME = component(
    "Me",
    fields(
        optional=("api_key", "user"),
        api_key=fields(id=UUID, name=TEXT, prefix=TEXT, expires_at=or_null(TIME)),
        user=fields(
            id=UUID,
            email={"type": "string", "format": "email"},
            name=TEXT,
            role={"enum": [str(role.value) for role in Role]},
        ),
        workspace=fields(id=UUID, name=TEXT),
        scopes=_SCOPES,
    ),
)

_USE = fields(what=TEXT, name=TEXT, path={**TEXT, "description": "The address of its page, below the base URL."})
_HOST = component(
    "SecretHost",
    {
        "description": "A host that the secret may be sent to, and whether anything has it sent there now.",
        **fields(host=TEXT, granted_by=TEXT, granted_at=TIME, in_use={"type": "boolean"}),
    },
)
SECRET = component(
    "Secret",
    {
        "description": "A credential of the workspace's. Its value never comes back.",
        **fields(
            key=TEXT,
            last_four={**TEXT, "description": "Of the value; empty where it is too short to show any of it."},
            set_by=TEXT,
            set_at=TIME,
            used_by={"type": "array", "items": _USE},
            hosts={"type": "array", "items": _HOST},
        ),
    },
)
SECRETS = page_of("Secrets", SECRET)
SECRET_VALUE = body(
    {"value": {**TEXT, "minLength": 1, "maxLength": LONGEST_VALUE, "description": "Spaces around it are taken off."}},
    required=("value",),
)
