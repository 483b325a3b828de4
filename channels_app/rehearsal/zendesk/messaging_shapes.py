"""What may be sent to the Conversations API.

All from github zendesk/sunshine-conversations-api-spec, openapi.yaml 17.12.1 (messagePost, author, textMessage,
imageMessage, fileMessage, action, activityPost, passControlBody, offerControlBody, acceptControlBody,
releaseControlBody, webhookCreateBody, webhookBody). Kinds of content and of actions that the rehearsal doesn't play
are refused by name.
"""

from __future__ import annotations

from typing import Any

from convoship.lib.plain_errors import PlainValidator

LONGEST_TEXT = 4096
LARGEST_METADATA = 4096

_METADATA = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "patternProperties": {"": {"type": ["string", "number", "boolean"]}},
}
_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
_URL = {"type": "string", "pattern": "^https?://", "maxLength": 2000}
_AUTHOR = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "enum": ["business", "user"]},
        # "activity", "agent" and "bot" are "available in responses only".
        "subtypes": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "string", "enum": ["AI"]}},
        "userId": {"type": "string", "maxLength": 100},
        "userExternalId": {"type": "string", "maxLength": 1024},
        "displayName": {"type": "string", "maxLength": 255},
        "avatarUrl": _URL,
    },
}


def _action(kind: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["type", *required],
        "properties": {"type": {"const": kind}, "metadata": _METADATA, **properties},
    }


_LABEL = {"type": "string", "minLength": 1, "maxLength": 128}
_PAYLOAD = {"type": "string", "maxLength": 4096}
ACTIONS: dict[str, Any] = {
    kind: PlainValidator(schema)
    for kind, schema in {
        "reply": _action("reply", ["text", "payload"], text=_LABEL, payload=_PAYLOAD, iconUrl=_URL),
        "postback": _action("postback", ["text", "payload"], text=_LABEL, payload=_PAYLOAD),
        "link": _action(
            "link",
            ["text", "uri"],
            text=_LABEL,
            uri={"type": "string", "minLength": 1, "maxLength": 2000},
            default={"type": "boolean"},
        ),
    }.items()
}
_ACTIONS = {"type": "array", "maxItems": 10, "items": {"type": "object"}}
_RICH = {"htmlText": _TEXT, "markdownText": _TEXT, "blockChatInput": {"type": "boolean"}}


def _content(kind: str, required: list[str], **properties: Any) -> Any:
    return PlainValidator(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["type", *required],
            "properties": {"type": {"const": kind}, **_RICH, **properties},
        }
    )


_FILE = {"mediaUrl": _URL, "altText": {"type": "string", "maxLength": 128}, "text": _TEXT}
CONTENTS: dict[str, Any] = {
    "text": _content("text", [], text=_TEXT, actions=_ACTIONS, payload=_PAYLOAD),
    "image": _content("image", ["mediaUrl"], actions=_ACTIONS, **_FILE),
    "file": _content("file", ["mediaUrl"], attachmentId={"type": "string", "maxLength": 100}, **_FILE),
}


def _body(required: list[str], **properties: Any) -> Any:
    return PlainValidator(
        {"type": "object", "additionalProperties": False, "required": required, "properties": properties}
    )


MESSAGE = _body(["author", "content"], author=_AUTHOR, content={"type": "object"}, metadata=_METADATA)
ACTIVITY = _body(
    ["author", "type"],
    author=_AUTHOR,
    type={"type": "string", "enum": ["conversation:read", "typing:start", "typing:stop"]},
)
_TARGET = {"type": "string", "minLength": 1, "maxLength": 128}
TO_SOMEBODY = _body(["switchboardIntegration"], switchboardIntegration=_TARGET, metadata=_METADATA)
TO_NOBODY = _body([], metadata=_METADATA)
# https://developer.zendesk.com/api-reference/conversations/#section/Webhook-Triggers
TRIGGERS = (
    *("client:add", "client:remove", "client:update"),
    *("conversation:create", "conversation:join", "conversation:leave", "conversation:remove"),
    *("conversation:message", "conversation:message:delivery:channel", "conversation:message:delivery:failure"),
    *("conversation:message:delivery:user", "conversation:postback", "conversation:read", "conversation:referral"),
    *("conversation:typing", "switchboard:acceptControl", "switchboard:acceptControl:failure"),
    *("switchboard:offerControl", "switchboard:offerControl:failure", "switchboard:passControl"),
    *("switchboard:passControl:failure", "switchboard:releaseControl", "user:merge", "user:update", "user:remove"),
)
_WEBHOOK: dict[str, Any] = {
    "target": _URL,
    "triggers": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(TRIGGERS)}},
    "includeFullUser": {"type": "boolean"},
    "includeFullSource": {"type": "boolean"},
}
WEBHOOK_CREATE = _body(["target", "triggers"], **_WEBHOOK)
WEBHOOK_UPDATE = _body([], **_WEBHOOK)
