"""SMS over Twilio: each message in words, a long one in several, counted as carriers bill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app import replies
from channels_app.providers import numbers
from channels_app.providers.base import Capability, Planned
from channels_app.providers.twilio import texts
from channels_app.providers.twilio.forms import DAILY_SEGMENTS, SmsForm
from channels_app.providers.twilio.messaging import TwilioMessaging
from deployments.models import Conversation, Message


class TwilioSms(TwilioMessaging):
    """SMS with a Twilio number or messaging service."""

    kind = "twilio_sms"
    label = "SMS (Twilio)"
    purpose = "Text messages with a Twilio number: answers in order, STOP respected, reports of delivery."
    channel = "sms"
    icon = "message-square-text"
    capabilities = frozenset(
        {
            Capability.INTERACTIVE,
            Capability.LOOK_UP,
            Capability.STATUS,
            Capability.CONSENT,
            Capability.PACED,
            Capability.METERED,
            Capability.REGISTERS_WEBHOOK,
        }
    )
    config_form = SmsForm
    longest_text = texts.LONGEST
    unit = "segment"
    units_called = "SMS segments"
    default_daily = DAILY_SEGMENTS
    daily_field = "daily_segments"

    @classmethod
    def home(cls, config: Mapping[str, Any]) -> frozenset[str]:
        """That of the sender's own number, of which a service has none."""
        return numbers.at_home(str(config.get("from_number", "")))

    @classmethod
    def units(cls, content: Mapping[str, Any]) -> int:
        """Segments: what Twilio and the carriers bill."""
        return int(content.get("segments") or texts.count(str(content["text"])).segments)

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """Each message in words, a long one in several SMS."""
        planned = []
        for message in messages:
            pieces = texts.split(replies.as_text(message))
            for number, piece in enumerate(pieces, start=1):
                counted = texts.count(piece)
                what = "SMS" if len(pieces) == 1 else f"SMS {number} of {len(pieces)}"
                content = {"text": piece, "segments": counted.segments, "encoding": counted.encoding}
                planned.append(Planned(what, content, [message]))
        return planned
