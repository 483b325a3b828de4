"""Shapes of the admin API's requests and answers: they describe it, and its bodies are checked against them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from deployments.api.admin import schema_settings, schema_talk
from deployments.api.runtime.schema import MESSAGE as VISITORS_MESSAGE
from deployments.deploying import MAX_ORIGINS, MAX_OVERLAP_SECONDS
from deployments.models.assistant import Responder
from deployments.models.conversation import Channel, Control, Status
from deployments.responders.content import SCHEMA as SCRIPT_SCHEMA
from deployments.responders.templates import TEMPLATES
from deployments.safe_text import LONGEST_TEXT
from deployments.theme import THEME_SCHEMA
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


def _choices(kind: type[Responder] | type[Channel] | type[Control] | type[Status]) -> Schema:
    return {"enum": [str(value) for value in kind.values]}


def _line(longest: int) -> Schema:
    """A short text that says something."""
    words = {"pattern": "This must not be empty."}
    return {"type": "string", "maxLength": longest, "pattern": r"\S", "x-words": words}


SCRIPT = component("Script", SCRIPT_SCHEMA)
THEME = component("Theme", THEME_SCHEMA)
_ORIGINS: Schema = {
    "type": "array",
    "items": {"type": "string", "maxLength": 300},
    "minItems": 1,
    "maxItems": MAX_ORIGINS,
    "description": "`scheme://host[:port]` as a browser writes it; `https://*.example.com` for sub-domains.",
    "example": ["https://www.example.com"],
}

# --- Assistants ---------------------------------------------------------------------------------------------------

ASSISTANT = component(
    "Assistant",
    fields(
        id=UUID,
        name=TEXT,
        responder=_choices(Responder),
        scripted=SCRIPT,
        published_version={**or_null(WHOLE), "description": "The number of the version visitors meet."},
        has_unpublished_changes={**YES_NO, "description": "Whether visitors meet something else than this draft."},
        created_at=TIME,
    ),
)
ASSISTANTS = page_of("AssistantPage", ASSISTANT)
_DRAFT: dict[str, Schema] = {"name": _line(100), "responder": _choices(Responder), "scripted": SCRIPT}
_TEMPLATE: Schema = {"enum": list(TEMPLATES), "description": "What the script begins with; `scripted` replaces it."}
NEW_ASSISTANT = body({**_DRAFT, "template": _TEMPLATE}, required=("name",))
ASSISTANT_CHANGES = body(_DRAFT)

# --- Deployments --------------------------------------------------------------------------------------------------

DEPLOYMENT = component(
    "Deployment",
    fields(
        optional=(),
        id=UUID,
        name=TEXT,
        assistant_id=UUID,
        token_prefix={**TEXT, "description": "The beginning of its newest token."},
        allowed_origins={"type": "array", "items": TEXT},
        theme=THEME,
        **schema_settings.SHOWN,
        last_used_at=or_null(TIME),
        last_used_origin=or_null(TEXT),
        created_at=TIME,
        revoked_at=or_null(TIME),
    ),
)
DEPLOYMENTS = page_of("DeploymentPage", DEPLOYMENT)
DEPLOYMENT_WITH_TOKEN = component(
    "DeploymentWithToken",
    fields(
        optional=("replayed",),
        deployment=DEPLOYMENT,
        token={**or_null(TEXT), "description": "Shown this once; null in a replay."},
        embed_snippet={**TEXT, "description": "What goes into the page; in a replay without the token."},
        replayed={"const": True},
    ),
)
_SETTINGS: dict[str, Schema] = {
    "name": _line(100),
    "allowed_origins": _ORIGINS,
    "theme": THEME,
    **schema_settings.SETTINGS,
}
NEW_DEPLOYMENT = body(_SETTINGS, required=("name", "allowed_origins"))
DEPLOYMENT_CHANGES = body(_SETTINGS)
OVERLAP: Schema = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_OVERLAP_SECONDS,
    "default": 0,
    "description": "How long the earlier tokens go on.",
}
ROTATE = body({"overlap_seconds": OVERLAP})

# --- Conversations ------------------------------------------------------------------------------------------------

CONVERSATION = component(
    "Conversation",
    fields(
        id=UUID,
        assistant_id=UUID,
        deployment_id=or_null(UUID),
        channel=_choices(Channel),
        status=_choices(Status),
        control=_choices(Control),
        person=fields(id=UUID, label=TEXT, name=TEXT, email=TEXT),
        assigned_to=or_null(component("AssignedTo", fields(id=UUID, name=TEXT))),
        head_seq=WHOLE,
        rev=WHOLE,
        last_text=TEXT,
        locale=TEXT,
        origin=TEXT,
        page=fields(url=TEXT, title=TEXT, referrer=TEXT),
        waiting_since=or_null(TIME),
        handoff_reason=TEXT,
        ended_reason=TEXT,
        started_at=TIME,
        last_activity_at=TIME,
        ended_at=or_null(TIME),
    ),
)
CONVERSATIONS = page_of("ConversationPage", CONVERSATION)
CONVERSATION_WITH_MAILS = component("ConversationWithMails", {"allOf": [CONVERSATION, fields(mails=schema_talk.MAILS)]})
_REMEDY = {**TEXT, "description": "What to do about the reason."}
MESSAGE = component(
    "Message", {**VISITORS_MESSAGE, "properties": {**VISITORS_MESSAGE["properties"], "remedy": _REMEDY}}
)
MESSAGES = page_of("MessagePage", MESSAGE)
_CLIENT_ID: Schema = {
    **_line(64),
    "description": "Random for each message; the same one again posts nothing twice.",
}
NEW_MESSAGE = body({"text": _line(LONGEST_TEXT), "client_id": _CLIENT_ID}, required=("text",))
HANDOFF = body({"reason": {"type": "string", "maxLength": 300}})
CONVERSATION_FILTERS = [
    OpenApiParameter("status", _choices(Status)),
    OpenApiParameter("control", _choices(Control)),
    OpenApiParameter("channel", _choices(Channel)),
    OpenApiParameter("assistant", UUID, description="An assistant's id."),
    OpenApiParameter("deployment", UUID, description="A deployment's id."),
    OpenApiParameter(
        "q", {"type": "string", "maxLength": 200}, description="In the last text, or the person's name or e-mail."
    ),
    *PAGE_PARAMETERS,
]
