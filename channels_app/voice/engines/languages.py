"""Which languages an engine knows. BCP 47."""

from __future__ import annotations

from collections.abc import Sequence

from channels_app.voice.engines.base import EngineFailed, FaultKind


def primary(language: str) -> str:
    """The language itself, without region or script: `en` of `en-GB`."""
    return language.replace("_", "-").partition("-")[0].lower()


def require_language(label: str, language: str, known: Sequence[str]) -> None:
    """Raises `EngineFailed` where an engine does not know a language; where none is said, it has its own."""
    if language and primary(language) not in known:
        raise EngineFailed(
            FaultKind.REFUSED,
            f"{label} does not know the language {language}: only {', '.join(known)}.",
            "Choose another engine under the connection's settings, or another language.",
        )
