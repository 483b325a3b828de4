"""What the product itself says to visitors, in their language. An assistant's own texts are its content, not here."""

from __future__ import annotations

from collections.abc import Mapping

# The steps of a hand-over that an assistant can have words of its own for.
HANDOFF_STEPS = (
    "waiting",
    "closed",
    "closed_wait",
    "ask_name",
    "ask_email",
    "ask_question",
    "form_done",
    "accepted",
    "joined",
    "gone",
    "nobody_came",
    "returned",
    "resolved",
)

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "waiting": "I've asked a person to join. You can keep writing, they will see everything.",
        "closed": "Nobody is there right now, so I go on as well as I can.",
        "closed_at": "Nobody is there right now. People are back on {opens_at}; until then I go on as well as I can.",
        "closed_wait": "Nobody is free right now. Your conversation stays open, and whoever comes next answers here.",
        "closed_wait_at": (
            "Nobody is there right now. People are back on {opens_at}. Your conversation stays open, and they will "
            "answer you here, or by mail if you leave an address."
        ),
        "ask_name": "What is your name?",
        "ask_email": "At which e-mail address can we reach you if you have to leave?",
        "ask_question": "What is it about?",
        "form_done": "Thank you.",
        "accepted": "{person} will be with you in a moment.",
        "joined": "{person} has joined the conversation.",
        "gone": "{person} can't answer right now. I've asked the others.",
        "back_button": "Back to the assistant",
        "skip_button": "Skip",
        "returned": "The assistant is back with you.",
        "nobody_came": "Nobody is free right now, so the assistant is back. Your messages are kept.",
        "resolved": "{person} has closed this conversation.",
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
        "closed": "Gerade ist niemand da, darum mache ich weiter, so gut ich kann.",
        "closed_at": (
            "Gerade ist niemand da. Menschen sind wieder da: {opens_at}. Bis dahin mache ich weiter, so gut ich kann."
        ),
        "closed_wait": "Gerade ist niemand frei. Ihr Gespräch bleibt offen; wer als Nächstes kommt, antwortet hier.",
        "closed_wait_at": (
            "Gerade ist niemand da. Menschen sind wieder da: {opens_at}. Ihr Gespräch bleibt offen, und Sie bekommen "
            "die Antwort hier, oder per E-Mail, wenn Sie eine Adresse hinterlassen."
        ),
        "ask_name": "Wie heißen Sie?",
        "ask_email": "Unter welcher E-Mail-Adresse erreichen wir Sie, falls Sie gehen müssen?",
        "ask_question": "Worum geht es?",
        "form_done": "Vielen Dank.",
        "accepted": "{person} ist gleich für Sie da.",
        "joined": "{person} ist dem Gespräch beigetreten.",
        "gone": "{person} kann gerade nicht antworten. Ich habe die anderen gefragt.",
        "back_button": "Zurück zum Assistenten",
        "skip_button": "Überspringen",
        "returned": "Der Assistent ist wieder für Sie da.",
        "nobody_came": "Gerade ist niemand frei, darum ist der Assistent wieder da. Ihre Nachrichten bleiben erhalten.",
        "resolved": "{person} hat dieses Gespräch geschlossen.",
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
