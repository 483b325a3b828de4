"""Which engines hear and speak in a connection's calls, as fields of its form (CONTRACT section 7, `speech`)."""

from __future__ import annotations

from typing import Any

from django import forms

from channels_app.voice.engines import registry

SPEECH_FIELDS = ("speech__stt__engine", "speech__stt__model", "speech__tts__engine", "speech__tts__voice")
SPEECH_KEYS = ("stt_api_key", "tts_api_key")
# In such a mode they are used.
STREAM = "stream"
_NAME = r"^[A-Za-z0-9._:/-]+$"


class SpeechFields(forms.Form):
    """The fields, for forms of connections whose `mode` may be “stream”."""

    speech__stt__engine = forms.ChoiceField(
        label="What hears",
        choices=[(one.name, one.label) for one in registry.hearing()],
        initial=registry.DEFAULT_STT,
        required=False,
        help_text="Those on this server need no key and send nothing anywhere. They need Convoship's voice packages: "
        "make voice.",
    )
    speech__stt__model = forms.RegexField(
        regex=_NAME,
        label="Its model",
        max_length=100,
        required=False,
        help_text="As the engine's own documentation names it. Left empty, the engine's usual one.",
        error_messages={"invalid": "The name of a model, as the engine's documentation has it."},
    )
    speech__tts__engine = forms.ChoiceField(
        label="What speaks",
        choices=[(one.name, one.label) for one in registry.speaking()],
        initial=registry.DEFAULT_TTS,
        required=False,
    )
    speech__tts__voice = forms.RegexField(
        regex=_NAME,
        label="Its voice",
        max_length=100,
        required=False,
        help_text="The id or name of a voice, as the engine's own documentation has it. Left empty, its usual one.",
        error_messages={"invalid": "The name of a voice, as the engine's documentation has it."},
    )
    stt_api_key = forms.CharField(
        label="Key for what hears",
        max_length=100,
        required=False,
        help_text="Of the account at the engine's company; engines on this server need none.",
    )
    tts_api_key = forms.CharField(
        label="Key for what speaks",
        max_length=100,
        required=False,
        help_text="Of the account at the engine's company; engines on this server need none.",
    )

    def check_speech(self, cleaned: dict[str, Any]) -> None:
        """In the mode that uses them each engine has what it needs; in others what was not chosen is not kept."""
        ear = cleaned.get("speech__stt__engine") or registry.DEFAULT_STT
        mouth = cleaned.get("speech__tts__engine") or registry.DEFAULT_TTS
        if cleaned.get("mode") != STREAM:
            if (ear, mouth) == (registry.DEFAULT_STT, registry.DEFAULT_TTS):
                for name in SPEECH_FIELDS:
                    cleaned[name] = ""
            return
        cleaned["speech__stt__engine"], cleaned["speech__tts__engine"] = ear, mouth
        for engine, key in ((ear, "stt_api_key"), (mouth, "tts_api_key")):
            if registry.ENGINES[engine].needs_key and not cleaned.get(key):
                self.add_error(key, f"{registry.ENGINES[engine].label} needs a key: choose the secret that holds it.")
