"""Whether calls are recorded, as fields of a connection's form: alike wherever calls come from."""

from __future__ import annotations

from typing import Any

from django import forms

from channels_app.providers.speech_fields import STREAM

RECORD, CONSENT_WORDS = "record", "consent_words"
LONGEST_WORDS = 1000
OFF, WITH_CONSENT = "off", "with_consent"


class RecordingFields(forms.Form):
    """The fields, for forms of connections whose calls can be recorded."""

    record = forms.ChoiceField(
        label="Recording",
        choices=[(OFF, "Calls are not recorded"), (WITH_CONSENT, "Recorded, where the caller agrees")],
        initial=OFF,
        required=False,
    )
    consent_words = forms.CharField(
        label="Question before recording",
        max_length=LONGEST_WORDS,
        required=False,
        help_text="What callers are asked: they agree with 1 or yes, and decline with 2 or no.",
    )

    def check_recording(self, cleaned: dict[str, Any]) -> None:
        """For a form with modes in one of which there is no sound to record."""
        if cleaned.get("mode") == STREAM:
            cleaned[RECORD] = cleaned.get(RECORD) or OFF
        elif cleaned.get(RECORD) == WITH_CONSENT:
            self.add_error(
                RECORD,
                "Turn by turn no sound comes to Convoship, and only calls whose sound does can be recorded: choose "
                "the mode Streaming, or do not record.",
            )
        else:
            cleaned[RECORD] = ""
