"""What may be asked of Genesys: the bodies' shapes, strictly.

Names, types and choices: github MyPureCloud/platform-client-sdk-python (build/docs/: OpenInbound*.md,
OpenIntegration*.md, MediaParticipantRequest.md), gathered in `genesys_open_messaging.DERIVED.json`; what has to be
there: platform-client-sdk-java. Genesys ignores what it doesn't know. Here that is refused: no misspelt field shall be
hidden.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from channels_app.rehearsal.base import Answer, read
from channels_app.rehearsal.genesys import problems
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.plain_errors import PlainValidator, failures, path_of

# https://help.mypurecloud.com/?p=174625 gives 4000 characters for an agent's words on Open Messaging. For what comes in
# the pages give no number: the same is taken, to be strict.
LONGEST_TEXT = 4000
LONGEST_VALUE = 255
# OpenIntegrationRequest.md: "must be longer than 15 characters".
SHORTEST_SECRET = 16
# "yyyy-MM-ddTHH:mm:ss[.mmm]Z", on every time of the kits.
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$"

_ID_TYPES = ("Email", "Phone", "Opaque")
_MEDIA_TYPES = ["Image", "Video", "Audio", "File", "Link"]
_REASONS = [
    *("MessageExpired", "RateLimited", "MessageNotAllowed", "GeneralError", "UnsupportedMessage", "UnknownMessage"),
    *("InvalidMessageStructure", "InvalidDestination", "ServerError", "MediaTypeNotAllowed"),
    *("InvalidMediaContentLength", "RecipientOptedOut", "DataFiltered"),
]

_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
_VALUE = {"type": "string", "minLength": 1, "maxLength": LONGEST_VALUE}
_TIME = {"type": "string", "pattern": TIME}
_STRINGS = {
    "type": "object",
    "patternProperties": {"": {"type": "string"}},
    "additionalProperties": False,
    "maxProperties": 100,
}
# The kits give the words with a capital; Genesys' page on receipts and its forum (26014) send "email", and it is taken.
_ID_TYPE = {"enum": [*_ID_TYPES, *(word.lower() for word in _ID_TYPES)]}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _person(*required: str) -> dict[str, Any]:
    names = dict.fromkeys(("nickname", "firstName", "lastName", "image", "email"), _VALUE)
    return _object(list(required), id=_VALUE, idType=_ID_TYPE, **names)


_FROM, _TO = _person("id", "idType"), _person("id")
# `customAttributes` is in no kit, but is how data reaches an Architect flow: the same forum thread, and
# https://docs.ada.cx/generative/docs/handoffs/genesys/custom-fields.
_CHANNEL_METADATA = _object(
    [],
    customAttributes=_STRINGS,
    subType={"enum": ["None", "GoogleBusinessProfile", "RoadsideAssistance", "YouTube"]},
)
_ATTACHMENT = _object(
    ["mediaType", "url", "mime"],
    mediaType={"enum": _MEDIA_TYPES},
    url={"type": "string", "pattern": r"^https?://[^\s]+$", "maxLength": 2000},
    **dict.fromkeys(("id", "mime", "sha256", "filename"), _VALUE),
    text=_TEXT,
)

_CHANNEL = _object(["from", "time"], **{"from": _FROM}, time=_TIME, messageId=_VALUE, metadata=_CHANNEL_METADATA)

# POST /api/v2/conversations/messages/{integrationId}/inbound/open/message (OpenInboundNormalizedMessage).
MESSAGE = PlainValidator(
    _object(
        ["channel"],
        channel=_CHANNEL,
        text=_TEXT,
        # OpenMessageContent.md: of attachments only one is allowed.
        content={
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": _object(["attachment"], attachment=_ATTACHMENT),
        },
        metadata=_STRINGS,
    )
)
# .../inbound/open/structured/response (OpenInboundStructuredResponseMessage, ContentButtonResponse without what is
# deprecated in it).
RESPONSE = PlainValidator(
    _object(
        ["channel", "buttonResponse", "originatingMessageId"],
        channel=_CHANNEL,
        buttonResponse=_object(
            ["type", "text", "payload"], type={"enum": ["Button", "QuickReply"]}, text=_TEXT, payload=_TEXT
        ),
        originatingMessageId=_VALUE,
    )
)
# .../inbound/open/receipt (OpenInboundNormalizedReceipt). `direction` is in the examples of
# https://developer.genesys.cloud/commdigital/digital/openmessaging/inboundReceiptMessages and not in the kits. That
# page takes two of the kits' five statuses: "There are 2 supported receipt statuses for this endpoint: Delivered |
# Failed".
RECEIPT = PlainValidator(
    _object(
        ["id", "channel", "status"],
        id=_VALUE,
        channel=_object(["to", "time"], to=_TO, time=_TIME),
        status={"enum": ["Delivered", "Failed"]},
        direction={"enum": ["Outbound"]},
        isFinalReceipt={"type": "boolean"},
        reasons={"type": "array", "maxItems": 20, "items": _object([], code={"enum": _REASONS}, message=_TEXT)},
    )
)
# .../inbound/open/event (OpenInboundNormalizedEvent).
EVENT = PlainValidator(
    _object(
        ["channel", "events"],
        channel=_object(["from", "time"], **{"from": _FROM}, time=_TIME),
        events={
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": _object(["eventType"], eventType={"enum": ["Typing"]}),
        },
    )
)
# POST /api/v2/conversations/messages/agentless (SendAgentlessOutboundMessageRequest); on Open Messaging words alone:
# https://developer.genesys.cloud/commdigital/digital/openmessaging.
AGENTLESS = PlainValidator(
    _object(
        ["fromAddress", "toAddress", "toAddressMessengerType", "textBody"],
        fromAddress=_VALUE,
        toAddress=_VALUE,
        toAddressMessengerType={"enum": ["open"]},
        textBody={**_TEXT, "minLength": 1},
        useExistingActiveConversation={"type": "boolean"},
    )
)
# PATCH /api/v2/conversations/messages/{conversationId}, "Update a conversation by disconnecting all of the
# participants", and .../participants/{participantId} (MediaParticipantRequest), whose other fields are an agent's own.
DISCONNECT = PlainValidator(_object(["state"], state={"enum": ["disconnected"]}))
# POST .../messages/bulk: the ids of messages.
IDS = PlainValidator({"type": "array", "minItems": 1, "maxItems": 1000, "items": _VALUE})

_INTEGRATION = {
    "name": _VALUE,
    "outboundNotificationWebhookUrl": {"type": "string", "pattern": r"^https?://[^\s]+$", "maxLength": 2000},
    "outboundNotificationWebhookSignatureSecretToken": {
        "type": "string",
        "minLength": SHORTEST_SECRET,
        "maxLength": LONGEST_VALUE,
        "x-words": {"minLength": "The secret must be longer than 15 characters."},
    },
    "webhookHeaders": {
        "type": "object",
        "patternProperties": {r"^[A-Za-z0-9-]{1,100}$": {"type": "string", "pattern": r"^[\x20-\x7e]{1,1000}$"}},
        "additionalProperties": False,
    },
    "supportedContent": _object(["id"], id=_VALUE),
    "messagingSetting": _object(["id"], id=_VALUE),
}
# POST /api/v2/conversations/messaging/integrations/open (OpenIntegrationRequest) and PATCH .../{integrationId}
# (OpenIntegrationUpdateRequest, where the kits mark `name` as one that has to be there, too).
NEW_INTEGRATION = PlainValidator(_object(list(_INTEGRATION)[:3], **_INTEGRATION))
CHANGED_INTEGRATION = PlainValidator(_object(["name"], **_INTEGRATION))


def parsed(validator: Any, headers: Mapping[str, str], body: bytes) -> tuple[Any, Answer | None]:
    """The body, and a refusal where it isn't one that Genesys takes."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None, problems.wrong_media_type()
    value = read(body) if validator is not IDS else _list(body)
    if value is None:
        return None, problems.bad_request("Refused: the body is not JSON of the right kind.")
    return value, refusal(validator, value)


