"""SMS over Twilio: each message in words, a long one in several, counted as carriers bill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app import replies
from channels_app.providers import numbers, sent_files
from channels_app.providers.base import Capability, Planned
from channels_app.providers.sent_files import Carries
from channels_app.providers.twilio import texts
from channels_app.providers.twilio.forms import DAILY_SEGMENTS, SmsForm
from channels_app.providers.twilio.messaging import TwilioMessaging
from deployments.carriers import FilesTaken
from deployments.models import Conversation, Message

# MMS goes between numbers of these alone (twilio.com/docs/messaging/guides/accepted-mime-types). Of what it may carry
# only pictures reach every phone; carriers cut or drop larger ones.
MMS_COUNTRIES = frozenset({"US", "CA"})
_MMS_BYTES = 5 * 1024 * 1024
MMS = Carries(
    "MMS",
    "only JPEG, PNG and GIF",
    dict.fromkeys(("image/jpeg", "image/png", "image/gif"), _MMS_BYTES),
    many=10,
    together=_MMS_BYTES,
)
# Twilio bills an MMS in the USA at 2.7 times a segment.
MMS_SEGMENTS = 3


class TwilioSms(TwilioMessaging):
    """SMS with a Twilio number or messaging service."""

    kind = "twilio_sms"
    label = "SMS (Twilio)"
    company = "Twilio"
    set_by_hand = (
        "In Twilio's console: Phone Numbers, Manage, Active numbers, the number, Messaging Configuration. The inbound "
        "address goes into A message comes in and Primary handler fails, each with HTTP POST; with a messaging service "
        "into Services, the service, Integration. The status address needs no setting: it goes out with each message."
    )
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
        """Segments: what Twilio and the carriers bill. An MMS is billed by itself, as about three of them."""
        return int(content.get("segments") or texts.count(str(content["text"])).segments)

    @classmethod
    def carries(cls, config: Mapping[str, Any], address: str) -> Carries:
        """Pictures by MMS, where that is on and there is any; else nothing."""
        return MMS if config.get("sends_mms") and numbers.country_of(address) in MMS_COUNTRIES else sent_files.NOTHING

    @classmethod
    def files_taken(cls, config: Mapping[str, Any], address: str) -> FilesTaken | None:
        """All that members may send, most of it as links."""
        return sent_files.taken(cls.carries(config, address))

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """Each message in words, a long one in several SMS; its pictures with the first of them, by MMS."""
        planned = []
        carries = self.carries(self.account.config, self.account.address)
        for message in messages:
            going, linked = carries.parted(sent_files.here(message.attachments))
            text, links = sent_files.with_links(replies.as_text(message), linked, self.account.workspace_id)
            pieces = texts.split(text) or ([""] if going else [])
            for number, piece in enumerate(pieces, start=1):
                files = going if number == 1 else []
                kind = "MMS" if files else "SMS"
                what = kind if len(pieces) == 1 else f"{kind} {number} of {len(pieces)}"
                planned.append(Planned(what, _content(piece, files, links), [message]))
        return planned


def _content(text: str, files: Sequence[Mapping[str, Any]], links: Mapping[str, str]) -> dict[str, Any]:
    counted = texts.count(text)
    mine = {file_id: link for file_id, link in links.items() if link in text}
    more: dict[str, Any] = {"files": list(files)} if files else {}
    more |= {"links": mine} if mine else {}
    segments = MMS_SEGMENTS if files else counted.segments
    return {"text": text, "segments": segments, "encoding": counted.encoding, **more}
