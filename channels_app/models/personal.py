"""What this app's tables say of the people that a workspace talks with (`convoship.lib.personal`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from convoship.lib.personal import Personal
from convoship.lib.tenancy import TenantModel

ERASED = "Erased with its person."
_OWN = "The workspace's own words and settings."
_STANDS = "How the connection itself stands."

PERSONAL: Mapping[type[TenantModel], Personal] = {
    Call: Personal(
        blank={"caller": "", "called": "", "reason": ERASED, "remedy": ""},
        kept={"sid": "The provider's id of the call, or a late report on it would open it anew.", "language": _OWN},
    ),
    CallTurn: Personal(blank={"keys": "", "error": ""}),
    CallSpeech: Personal(rows="With their conversation's content."),
    CallStep: Personal(blank={"words": "", "remedy": "", "data": {}}),
    RelayTicket: Personal(blank={"handed": None}, kept={"session": "The provider's id of a socket."}),
    CallTransfer: Personal(
        blank={"reason": "", "remedy": ""},
        kept={"to name key": _OWN, "child_sid": "The provider's id."},
    ),
    CallCourse: Personal(
        blank={"answer": ""},
        kept={"asked": "A digest.", "reason remedy": "Why the provider could not be told where to lead a call."},
    ),
    MemberTelephone: Personal(kept={"number": "A member's, not a visitor's: it goes with their account."}),
    CallRecording: Personal(
        blank={"transcript": "", "reason": "", "remedy": "", "missing": ""},
        kept={"sid url": "The provider's id and address of the audio, until it is deleted there as well."},
    ),
    RecordingPart: Personal(rows="With their conversation's content."),
    Connection: Personal(
        kept={"kind name config credentials": _OWN, "state_reason fault fault_remedy tested": _STANDS},
    ),
    ConnectionSecret: Personal(kept={"hint": "The end of a secret."}),
    ConversationLink: Personal(
        blank={"address": ""}, kept={"told_control told_status": "What the other side was told of its state."}
    ),
    Consent: Personal(
        otherwise={"address": "Rows are deleted; where somebody opted out a digest stands in the address's place."}
    ),
    ConsentChange: Personal(otherwise={"source": "Rows go with their consent; of an opt-out it is written over."}),
    InboundEvent: Personal(
        blank={"lane": "", "body_digest": b"", "reason": ERASED, "remedy": ""},
        otherwise={"content": "An event of its kind with nothing in it takes its place (`erased.event`)."},
        kept={"key": "The provider's id of the event, or a copy would be taken for a new one.", "kind": "What it is."},
    ),
    RefusedRequest: Personal(kept={"reason detail": "Why requests were refused, and at which address of ours."}),
    InboundMedia: Personal(rows="With their conversation's content."),
    RehearsalPicture: Personal(rows="With what their phone said."),
    Delivery: Personal(
        blank={
            "address": "",
            "content": {"text": ""},
            "provider_id": "",
            "refused_id": "",
            "reason": ERASED,
            "remedy": "",
        },
        kept={"what code": "What kind of thing it is, and the number of an error.", "purpose": "Why it was sent."},
    ),
    DeskCase: Personal(
        blank={"about": {}, "trouble": "", "trouble_remedy": ""},
        kept={
            "key": "Our name of the case.",
            "ref number url": "The desk's own, by which its owner finds it there.",
        },
    ),
    DeliveryAttempt: Personal(blank={"reason": "", "answer": ""}, kept={"code": "The number of an error."}),
    Rehearsal: Personal(
        otherwise={
            "opted_out phones": "What is known of the address is taken out.",
            "contents": "Buttons that were made for messages are taken out; templates are the workspace's own words.",
        },
        kept={"fault": "What the stand-in does."},
    ),
    RehearsalLine: Personal(
        blank={
            "address": "",
            "text": "",
            "provider_id": "",
            "url": "",
            "headers": {},
            "body": "",
            "answer": "",
            "note": "",
            "media": [],
            "extras": {},
        },
        kept={"status method": "What kind of call it was."},
    ),
    RehearsalCall: Personal(
        blank={"caller": "", "called": "", "recordings": [], "faults": [], "first": {}, "orders": []},
        kept={
            "sid parent_sid": "The stand-in's ids of calls.",
            "direction status status_url status_events": "What kind of call it was, and where of ours it was told.",
        },
    ),
    SpendingCount: Personal(otherwise={"whose": "Rows of a number are deleted; the beginning of numbers is nobody's."}),
    MessageTemplate: Personal(
        kept={"sid name language content_type body extras variables category rejection_reason": _OWN}
    ),
    TemplateSync: Personal(kept={"fault fault_remedy": _STANDS}),
    InteractiveContent: Personal(
        kept={"digest sid": "A digest of buttons and their words, and the provider's id of them."}
    ),
    ServiceWindow: Personal(rows="With their address."),
}


def blank(model: type[TenantModel]) -> dict[str, Any]:
    """What erasing writes into a row's columns."""
    return dict(PERSONAL[model].blank)