def _list(body: bytes) -> list[Any] | None:
    try:
        found = loads(body)
    except BadJSON:
        return None
    return found if isinstance(found, list) else None


def refusal(validator: Any, value: object) -> Answer | None:
    """400 where the value hasn't the shape; it names each field. None where it has."""
    told = failures(validator, value)
    if not told:
        return _impossible_time(value)
    path, words = next(iter(told.items()))
    note = f"Refused: {path or 'the body'}: {words[0]}"
    error = next(iter(validator.iter_errors(value)), None)
    rule = str(error.validator) if error is not None else ""
    at = path_of(error.absolute_path) if error is not None else ""
    if error is not None and rule == "enum":
        allowed = ", ".join(str(one) for one in error.validator_value)
        shown = str(error.instance)[:60]
        message = f"Value [{shown}] is not valid for field type [{at}]. Allowable values are: {allowed}"
        return problems.problem(400, "invalid.value", message, note, fields=dict.fromkeys(told, "invalid.value"))
    if rule == "pattern" and at.endswith("time"):
        return _bad_date(at, note)
    return problems.bad_request(note, dict.fromkeys(told, "bad.request"))


def _bad_date(path: str, note: str) -> Answer:
    words = "Dates must be specified as ISO-8601 strings. For example: yyyy-MM-ddTHH:mm:ss.SSSZ"
    return problems.problem(400, "invalid.date", words, note, fields={path: "invalid.date"})


def _impossible_time(value: object) -> Answer | None:
    """400 where the time has its form and is none: the 31st of April."""
    channel = value.get("channel") if isinstance(value, dict) else None
    time = channel.get("time") if isinstance(channel, dict) else None
    if time is None:
        return None
    try:
        moment(time)
    except ValueError:
        return _bad_date("channel.time", "Refused: channel.time: There is no such time.")
    return None


def moment(time: str) -> dt.datetime:
    """The moment of a time as Genesys writes it."""
    return dt.datetime.fromisoformat(time)
