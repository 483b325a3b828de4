"""What the product itself says and understands while a question is asked, in English and German; English otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_INVALID: Mapping[str, Mapping[str, str]] = {
    "en": {
        "text": "Please answer in a few words.",
        "too_short": "That is a little short. Please give at least {least} characters.",
        "too_long": "That is too long. Please use at most {most} characters.",
        "number": "Please give a number, such as 3.",
        "too_small": "Please give a number from {least} on.",
        "too_large": "Please give a number up to {most}.",
        "email": "That doesn't look like an e-mail address. It should look like name@example.com.",
        "phone": "That doesn't look like a phone number. Please include the country, such as +44 20 7946 0958.",
        "date": "I couldn't read that as a day. Try 31 January, tomorrow, or 2027-01-31.",
        "too_early": "Please choose a day from {least} on.",
        "too_late": "Please choose a day up to {most}.",
        "choice": "Please choose one of these: {choices}.",
        "yes_no": "Please answer yes or no.",
        "cancelled": "All right, let's leave that. What else can I do for you?",
        "gave_up": "Let's leave that for now. You can start again at any time.",
        "yes": "Yes",
        "no": "No",
    },
    "de": {
        "text": "Bitte antworten Sie in ein paar Worten.",
        "too_short": "Das ist etwas kurz. Bitte mindestens {least} Zeichen.",
        "too_long": "Das ist zu lang. Bitte höchstens {most} Zeichen.",
        "number": "Bitte nennen Sie eine Zahl, zum Beispiel 3.",
        "too_small": "Bitte nennen Sie eine Zahl ab {least}.",
        "too_large": "Bitte nennen Sie eine Zahl bis {most}.",
        "email": "Das sieht nicht nach einer E-Mail-Adresse aus. Sie sieht so aus: name@example.com.",
        "phone": "Das sieht nicht nach einer Telefonnummer aus. Bitte mit Vorwahl, zum Beispiel +49 30 901820.",
        "date": "Das konnte ich nicht als Tag lesen. Zum Beispiel: 31. Januar, morgen oder 31.01.2027.",
        "too_early": "Bitte wählen Sie einen Tag ab {least}.",
        "too_late": "Bitte wählen Sie einen Tag bis {most}.",
        "choice": "Bitte wählen Sie eines davon: {choices}.",
        "yes_no": "Bitte antworten Sie mit Ja oder Nein.",
        "cancelled": "In Ordnung, lassen wir das. Was kann ich sonst für Sie tun?",
        "gave_up": "Lassen wir das für den Moment. Sie können jederzeit neu beginnen.",
        "yes": "Ja",
        "no": "Nein",
    },
}

YES: Mapping[str, Sequence[str]] = {
    "en": ("yes", "y", "yeah", "yep", "yup", "sure", "ok", "okay", "of course", "please do", "yes please", "correct",
           "right", "definitely", "absolutely", "that's right", "true"),
    "de": ("ja", "j", "jo", "jep", "klar", "gerne", "gern", "ja bitte", "ja gerne", "natürlich", "sicher", "stimmt",
           "richtig", "genau", "auf jeden fall", "in ordnung", "okay", "ok"),
}  # fmt: skip
NO: Mapping[str, Sequence[str]] = {
    "en": ("no", "n", "nope", "nah", "no thanks", "no thank you", "not really", "never", "wrong", "incorrect", "false"),
    "de": ("nein", "ne", "nee", "nö", "nein danke", "lieber nicht", "falsch", "stimmt nicht", "auf keinen fall"),
}
CANCEL: Mapping[str, Sequence[str]] = {
    "en": ("cancel", "stop", "quit", "exit", "abort", "never mind", "nevermind", "forget it", "cancel that",
           "stop it", "leave it"),
    "de": ("abbrechen", "abbruch", "stopp", "stop", "vergiss es", "vergessen sie es", "lassen wir das", "egal",
           "ich möchte abbrechen", "bitte abbrechen"),
}  # fmt: skip
NUMBERS: Mapping[str, int] = {
    word: number
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve",
        "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    )
    for number, word in enumerate(words.split())
} | {"ein": 1, "eine": 1, "a couple": 2, "a dozen": 12}


def language_of(locale: str | None) -> str:
    """The language that these words are in for a locale."""
    language = (locale or "en").replace("_", "-").split("-")[0].lower()
    return language if language in _INVALID else "en"


def words(key: str, locale: str | None, **values: str) -> str:
    """The text for this key."""
    return _INVALID[language_of(locale)][key].format(**values)
