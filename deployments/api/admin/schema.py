"""Shapes of the admin API's requests and answers: they describe it, and its bodies are checked against them."""

from __future__ import annotations

from django.db.models import TextChoices
from drf_spectacular.utils import OpenApiParameter

from deployments import handoff_rules, inbox
from deployments.api.admin import schema_calls, schema_settings, schema_talk
from deployments.api.runtime.schema import MESSAGE as VISITORS_MESSAGE
from deployments.deploying import MAX_ORIGINS, MAX_OVERLAP_SECONDS
from deployments.file_settings import MOST_IN_MESSAGE
from deployments.handoff_history import LONGEST_SUMMARY
from deployments.models.assistant import Responder
from deployments.models.conversation import Channel, Control, Status
from deployments.models.handoff import HandoffCause, HandoffState
from deployments.responders import failing, llm_content, webhook_content
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
from workspaces.secret_store import LONGEST_VALUE


def _choices(kind: type[TextChoices]) -> Schema:
    return {"enum": [str(value) for value in kind.values]}


def _line(longest: int) -> Schema:
    """A short text that says something."""
    words = {"pattern": "This must not be empty."}
    return {"type": "string", "maxLength": longest, "pattern": r"\S", "x-words": words}


SCRIPT = component("Script", SCRIPT_SCHEMA)
HANDOFF_RULES = component("HandoffRules", handoff_rules.SCHEMA)
LLM = component("LanguageModel", llm_content.SCHEMA)
WEBHOOK = component("Webhook", webhook_content.SCHEMA)
ON_FAILURE = component("OnFailure", failing.SCHEMA)
HEALTH = component(
    "ResponderHealth",
    fields(
        ok=YES_NO,
        code={**TEXT, "description": "What failed last; empty where all is well."},
        reason=TEXT,
        remedy=TEXT,
        since={**or_null(TIME), "description": "Of the first of the failures in a row."},
    ),
)
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
        optional=("llm", "webhook", "signing_secret", "replayed"),
        scripted=SCRIPT,
        llm={**LLM, "description": "Where the draft has a language model."},
        webhook={**WEBHOOK, "description": "Where the draft has a webhook."},
        signing_secret={
            **or_null(TEXT),
            "description": "What the webhook is signed with: shown once, when the first one is set; null in a replay.",
        },
        replayed={"const": True},
        on_failure=ON_FAILURE,
        handoff=HANDOFF_RULES,
        health=HEALTH,
        published_version={**or_null(WHOLE), "description": "The number of the version visitors meet."},
        has_unpublished_changes={**YES_NO, "description": "Whether visitors meet something else than this draft."},
        created_at=TIME,
    ),
)
ASSISTANTS = page_of("AssistantPage", ASSISTANT)
_DRAFT: dict[str, Schema] = {
    "name": _line(100),
    "responder": _choices(Responder),
    "scripted": SCRIPT,
    "handoff": HANDOFF_RULES,
    "llm": LLM,
    "webhook": WEBHOOK,
    "on_failure": ON_FAILURE,
    "secret_values": {
        "type": "object",
        "maxProperties": 20,
        "patternProperties": {r"^[a-z0-9][a-z0-9_.-]{0,63}$": {"type": "string", "maxLength": LONGEST_VALUE}},
        "additionalProperties": False,
        "description": (
            "Values of secrets, by key, that this change sends to a host for the first time: compared with what is "
            "kept, not stored."
        ),
    },
}
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

