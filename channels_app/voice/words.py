"""What the house itself says in a call where a connection has no words of its own."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "hold": "One moment, please.",
        "still": "I'm still looking.",
        "silence": "Are you still there? I didn't hear anything.",
        "goodbye": "Goodbye.",
        "silent_goodbye": "I can't hear you, so I'm ending the call. Goodbye.",
        "too_long": "This call has reached its longest time. Please call again. Goodbye.",
        "no_minutes": "We can't take more calls with the assistant today.",
        "closed": "We can't take your call right now. Please try again later.",
        "sorry": "Sorry, something went wrong. One moment.",
        "relay_lost": "Sorry, one moment.",
        "sorry_again": "Sorry, please say that again.",
        "give_up": "Sorry, I can't go on with this call. Please call again later.",
        "voicemail": "Please leave a message after the tone. Press the hash key when you are done.",
        "voicemail_done": "Thank you, your message is kept. Goodbye.",
        "consent": "May we record this call? Press 1 or say yes. Press 2 or say no, and we go on without.",
        "you_can_say": "You can say: {options}.",
        "or": "or",
        "dot": "dot",
        "at": "at",
        "dash": "dash",
        "underscore": "underscore",
    },
    "de": {
        "hold": "Einen Moment bitte.",
        "still": "Ich suche noch.",
        "silence": "Sind Sie noch da? Ich habe nichts gehört.",
        "goodbye": "Auf Wiederhören.",
        "silent_goodbye": "Ich kann Sie nicht hören und beende den Anruf. Auf Wiederhören.",
        "too_long": "Der Anruf hat seine längste Dauer erreicht. Bitte rufen Sie noch einmal an. Auf Wiederhören.",
        "no_minutes": "Heute können wir keine weiteren Anrufe mit dem Assistenten annehmen.",
        "closed": "Wir können Ihren Anruf gerade nicht annehmen. Bitte versuchen Sie es später noch einmal.",
        "sorry": "Entschuldigung, da ist etwas schiefgegangen. Einen Moment.",
        "relay_lost": "Entschuldigung, einen Moment.",
        "sorry_again": "Entschuldigung, bitte sagen Sie das noch einmal.",
        "give_up": "Entschuldigung, ich kann diesen Anruf nicht fortsetzen. Bitte rufen Sie später noch einmal an.",
        "voicemail": "Bitte hinterlassen Sie nach dem Ton eine Nachricht und drücken Sie am Ende die Rautetaste.",
        "voicemail_done": "Danke, Ihre Nachricht ist gespeichert. Auf Wiederhören.",
        "consent": "Dürfen wir diesen Anruf aufzeichnen? Drücken Sie die 1 oder sagen Sie Ja. Mit der 2 oder Nein geht "
        "es ohne Aufzeichnung weiter.",
        "you_can_say": "Sie können sagen: {options}.",
        "or": "oder",
        "dot": "Punkt",
        "at": "ät",
        "dash": "Bindestrich",
        "underscore": "Unterstrich",
    },
}


def say(key: str, language: str, **values: str) -> str:
    """The words for this key in the closest language there is, English otherwise."""
    found = language.replace("_", "-").partition("-")[0].lower()
    return _WORDS.get(found, _WORDS["en"])[key].format(**values)
