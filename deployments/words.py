"""What the product itself says to visitors, in their language. An assistant's own texts are its content, not here."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "waiting": "I've asked a person to join. You can keep writing, they will see everything.",
        "joined": "{name} has joined the conversation.",
        "returned": "The assistant is back with you.",
        "nobody_came": "Nobody is free right now, so the assistant is back. Your messages are kept.",
        "resolved": "{name} has closed this conversation.",
        "ended_by_visitor": "You have ended this conversation.",
        "ended_by_flow": "This conversation has ended.",
        "answer_failed": "Something went wrong while answering. Please send your message again, or ask for a person.",
        "wants_person": "Talk to a person",
        "files_kept_many": (
            "Your files have arrived. I can't look into them myself, but a person can. What are they about?"
        ),
        "files_kept": "Your file has arrived. I can't look into it myself, but a person can. What is it about?",
    },
    "de": {
        "waiting": "Ich habe einen Menschen dazu gebeten. Sie können weiterschreiben, alles wird gesehen.",
        "joined": "{name} ist dem Gespräch beigetreten.",
        "returned": "Der Assistent ist wieder für Sie da.",
        "nobody_came": "Gerade ist niemand frei, darum ist der Assistent wieder da. Ihre Nachrichten bleiben erhalten.",
        "resolved": "{name} hat dieses Gespräch geschlossen.",
        "ended_by_visitor": "Sie haben dieses Gespräch beendet.",
        "ended_by_flow": "Dieses Gespräch ist beendet.",
        "answer_failed": (
            "Beim Antworten ist etwas schiefgegangen. Senden Sie Ihre Nachricht bitte noch einmal, "
            "oder bitten Sie um einen Menschen."
        ),
        "wants_person": "Mit einem Menschen sprechen",
        "files_kept_many": (
            "Ihre Dateien sind angekommen. Ich selbst kann nicht hineinsehen, ein Mensch schon. Worum geht es?"
        ),
        "files_kept": (
            "Ihre Datei ist angekommen. Ich selbst kann nicht hineinsehen, ein Mensch schon. Worum geht es?"
        ),
    },
}


def say(key: str, locale: str, **values: str) -> str:
    """The text for this key in the closest language there is, English otherwise."""
    language = (locale or "en").replace("_", "-").split("-")[0].lower()
    return _WORDS.get(language, _WORDS["en"])[key].format(**values)