_CONVERSATION = fields(
    id=UUID,
    assistant_id=UUID,
    deployment_id=or_null(UUID),
    channel=_choices(Channel),
    status=_choices(Status),
    control=_choices(Control),
    person=fields(id=UUID, label=TEXT, name=TEXT, email=TEXT),
    assigned_to=or_null(component("AssignedTo", fields(id=UUID, name=TEXT))),
    tags={"type": "array", "items": TEXT, "description": "The names of its tags, in their order."},
    snoozed_until={**or_null(TIME), "description": "Until then it is put away, unless the visitor writes before."},
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
)
CONVERSATION = component("Conversation", _CONVERSATION)
HANDOFF_NOW = component(
    "Handoff",
    fields(
        id=UUID,
        state=_choices(HandoffState),
        cause=_choices(HandoffCause),
        reason=TEXT,
        desk={**or_null(TEXT), "description": "`inbox`, or the id of a connection: who has it, or had it last."},
        holder={**or_null(TEXT), "description": "Who came, or said they would."},
        answers={
            **fields(optional=("name", "email", "question"), name=TEXT, email=TEXT, question=TEXT),
            "description": "What was asked before, as it was typed.",
        },
        opens_at={**or_null(TIME), "description": "It waits until people are back then."},
        wait_until={**or_null(TIME), "description": "Then the assistant goes on, if nobody came."},
        requested_at=TIME,
    ),
)
CONVERSATION_WITH_HANDOFF = component(
    "ConversationWithHandoff",
    {
        **_CONVERSATION,
        "properties": {**_CONVERSATION["properties"], "handoff": or_null(HANDOFF_NOW)},
        "required": [*_CONVERSATION["required"], "handoff"],
    },
)
CONVERSATIONS = page_of("ConversationPage", CONVERSATION)
CONVERSATION_IN_FULL = component(
    "ConversationInFull",
    {
        **_CONVERSATION,
        "properties": {
            **_CONVERSATION["properties"],
            "handoff": or_null(HANDOFF_NOW),
            "mails": schema_talk.MAILS,
            "call": schema_calls.CALL,
        },
        "required": [*_CONVERSATION["required"], "handoff", "mails", "call"],
    },
)
_REMEDY = {**TEXT, "description": "What to do about the reason."}
_TEMPLATE_OF = {
    **fields(sid=TEXT, name=TEXT, variables={"type": "object", "additionalProperties": TEXT}),
    "description": "What it went out as, where that is a template.",
}
MESSAGE = component(
    "Message",
    {
        **VISITORS_MESSAGE,
        "properties": {**VISITORS_MESSAGE["properties"], "remedy": _REMEDY, "template": _TEMPLATE_OF},
    },
)
MESSAGES = page_of("MessagePage", MESSAGE)
CONVERSATION_STARTED = component(
    "ConversationStarted",
    {
        **_CONVERSATION,
        "properties": {**_CONVERSATION["properties"], "message": MESSAGE},
        "required": [*_CONVERSATION["required"], "message"],
    },
)
_CLIENT_ID: Schema = {
    **_line(64),
    "description": "Random for each message; the same one again posts nothing twice.",
}
NEW_MESSAGE = body(
    {
        "text": {
            "type": "string",
            "maxLength": LONGEST_TEXT,
            "description": "Needed where there is neither `template` nor `attachments`; not beside a template.",
        },
        "client_id": _CLIENT_ID,
        "attachments": {
            "type": "array",
            "items": UUID,
            "maxItems": MOST_IN_MESSAGE,
            "uniqueItems": True,
            "description": "Ids of files that were sent up for this conversation (`POST .../files`).",
        },
        "template": {**_line(64), "description": "The id at the provider of an approved template of the connection."},
        "variables": {
            "type": "object",
            "patternProperties": {"": {"type": "string", "maxLength": 1024}},
            "maxProperties": 100,
            "description": "Of the template: what is put in the place of each, by its name.",
        },
        "instead_of": {
            **WHOLE,
            "maximum": 2**31 - 1,
            "description": "With `template`: the `seq` of a message that waits for the 24-hour window, and is dropped.",
        },
    }
)
STARTED = body(
    {
        "connection_id": {"type": "string", "format": "uuid"},
        "to": {"type": "string", "maxLength": 40, "description": "A phone number in E.164: +14155552671."},
        "text": _line(LONGEST_TEXT),
        "template": {
            "type": "string",
            "maxLength": 512,
            "description": "A template's name, or its id at the provider.",
        },
        "variables": {
            "type": "object",
            "patternProperties": {r"^[A-Za-z0-9_]{1,40}$": {"type": "string", "maxLength": 1000}},
            "additionalProperties": False,
            "description": "The values of a template's variables, by their names.",
        },
        "consent": {
            "type": "string",
            "maxLength": 150,
            "description": "How they agreed to be written to; kept in the ledger.",
        },
        "control": {
            "type": "string",
            "enum": ["assistant", "human"],
            "description": "Who answers what comes back: the assistant (of a key, the default) or members.",
        },
    },
    required=("connection_id", "to"),
)
HANDOFF = body({"reason": {"type": "string", "maxLength": 300}})
RETURN = body(
    {
        "summary": {
            "type": "string",
            "maxLength": LONGEST_SUMMARY,
            "description": "What was done for the visitor: for the assistant, and whoever comes next.",
        }
    }
)
CONVERSATION_FILTERS = [
    OpenApiParameter("status", _choices(Status)),
    OpenApiParameter("control", _choices(Control)),
    OpenApiParameter("channel", _choices(Channel)),
    OpenApiParameter("assistant", UUID, description="An assistant's id."),
    OpenApiParameter("deployment", UUID, description="A deployment's id."),
    OpenApiParameter("person", UUID, description="A person's id."),
    OpenApiParameter("tag", UUID, description="A tag's id."),
    OpenApiParameter("assigned_to", TEXT, description="A member's id, `me` for who asks, or `none`."),
    OpenApiParameter("snoozed", {"enum": ["true", "false"]}, description="Only those put away, or none of them."),
    OpenApiParameter(
        "q",
        {"type": "string", "maxLength": 200},
        description='Full text: words of one message, or of the person\'s name or e-mail. `"in this order"`, `or` and '
        f"`-not` as on the web; the last word may be unfinished. Goes through the newest {inbox.MOST_FOUND:,} matches.",
    ),
    *PAGE_PARAMETERS,
]
