"""Schemas of connections, events and deliveries (CONTRACT section 7)."""

from __future__ import annotations

from channels_app.connections import LONGEST_NAME, MAX_OVERLAP_SECONDS
from channels_app.models.call import CallState
from channels_app.models.connection import ConnectionState
from channels_app.models.inbound import EventState
from channels_app.models.outbound import AttemptOutcome, DeliveryStatus
from channels_app.models.template import Approval
from channels_app.providers.registry import PROVIDERS
from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, YES_NO, Schema, body, component, fields, or_null, page_of

_KIND: Schema = {"enum": list(PROVIDERS)}
_ADDRESS: Schema = {"type": "string", "format": "uri"}
_OBJECT: Schema = {"type": "object", "description": "As the kind has it."}
_KEYS: Schema = {
    "type": "object",
    "patternProperties": {"": {"type": "string", "maxLength": 64}},
    "description": "Field -> key of a secret.",
}

_FINDINGS: Schema = {"type": "array", "items": fields(is_good=YES_NO, words=TEXT, remedy=TEXT)}
HEALTH = component("ConnectionHealth", fields(is_good=YES_NO, findings=_FINDINGS))
CONNECTION = component(
    "Connection",
    {
        "description": "A lasting link to a provider. It holds keys of secrets, never their values.",
        **fields(
            id=UUID,
            kind=_KIND,
            name=TEXT,
            assistant_id=or_null(UUID),
            config=_OBJECT,
            credentials=_KEYS,
            state={"enum": ConnectionState.values},
            state_reason=TEXT,
            health=fields(
                is_good=YES_NO,
                words={**TEXT, "description": "How it stands, in one line."},
                remedy={**TEXT, "description": "What to do; empty where nothing has to be done."},
                failures=WHOLE,
                failing_since=or_null(TIME),
                last_inbound_at=or_null(TIME),
                last_outbound_at=or_null(TIME),
            ),
            last_test={
                **or_null(fields(at=TIME, is_good=YES_NO, findings=_FINDINGS)),
                "description": "What a test found last, of the settings as they are.",
            },
            is_rehearsal={**YES_NO, "description": "A stand-in plays its other side; made on the pages."},
            inbound_url=_ADDRESS,
            status_url=or_null(_ADDRESS),
            created_at=TIME,
        ),
    },
)
CONNECTIONS = page_of("Connections", CONNECTION)
_ONCE = {**TEXT, "description": "Shown in this answer and never again; null in a replay."}
CONNECTION_WITH_SECRETS = component(
    "ConnectionWithSecrets",
    fields(
        optional=("inbound_secret", "signing_secret", "replayed"),
        connection=CONNECTION,
        inbound_url=_ADDRESS,
        status_url=or_null(_ADDRESS),
        inbound_secret=or_null(_ONCE),
        signing_secret=or_null(_ONCE),
        replayed=YES_NO,
    ),
)
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
NEW_CONNECTION = body(
    {"kind": _KIND, "name": _NAME, "assistant_id": UUID, "config": _OBJECT, "credentials": _KEYS},
    required=("kind", "name", "assistant_id"),
)
CONNECTION_CHANGES = body({"name": _NAME, "assistant_id": UUID, "config": _OBJECT, "credentials": _KEYS})
ROTATE_SECRET = body(
    {
        "which": {"enum": ["inbound_secret", "signing_secret"]},
        "overlap_seconds": {"type": "integer", "minimum": 0, "maximum": MAX_OVERLAP_SECONDS, "default": 0},
    },
    required=("which",),
)
CALL_ME = body({"to": {"type": "string", "minLength": 1, "maxLength": 40}}, required=("to",))
TEST_CALL = component("TestCall", fields(id=UUID, conversation_id=UUID, state={"enum": CallState.values}))
ROTATED = component(
    "RotatedSecret",
    fields(optional=("replayed",), which=TEXT, secret=or_null(_ONCE), last_four=TEXT, replayed=YES_NO),
)
_VARIABLES: Schema = {
    "type": "object",
    "additionalProperties": TEXT,
    "description": "A sample of each variable, by its name.",
}
TEMPLATE = component(
    "MessageTemplate",
    fields(
        optional=("fault", "remedy"),
        sid={**TEXT, "description": "Its id at the provider: what messages name it by."},
        name=TEXT,
        language=TEXT,
        category={**TEXT, "description": "UTILITY, MARKETING or AUTHENTICATION: decides what it costs."},
        content_type=TEXT,
        body={**TEXT, "description": "With {{1}}, {{2}} and so on where values go."},
        content={"type": "object", "description": "What it holds beside the words, as the provider has it."},
        variables=_VARIABLES,
        approval={"enum": Approval.values},
        rejection_reason=TEXT,
        is_gone={**YES_NO, "description": "No longer at the provider."},
        is_usable={**YES_NO, "description": "Whether it may be sent."},
        is_for_window={**YES_NO, "description": "Whether it carries by itself what a closed window stops."},
        synced_at=TIME,
        fault={**TEXT, "description": "It was made and not handed in: why. Submit it."},
        remedy=TEXT,
    ),
)
TEMPLATES = component(
    "MessageTemplates",
    fields(
        synced_at={**or_null(TIME), "description": "When they were last fetched."},
        fault={**TEXT, "description": "Why they could not be fetched the last time; else empty."},
        remedy=TEXT,
        results={"type": "array", "items": TEMPLATE},
        next=or_null(_ADDRESS),
        previous=or_null(_ADDRESS),
    ),
)
SYNC = component(
    "TemplateSync",
    fields(
        synced_at=or_null(TIME),
        due_at={**TIME, "description": "When they are fetched next."},
        fault=TEXT,
        remedy=TEXT,
    ),
)
_WORDS: Schema = {"type": "string", "maxLength": 8_000}
_CATEGORY: Schema = {"enum": ["UTILITY", "MARKETING"]}
NEW_TEMPLATE = body(
    {
        "name": {**_WORDS, "description": "Small letters, digits and _."},
        "language": {**_WORDS, "description": "A code of WhatsApp's: en, en_US, de."},
        "category": _CATEGORY,
        "body": {
            **_WORDS,
            "description": "At most 1,024 characters; variables are numbered from {{1}}, neither first nor last.",
        },
        "variables": {
            "type": "object",
            "patternProperties": {"": {"type": "string", "maxLength": 1024}},
            "maxProperties": 100,
            "description": "A sample of each variable, by its number.",
        },
        "buttons": {
            "type": "array",
            "items": {"type": "string", "maxLength": 1024},
            "maxItems": 10,
            "description": "Quick replies: at most three, of at most 20 characters each.",
        },
    },
    required=("name", "language", "category", "body"),
)
SUBMIT_TEMPLATE = body({"name": _WORDS, "category": _CATEGORY})
EVENT = component(
    "InboundEvent",
    fields(
        id=UUID,
        key={**TEXT, "description": "The provider's; unique in its connection."},
        kind=TEXT,
        address=TEXT,
        state={"enum": EventState.values},
        reason=TEXT,
        remedy=TEXT,
        copies={**WHOLE, "description": "How often the provider sent it."},
        attempts=WHOLE,
        conversation_id=or_null(UUID),
        delivery_id=or_null(UUID),
        received_at=TIME,
        handled_at=or_null(TIME),
    ),
)
_REFUSED = fields(reason=TEXT, detail=TEXT, hour=TIME, count=WHOLE, last_at=TIME)
EVENTS = component(
    "InboundEvents",
    fields(
        refused={
            "type": "array",
            "items": _REFUSED,
            "description": "Requests of the last seven days that were not genuine, counted by reason and hour.",
        },
        results={"type": "array", "items": EVENT},
        next=or_null(_ADDRESS),
        previous=or_null(_ADDRESS),
    ),
)
_ATTEMPT = fields(
    number=WHOLE,
    outcome={"enum": AttemptOutcome.values},
    http_status=or_null(WHOLE),
    code=TEXT,
    reason=TEXT,
    answer={**TEXT, "description": "The beginning of the provider's answer, credentials left out."},
    milliseconds=or_null(WHOLE),
    started_at=TIME,
)
_DELIVERY = {
    "id": UUID,
    "connection_id": UUID,
    "conversation_id": or_null(UUID),
    "message_id": or_null(UUID),
    "what": TEXT,
    "address": TEXT,
    "status": {"enum": DeliveryStatus.values},
    "reason": TEXT,
    "remedy": TEXT,
    "code": {**TEXT, "description": "The provider's."},
    "provider_id": TEXT,
    "is_test": YES_NO,
    "attempts": WHOLE,
    "next_attempt_at": or_null(TIME),
    "created_at": TIME,
    "settled_at": or_null(TIME),
    "dismissed_at": {**or_null(TIME), "description": "Of a dead letter: when it was put aside."},
}
DELIVERY = component("Delivery", fields(optional=(), **_DELIVERY))
DELIVERIES = page_of("Deliveries", DELIVERY)
DELIVERY_WITH_ATTEMPTS = component(
    "DeliveryWithAttempts",
    fields(
        optional=(), **_DELIVERY, tried={"type": "array", "items": _ATTEMPT}, reported={"type": "array", "items": EVENT}
    ),
)
