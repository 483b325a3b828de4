"""Links to the outside world, what came in over them, and what goes out."""

from channels_app.models.beat import MediaBeat, WorkerBeat
from channels_app.models.call import (
    Call,
    CallRecording,
    CallSpeech,
    CallStep,
    CallTransfer,
    CallTurn,
    RecordingPart,
    RelayTicket,
)
from channels_app.models.connection import Connection, ConnectionSecret, ConversationLink
from channels_app.models.consent import Consent, ConsentChange
from channels_app.models.desk_case import DeskCase
from channels_app.models.inbound import InboundEvent, RefusedRequest
from channels_app.models.media import InboundMedia, RehearsalPicture
from channels_app.models.outbound import Delivery, DeliveryAttempt
from channels_app.models.rehearsal import Rehearsal, RehearsalCall, RehearsalLine
from channels_app.models.spending import SpendingCount
from channels_app.models.template import InteractiveContent, MessageTemplate, TemplateSync
from channels_app.models.transfer import CallCourse, MemberTelephone
from channels_app.models.window import ServiceWindow

__all__ = [
    "Call",
    "CallCourse",
    "CallRecording",
    "CallSpeech",
    "CallStep",
    "CallTransfer",
    "CallTurn",
    "Connection",
    "ConnectionSecret",
    "Consent",
    "ConsentChange",
    "ConversationLink",
    "Delivery",
    "DeliveryAttempt",
    "DeskCase",
    "InboundEvent",
    "InboundMedia",
    "InteractiveContent",
    "MediaBeat",
    "MemberTelephone",
    "MessageTemplate",
    "RecordingPart",
    "RefusedRequest",
    "Rehearsal",
    "RehearsalCall",
    "RehearsalLine",
    "RehearsalPicture",
    "RelayTicket",
    "ServiceWindow",
    "SpendingCount",
    "TemplateSync",
    "WorkerBeat",
]
