"""What a connection of a voice gateway is set up with."""

from __future__ import annotations

from typing import Any

from django import forms

from channels_app.providers.base import ConfigForm
from channels_app.providers.endpoints import endpoint
from channels_app.providers.recording_fields import CONSENT_WORDS, RECORD, RecordingFields
from channels_app.providers.sip_fields import SIP_FIELDS, SIP_PASSWORD, SipFields
from channels_app.providers.speech_fields import RARE_SPEECH_FIELDS, SPEECH_FIELDS, SPEECH_KEYS, SpeechFields
from channels_app.voice.media import dialects


class VoiceGatewayForm(RecordingFields, SipFields, SpeechFields, ConfigForm):
    """Where answers go, and how the gateway signs; or how the sound of calls is carried, and what hears and speaks."""

    credentials = (*SPEECH_KEYS, SIP_PASSWORD)
    # Most gateways work turn by turn, or with engines of this server.
    rarely = frozenset({*RARE_SPEECH_FIELDS, *SPEECH_KEYS, *SIP_FIELDS, SIP_PASSWORD, CONSENT_WORDS})
    groups = (
        ("Turn by turn", ("gateway_url", "require_timestamp")),
        ("Streaming: the sound of calls", ("dialect", *SPEECH_FIELDS)),
        ("What is kept of calls", (RECORD, CONSENT_WORDS)),
        ("SIP: calls from a trunk or a telephone system", SIP_FIELDS),
    )
    field_order = ("mode", "language")

    mode = forms.ChoiceField(
        label="Mode",
        choices=[("turns", "Turn by turn"), ("stream", "Streaming")],
        initial="turns",
        required=False,
        help_text="Turn by turn your gateway hears and speaks, and sends a request for each thing that a caller says. "
        "Streaming, it sends the sound of calls over a socket, and Convoship hears and speaks.",
        error_messages={
            "invalid_choice": "The mode is “turns” (a request for each thing that the caller says) or “stream” (the "
            "sound of calls over a socket)."
        },
    )
    dialect = forms.ChoiceField(
        label="Frames",
        choices=dialects.CHOICES,
        initial=dialects.DEFAULT,
        required=False,
        help_text="How your gateway writes sound on the socket; or SIP, without one.",
    )
    gateway_url = forms.CharField(
        label="Your gateway",
        max_length=2000,
        required=False,
        help_text="An https address of yours that answers are posted to. Without it your gateway asks for each answer "
        "in the response, with ?reply=inline.",
    )
    require_timestamp = forms.BooleanField(
        label="Only requests with a timestamp",
        required=False,
        help_text="Refuses requests without X-Convoship-Timestamp, so that a recorded one can't be sent again later.",
    )
    language = forms.RegexField(
        regex=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$",
        label="Language",
        max_length=35,
        required=False,
        help_text="Of callers, where the gateway doesn't say: en or de-AT, say.",
        error_messages={"invalid": "A language as de or en-GB."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            RECORD
        ].help_text = (
            "Only calls whose sound comes to Convoship (Streaming) can be recorded; turn by turn there is none."
        )

    def clean_mode(self) -> str:
        """Turn by turn unless it is said."""
        return self.cleaned_data["mode"] or "turns"

    def clean(self) -> dict[str, Any]:
        """Each mode has what it needs; of the other one nothing is kept that is as it is by itself."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("mode") == "stream":
            cleaned["dialect"] = cleaned.get("dialect") or dialects.DEFAULT
        elif cleaned.get("dialect") == dialects.DEFAULT:
            cleaned["dialect"] = ""
        self.check_speech(cleaned)
        self.check_sip(cleaned)
        self.check_recording(cleaned)
        return cleaned

    def clean_gateway_url(self) -> str:
        """An address that may be called, or none."""
        url = self.cleaned_data["gateway_url"].strip()
        return endpoint(url) if url else ""
