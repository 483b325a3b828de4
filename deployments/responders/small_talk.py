"""Small talk in English and German: only where it is *all* that was said, so that it never stands in an intent's way.

Slips of the keyboard are forgiven (`rapidfuzz`), further words are not: "how are you" is small talk, "how much are you"
is a question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from deployments.responders.matching import fold

ENOUGH = 88  # of 100: one slip in a word of five letters, two in a short sentence
LONGEST = 80
_BETWEEN = re.compile(r"[.,!?;:\n\u2026\u3002]+| and | und ")
_NOT_WORD = re.compile(r"[\W_]+")

# Topic -> language -> (what is said, what is answered). A later topic wins: "hi, how are you" is answered as that.
TALK: dict[str, dict[str, tuple[str, tuple[str, ...]]]] = {
    "hello": {
        "en": (
            (
                "hello|hello there|hello again|hi|hi there|hiya|hey|hey there|heya|good day|good morning|good afternoon"
                "|good evening|morning|greetings|yo|anyone there|is anybody there|is anyone there"
            ),
            ("Hello! How can I help you?", "Hi! What can I do for you?"),
        ),
        "de": (
            (
                "hallo|hallo zusammen|hallöchen|moin|moin moin|servus|grüß gott|grüß dich|grüezi|guten tag|guten morgen"
                "|guten abend|tag|huhu|ist da jemand|jemand da"
            ),
            ("Hallo! Wie kann ich Ihnen helfen?", "Guten Tag! Was kann ich für Sie tun?"),
        ),
    },
    "thanks": {
        "en": (
            (
                "thanks|thank you|thank you very much|thank you so much|thanks a lot|thanks so much|many thanks|thx|ty"
                "|cheers|thanks for your help|thank you for your help|much appreciated"
                "|ok thanks|ok thank you|great thanks"
            ),
            ("You're welcome! Is there anything else?", "Glad to help. Anything else?"),
        ),
        "de": (
            (
                "danke|danke schön|dankeschön|danke sehr|vielen dank|vielen lieben dank|besten dank"
                "|herzlichen dank"
                "|danke dir|danke für die hilfe|danke für ihre hilfe|super danke|ok danke"
            ),
            ("Gern geschehen! Kann ich sonst noch etwas tun?", "Sehr gern. Gibt es noch etwas?"),
        ),
    },
    "bye": {
        "en": (
            (
                "bye|bye bye|goodbye|good bye|see you|see you later|see you soon|see ya|cya"
                "|have a nice day|good night|take care"
            ),
            ("Goodbye, and thanks for stopping by!", "Bye! Come back whenever you like."),
        ),
        "de": (
            (
                "tschüss|tschüß|tschau|ciao|auf wiedersehen|wiedersehen|bis bald|bis dann|bis später|schönen tag"
                "|schönen tag noch|gute nacht|mach es gut|machs gut"
            ),
            ("Auf Wiedersehen, und danke für Ihren Besuch!", "Tschüss! Kommen Sie gern jederzeit wieder."),
        ),
    },
    "how_are_you": {
        "en": (
            (
                "how are you|how are you doing|how are you today|how is it going|hows it going|how do you do|whats up"
                "|what is up|how have you been|are you well|you ok|are you ok"
            ),
            ("All is well here, thank you for asking. What can I do for you?",),
        ),
        "de": (
            (
                "wie geht es dir|wie gehts|wie geht es ihnen|wie geht es|wie gehts dir|wie gehts ihnen|wie läuft es"
                "|alles gut|alles klar bei dir|was geht|na wie gehts"
            ),
            ("Alles bestens, danke der Nachfrage. Was kann ich für Sie tun?",),
        ),
    },
}
_TOPICS = list(TALK)


@dataclass(frozen=True, slots=True)
class SmallTalk:
    topic: str
    language: str
    score: float  # 0 to 1, comparable with that of an intent
    variants: tuple[str, ...]


def _plain(text: str) -> str:
    return _NOT_WORD.sub(" ", fold(text)).strip()


_SAID: dict[str, list[tuple[str, str]]] = {}  # folded phrase -> (topic, language); "ciao" may be two languages'
for _topic, _languages in TALK.items():
    for _language, (_phrases, _) in _languages.items():
        for _phrase in _phrases.split("|"):
            _SAID.setdefault(_plain(_phrase), []).append((_topic, _language))
_PHRASES = list(_SAID)


def small_talk(text: str, locale: str | None) -> SmallTalk | None:
    """What small talk the whole text is, if it is nothing else. The phrase's language decides, the locale in doubt."""
    if len(text) > LONGEST:
        return None
    found: list[tuple[int, float, list[tuple[str, str]]]] = []
    for part in [text] if _plain(text) in _SAID else _BETWEEN.split(text):
        if not (said := _plain(part)):
            continue
        near = process.extractOne(said, _PHRASES, scorer=fuzz.ratio, score_cutoff=ENOUGH)
        if near is None:
            return None
        found.append((_TOPICS.index(_SAID[near[0]][0][0]), near[1] / 100, _SAID[near[0]]))
    if not found:
        return None
    wanted = (locale or "").lower()[:2]
    _, _, meanings = max(found, key=lambda item: item[0])
    topic, language = next((meaning for meaning in meanings if meaning[1] == wanted), meanings[0])
    return SmallTalk(topic, language, min(score for _, score, _ in found), TALK[topic][language][1])
