"""Which engines hear and speak in a connection's calls, as fields of its form (CONTRACT section 7, `speech`)."""

from __future__ import annotations

from typing import Any

from django import forms

from channels_app.providers.endpoints import endpoint
from channels_app.voice.engines import installed, registry
from channels_app.voice.engines.registry import Engine, Side

STT_FIELDS = ("speech__stt__engine", "speech__stt__model", "speech__stt__base_url")
TTS_FIELDS = ("speech__tts__engine", "speech__tts__voice", "speech__tts__model", "speech__tts__base_url")
SPEECH_FIELDS = (*STT_FIELDS, *TTS_FIELDS)
# Few need these.
RARE_SPEECH_FIELDS = (*STT_FIELDS[1:], *TTS_FIELDS[2:])
SPEECH_KEYS = ("stt_api_key", "tts_api_key")
# In such a mode they are used.
STREAM = "stream"
LANGUAGE = "en-US"
_NAME = r"^[A-Za-z0-9._:/-]+$"
_KEY = "Of the account at the engine's company; engines on this server need none."
_URL = "Only for a server that speaks as the engine's company does, or for its servers in another region: https://…"


def _named(label: str, help_text: str) -> forms.RegexField:
    words = "The name as the engine's documentation has it: letters, digits and . _ : / - only."
    invalid = {"invalid": words}
    return forms.RegexField(
        _NAME, label=label, max_length=100, required=False, help_text=help_text, error_messages=invalid
    )


def _url(label: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=300, required=False, help_text=_URL)


def _choices(engines: list[Engine]) -> list[tuple[str, str]]:
    """Each engine; of one that can't be used yet, the command that brings it."""
    return [
        (
            one.name,
            f"{one.label} - not installed: {installed.command(one.name)}" if installed.missing(one.name) else one.label,
        )
        for one in engines
    ]


class SpeechFields(forms.Form):
    """The fields, for forms of connections whose `mode` may be “stream”."""

    speech__stt__engine = forms.ChoiceField(label="What hears", initial=registry.DEFAULT_STT, required=False)
    speech__stt__model = _named("Model of what hears", "Left empty, its usual one.")
    speech__stt__base_url = _url("Address of what hears")
    speech__tts__engine = forms.ChoiceField(label="What speaks", initial=registry.DEFAULT_TTS, required=False)
    speech__tts__voice = _named("Voice", "A voice's name or ID at the engine's company. Left empty, its usual one.")
    speech__tts__model = _named("Model of what speaks", "Left empty, its usual one.")
    speech__tts__base_url = _url("Address of what speaks")
    stt_api_key = forms.CharField(label="Key for what hears", max_length=100, required=False, help_text=_KEY)
    tts_api_key = forms.CharField(label="Key for what speaks", max_length=100, required=False, help_text=_KEY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, engines in (
            ("speech__stt__engine", registry.hearing()),
            ("speech__tts__engine", registry.speaking()),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  (declared above)
            field.choices = _choices(engines)
            field.help_text = " ".join(
                [*_lack(engines), *(f"{one.label}: {one.about}" for one in engines if one.is_local), _keys(engines)]
            )
            known = ", ".join(one.name for one in engines)
            field.error_messages["invalid_choice"] = f"There is no such engine. There are: {known}."

    def clean_speech__stt__base_url(self) -> str:
        """An address that may be called, or none."""
        return _address(self.cleaned_data["speech__stt__base_url"])

    def clean_speech__tts__base_url(self) -> str:
        """The same."""
        return _address(self.cleaned_data["speech__tts__base_url"])

    def check_speech(self, cleaned: dict[str, Any]) -> None:
        """In the mode that uses them each engine has what it needs; in others what was not chosen is not kept."""
        if cleaned.get("mode") != STREAM:
            for name, usual in (
                ("speech__stt__engine", registry.DEFAULT_STT),
                ("speech__tts__engine", registry.DEFAULT_TTS),
            ):
                if cleaned.get(name) == usual:
                    cleaned[name] = ""
            return
        language = cleaned.get("language") or LANGUAGE
        for prefix, usual, named in (
            ("speech__stt__", registry.DEFAULT_STT, "model"),
            ("speech__tts__", registry.DEFAULT_TTS, "voice"),
        ):
            if f"{prefix}engine" in self.errors:
                continue
            engine = registry.ENGINES[cleaned.get(f"{prefix}engine") or usual]
            cleaned[f"{prefix}engine"] = engine.name
            side = engine.hears if prefix == "speech__stt__" else engine.speaks
            if side is not None:
                self._check_side(cleaned, prefix, engine, side, named, language)

    def _check_side(
        self, cleaned: dict[str, Any], prefix: str, engine: Engine, side: Side, named: str, language: str
    ) -> None:
        key, url = f"{prefix.split('__')[1]}_api_key", cleaned.get(f"{prefix}base_url")
        if engine.needs_key and not url and not cleaned.get(key):
            self.add_error(key, f"{engine.label} needs a key: choose the secret that holds it.")
        if url and engine.is_local:
            self.add_error(f"{prefix}base_url", f"{engine.label} is on this server and has no address.")
        chosen = cleaned.get(f"{prefix}{named}")
        if chosen and not side.takes_others and chosen not in side.choices:
            self.add_error(f"{prefix}{named}", f"{engine.label} has: {', '.join(side.choices)}.")
        if not side.knows(language):
            known = ", ".join(side.languages)
            words = f"{engine.label} knows these languages only: {known}. The connection's is {language}."
            self.add_error(f"{prefix}engine", f"{words} Choose another engine.")


def _lack(engines: list[Engine]) -> list[str]:
    """That none of them can be used yet, with the one command that brings most."""
    if not all(installed.missing(one.name) for one in engines):
        return []
    words = f"None of these is installed on this server: whoever runs it runs {installed.command(engines[0].name)}"
    return [f"{words}, and starts Convoship again."]


def _keys(engines: list[Engine]) -> str:
    named = " and ".join(one.label for one in engines if one.needs_key)
    return f"{named} need a key of your account there, below."


def _address(url: str) -> str:
    return endpoint(url).rstrip("/") if url.strip() else ""
