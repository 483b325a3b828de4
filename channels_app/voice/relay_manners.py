"""What a relay session says by itself, and what a key does: as the connection says, in the language that is spoken."""

from __future__ import annotations

from channels_app.providers.twilio.voice_config import WAYS, VoiceConfig
from channels_app.voice.words import say


class Manners:
    """Of one session. A connection's own words are in its own language, so in another one the house's are said."""

    def __init__(self, config: VoiceConfig, language: str) -> None:
        self.config, self.language = config, language

    def _words(self, own: str, key: str) -> str:
        is_own = self.language.partition("-")[0].lower() == self.config.language.partition("-")[0].lower()
        return own if own and is_own else say(key, self.language)

    @property
    def hold(self) -> str:
        """While an answer takes longer."""
        return self._words(self.config.hold_words, "hold")

    @property
    def still(self) -> str:
        """While it takes longer still."""
        return say("still", self.language)

    @property
    def silence(self) -> str:
        """To a caller who says nothing."""
        return self._words(self.config.silence_words, "silence")

    @property
    def trouble(self) -> str:
        """Where something of ours did not work."""
        return say("sorry_again", self.language)

    @property
    def gone(self) -> str:
        """Where the call is in no conversation any more."""
        return say("closed", self.language)

    def action(self, keys: str) -> str:
        """What keys do by themselves (a `Way`); "" where they are told to the assistant."""
        found = self.config.menu.get(keys, "")
        return found if found in WAYS else ""

    def told(self, keys: str) -> str:
        """What the assistant is told when these are pressed."""
        return self.config.menu.get(keys, "") or keys
