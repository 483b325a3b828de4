"""What a caller hears while they wait for a person. Pure."""

from __future__ import annotations

from deployments.words import language_of

# The place in the queue is said in the first round and in every third one.
TELLS_PLACE_EVERY = 3

_WORDS = {
    "en": {
        "stay": "Please stay on the line. Somebody will be with you soon.",
        "place": "You are number {place} in line.",
        "next": "You are next.",
        "back": "To go back to the assistant, press the star key.",
        "typing": "Please stay on the line. You will hear the answer in a moment.",
    },
    "de": {
        "stay": "Bitte bleiben Sie am Apparat. Gleich ist jemand für Sie da.",
        "place": "Sie sind Nummer {place} in der Reihe.",
        "next": "Sie sind als Nächstes an der Reihe.",
        "back": "Mit der Sterntaste kommen Sie zum Assistenten zurück.",
        "typing": "Bitte bleiben Sie am Apparat. Gleich hören Sie die Antwort.",
    },
}


def of_round(number: int, place: int, locale: str) -> str:
    """The words of a round of waiting, the first of which is 0; `place` in line is 1 for who is next."""
    words = _WORDS[language_of(locale)]
    if number % TELLS_PLACE_EVERY:
        return words["stay"]
    said = [words["next"] if place <= 1 else words["place"].format(place=place), words["stay"], words["back"]]
    return " ".join(said)


def while_typing(locale: str) -> str:
    """To who waits for what a member types."""
    return _WORDS[language_of(locale)]["typing"]
