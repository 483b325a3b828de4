"""Words about consent, as Twilio and the carriers know them, and what people write in other languages.

A word counts where it is the whole message. Twilio acts on the English ones by itself: it answers, and blocks or lets
through (twilio.com/docs/messaging/tutorials/advanced-opt-out); we follow, and send nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from channels_app.providers.events import Wish

STOP: Mapping[str, frozenset[str]] = {
    "en": frozenset(
        {"stop", "stop all", "stopall", "unsubscribe", "end", "quit", "cancel", "revoke", "optout", "opt out"}
    ),
    "de": frozenset({"stopp", "abmelden", "abbestellen"}),
    "es": frozenset({"alto", "detener", "cancelar", "desuscribir"}),
    "fr": frozenset({"arret", "arrêt", "arrêter", "désabonner", "desabonner"}),
    "it": frozenset({"ferma", "disiscrivimi", "annulla iscrizione"}),
    "nl": frozenset({"stoppen", "afmelden", "uitschrijven"}),
    "pt": frozenset({"parar", "sair", "descadastrar"}),
}
START: Mapping[str, frozenset[str]] = {
    "en": frozenset({"start", "unstop", "yes", "opt in", "optin", "subscribe"}),
    "de": frozenset({"anmelden"}),
    "es": frozenset({"empezar", "suscribir"}),
    "fr": frozenset({"commencer", "démarrer"}),
    "it": frozenset({"inizia", "iscrivimi"}),
    "nl": frozenset({"aanmelden"}),
    "pt": frozenset({"começar", "inscrever"}),
}
HELP: Mapping[str, frozenset[str]] = {
    "en": frozenset({"help", "info"}),
    "de": frozenset({"hilfe"}),
    "es": frozenset({"ayuda"}),
    "fr": frozenset({"aide"}),
    "it": frozenset({"aiuto"}),
    "pt": frozenset({"ajuda"}),
}

_LONGEST = 40


def plain(text: str) -> str:
    """A word as it is compared: trimmed, without what ends a sentence, in one case and one spelling."""
    text = unicodedata.normalize("NFKC", text).strip().strip(".!\"'\u201c\u201d\u2018\u2019").strip()
    return " ".join(text.casefold().split())


def wish_of(text: str, opt_out_type: str = "", extra_stop: Iterable[str] = ()) -> Wish:
    """What a message says of consent; nothing where it merely contains such a word. Twilio's own finding wins."""
    found: Mapping[str, Wish] = {"STOP": "stop", "START": "start", "HELP": "help"}
    if opt_out_type.upper() in found:
        return found[opt_out_type.upper()]
    if len(text) > _LONGEST:
        return ""
    word = plain(text)
    if not word:
        return ""
    if _has(STOP, word) or word in {plain(one) for one in extra_stop}:
        return "stop"
    if _has(START, word):
        return "start"
    return "help" if _has(HELP, word) else ""


def _has(table: Mapping[str, frozenset[str]], word: str) -> bool:
    return any(word in words for words in table.values())
