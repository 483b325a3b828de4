"""Calls over Twilio (twilio.com/docs/voice): it listens and speaks, and is told what to say in TwiML.

What happens in a call is `channels_app.voice`'s; here is what the port asks of every kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers import numbers
from channels_app.providers.base import (
    Bounds,
    CallFacts,
    Capability,
    FetchedFile,
    Health,
    InboundRequest,
    Planned,
    Provider,
)
from channels_app.providers.events import NotUsed, ProviderEvent
from channels_app.providers.speech_fields import STREAM
from channels_app.providers.twilio import calls, recordings, sdk, signing, voice_config, voice_setup
from channels_app.providers.twilio.forms import AccountForm
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.providers.twilio.voice_forms import VoiceForm
from channels_app.voice.media import speech_check
from deployments.models import Conversation, Message


class TwilioVoice(Provider):
    """A telephone number at Twilio that an assistant answers."""

    kind = "twilio_voice"
    label = "Voice (Twilio)"
    company = "Twilio"
    set_by_hand = (
        "In Twilio's console: Phone Numbers, Manage, Active numbers, the number, Voice Configuration. The inbound "
        "address goes into A call comes in, the address where the first one fails into Primary handler fails, the "
        "status address into Call status changes, each with HTTP POST."
    )
    purpose = "A telephone number at Twilio: callers talk to the assistant, or are put through to your people."
    channel = "voice"
    icon = "phone"
    capabilities = frozenset(
        {
            Capability.CALLS,
            Capability.SPOKEN,
            Capability.RELAYED,
            Capability.STREAMED,
            Capability.STATUS,
            Capability.METERED,
            Capability.REGISTERS_WEBHOOK,
        }
    )
    config_form = VoiceForm
    hosts = (sdk.DOMAIN,)
    reached_by = ("from_number",)
    api_base_url = sdk.API_BASE_URL
    unit = "minute"
    # Every address of a call; what each answers is `channels_app.voice.answering`'s.
    parts = (
        *("turn", "wait", "status", "fallback", "errors"),
        *("relay-done", "stream-done", "transfer-done", "whisper", "queue"),
        *("consent", "recording", "voicemail", "transcript"),
        *("transfer-status", "queue-left", "talk", "lead"),
    )

    def validate_request(self, request: InboundRequest) -> None:
        """X-Twilio-Signature with the auth token, or the secondary one while it is rotated."""
        credentials = self.account.credentials
        signing.verify([credentials.get(name, "") for name in AccountForm.credentials], request)

    def validate_handshake(self, request: InboundRequest) -> None:
        """The same of a socket's."""
        credentials = self.account.credentials
        signing.verify_handshake([credentials.get(name, "") for name in AccountForm.credentials], request)

    def call_form(self, request: InboundRequest) -> Mapping[str, str]:
        """The form's fields as text; nothing of a body that is none."""
        return signing.form(request)

    async def fetch(self, url: str) -> FetchedFile:
        """The audio of a recording of our own account's."""
        return await recordings.fetch(self.account, url)

    async def start_recording(self, call: str, callback: str) -> str:
        """By REST, both sides apart."""
        return await recordings.start(self.account, call, callback)

    def recording_url(self, sid: str) -> str:
        """As MP3."""
        return recordings.url_of(self.account, sid)

    async def delete_recording(self, sid: str) -> None:
        """By REST."""
        await recordings.delete(self.account, sid)

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """Nothing: a call is answered while its request waits (`Capability.SPOKEN`)."""
        form = self.call_form(request)
        return [NotUsed(key=f"{form.get('CallSid', '')}:{request.part}"[:255], what="a request of a call")]

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """Nothing: what is said is spoken in the call."""
        return []

    async def check(self) -> Health:
        """The account, the number, where its calls go, and what Twilio noted lately."""
        found = await voice_setup.check(self.account)
        if self.account.config.get("mode") != STREAM:
            return found
        return Health([*found.findings, *await speech_check.check(self.account.config, self.account.credentials)])

    async def register_webhook(self) -> Health:
        """Set our addresses at the number."""
        return await voice_setup.register_webhook(self.account)

    async def start_call(self, to: str, *, longest_seconds: int) -> CallFacts:
        """By REST."""
        return await calls.start(self.account, to, longest_seconds=longest_seconds)

    async def fetch_call(self, sid: str) -> CallFacts | None:
        """By REST."""
        return await calls.fetch(self.account, sid)

    async def tell_call(self, sid: str, instructions: str) -> bool:
        """TwiML in the place of what it does now."""
        return await calls.redirect(self.account, sid, twiml=instructions)

    @classmethod
    def account_of(cls, config: Mapping[str, Any]) -> str:
        """Its SID."""
        return str(config.get("account_sid", ""))

    @classmethod
    def bounds(cls, config: Mapping[str, Any]) -> Bounds:
        """Minutes of a day; countries and numbers bound test calls, which alone are ours to start."""
        voice = VoiceConfig.of(config)
        return Bounds(
            daily=voice.daily_minutes,
            unit="minutes of calls",
            countries=frozenset(config.get("allowed_countries") or ()) or numbers.at_home(voice.number),
            unasked=int(config.get("unasked_per_hour") or voice_config.UNASKED_PER_HOUR),
            cold=int(config.get("new_per_range") or voice_config.NEW_PER_RANGE),
            replies=0,
        )
