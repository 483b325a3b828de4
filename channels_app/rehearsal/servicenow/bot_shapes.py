"""What may be posted to the Virtual Agent Bot Integration API (bot-api, supported request parameters).

The page and its examples contradict each other: `message.attachment` and `history` are an array there and an object
here; `timestamp` is said to be in milliseconds and is in seconds in all examples; `message` is required and missing in
examples of four actions; `message.typed` is required and missing beside attachments. What an example shows is taken.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import Any

from convoship.lib.plain_errors import PlainValidator, failures

# Actions that say nothing to anybody, and those whose examples have no message (or that have no example).
SIGNS = frozenset({"TYPING", "VIEWING", "SET_USER_TIMEZONE"})
WITHOUT_MESSAGE = SIGNS | {"START_CREATED_CONVERSATION", "FAULT_CONVERSATION", "SEND_HISTORY"}
ACTIONS = (
    *("AGENT", "CREATE_CONVERSATION", "END_CONVERSATION", "FAULT_CONVERSATION", "SEND_HISTORY", "SET_USER_TIMEZONE"),
    *("START_CONVERSATION", "START_CREATED_CONVERSATION", "SWITCH", "TYPING", "VIEWING", "UPDATE_MESSAGES"),
)
# «Valid values (not case-sensitive)».
FILE_TYPES = ("application/pdf", "application/msword", "image/png", "image/jpeg", "text/plain", "video/mpeg")
STATUSES = ("external_error", "sent_to_user")
_ID = {"type": "string", "maxLength": 255}
_NEEDED_ID = {"type": "string", "minLength": 1, "maxLength": 255}
_TEXT = {"type": "string"}
_PAIRS = {"type": "object"}


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


_ATTACHMENT = _object(
    ("contentType", "fileName", "url"),
    clientAttachmentId=_ID,
    contentType=_NEEDED_ID,
    fileName=_NEEDED_ID,
    headers=_object(Authorization=_TEXT),
    id=_ID,
    url={"type": "string", "pattern": "^https?://", "x-words": {"pattern": "This must be an address (https://…)."}},
)
_MESSAGE = _object(
    attachment={},
    clientMessageId=_ID,
    id=_ID,
    status=_TEXT,
    text=_TEXT,
    typed={"type": "boolean"},
)
_UPDATE = _object(("id", "status"), id=_NEEDED_ID, status=_NEEDED_ID, text=_TEXT)
_HISTORY = _object(
    ("isBotMessage", "value"),
    displayName=_ID,
    isBotMessage={"type": "boolean"},
    timestamp={"type": "string", "pattern": r"^\d{13}$", "x-words": {"pattern": "Give 13 digits, as text."}},
    type={"enum": ["text"]},
    value=_TEXT,
)
_BODY = PlainValidator(
    _object(
        ("requestId", "userId"),
        action={"enum": [*ACTIONS, None]},
        # transform-virtual-agent-api-request-and-response, configure-multiple-provider-applications.
        appInboundId=_ID,
        botToBot={"type": "boolean"},
        cause=_NEEDED_ID,
        clientSessionId=_ID,
        clientVariables=_PAIRS,
        contextVariables=_PAIRS,
        emailId={"type": "string", "pattern": "^[^@ ]+@[^@ ]+$", "x-words": {"pattern": "This must be an address."}},
        # The next three: in examples alone, and «currently unused».
        enterpriseId=_ID,
        nowBotId=_ID,
        nowSessionId=_ID,
        history={},
        intent=_object(("id",), id=_NEEDED_ID),
        message={},
        requestId=_NEEDED_ID,
        silentMessage={"type": "boolean"},
        timestamp={"type": "integer", "minimum": 1},
        timezone=_NEEDED_ID,
        topic=_object(name=_NEEDED_ID, id=_NEEDED_ID),
        userId=_NEEDED_ID,
    )
)
_VALIDATORS = {
    "message": PlainValidator(_MESSAGE),
    "attachment": PlainValidator(_ATTACHMENT),
    "update": PlainValidator(_UPDATE),
    "history": PlainValidator(_HISTORY),
}
Errors = dict[str, list[str]]


def wrong(body: Mapping[str, Any]) -> Errors:
    """What is wrong with a request, by path; empty where nothing is."""
    errors: Errors = dict(failures(_BODY, body))
    if errors:
        return errors
    action = body.get("action")
    if body.get("message") is not None:
        errors |= _wrong_message(action, body["message"])
    elif action not in WITHOUT_MESSAGE:
        errors["message"] = ["This is missing."]
    if "history" in body:
        errors |= _each("history", "history", body["history"])
    errors |= _wrong_for_action(action, body)
    if "timezone" in body and body["timezone"] not in zoneinfo.available_timezones():
        errors["timezone"] = ["This is no time zone of the tz database, such as Europe/Berlin."]
    return errors


def _each(kind: str, path: str, value: Any) -> Errors:
    """An object, or a list of them."""
    items = value if isinstance(value, list) else [value]
    if not items:
        return {path: ["This must not be empty."]}
    found: Errors = {}
    for number, item in enumerate(items[:100]):
        place = f"{path}[{number}]" if isinstance(value, list) else path
        for inner, words in failures(_VALIDATORS[kind], item).items():
            found[f"{place}.{inner}" if inner else place] = list(words)
    return found


def _wrong_message(action: Any, message: Any) -> Errors:
    if action == "UPDATE_MESSAGES":
        return _each("update", "message", message) or _wrong_statuses(message)
    errors = {f"message.{path}" if path else "message": list(w) for path, w in _fails("message", message).items()}
    if errors:
        return errors
    files = message.get("attachment")
    if files is not None:
        errors |= _each("attachment", "message.attachment", files)
        if not errors:
            kinds = [one["contentType"].lower() for one in (files if isinstance(files, list) else [files])]
            if any(kind not in FILE_TYPES for kind in kinds):
                errors["message.attachment.contentType"] = [f"This must be one of: {', '.join(FILE_TYPES)}."]
    elif "typed" not in message:
        errors["message.typed"] = ["This is missing."]
    if files is None and "text" not in message and action not in {*WITHOUT_MESSAGE, "SWITCH"}:
        errors["message.text"] = ["This is missing: it is required where there is no attachment."]
    for name in ("id", "status"):
        if name in message:
            errors[f"message.{name}"] = ["This is used with UPDATE_MESSAGES alone."]
    return errors


def _fails(kind: str, value: Any) -> Mapping[str, Any]:
    return failures(_VALIDATORS[kind], value)


def _wrong_statuses(message: Any) -> Errors:
    items = message if isinstance(message, list) else [message]
    if all(str(one["status"]).lower() in STATUSES for one in items):
        return {}
    return {"message.status": [f"This must be one of: {', '.join(STATUSES)}."]}


def _wrong_for_action(action: Any, body: Mapping[str, Any]) -> Errors:
    errors: Errors = {}
    message = body.get("message")
    text = message.get("text", "") if isinstance(message, dict) else ""
    if action == "END_CONVERSATION" and text:
        errors["message.text"] = ["This must be empty for END_CONVERSATION."]
    if "cause" in body and action != "FAULT_CONVERSATION":
        errors["cause"] = ["This is used with FAULT_CONVERSATION alone."]
    if action == "FAULT_CONVERSATION" and "cause" not in body:
        errors["cause"] = ["This is missing."]
    if action == "SEND_HISTORY" and "history" not in body:
        errors["history"] = ["This is missing."]
    if action == "SET_USER_TIMEZONE" and "timezone" not in body:
        errors["timezone"] = ["This is missing."]
    targets = [*body.get("topic", {}), *(["intent"] if "intent" in body else [])]
    if targets and action != "SWITCH":
        errors["topic" if "topic" in body else "intent"] = ["This is used with SWITCH alone."]
    if action == "SWITCH" and len(targets) != 1:
        errors["topic"] = ["Name one topic, by its name or its id, or one intent."]
    return errors
