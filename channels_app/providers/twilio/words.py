"""Words about consent, as Twilio and the carriers know them, and what people write in other languages.

A word counts where it is the whole message, whatever stands around it: marks, emoji, what can't be seen. On SMS Twilio
acts on the English ones by itself: it answers, and blocks or lets through
(twilio.com/docs/messaging/tutorials/advanced-opt-out); we follow, and send nothing. On WhatsApp nobody does but we.

Of other languages there stand here the words that senders there ask for, and *unsubscribe*; none that people write to
say something else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from channels_app.providers.events import Wish

STOP: Mapping[str, frozenset[str]] = {
    # *Stop promotions* is the button that WhatsApp puts below marketing templates.
    "en": frozenset(
        {"stop", "stop all", "stopall", "unsubscribe", "unsubscribe me", "end", "quit", "cancel", "revoke", "optout"}
        | {"opt out", "opt me out", "stop promotions", "stop messages"}
    ),
    "ar": frozenset({"توقف", "إيقاف", "ايقاف", "أوقف", "إلغاء الاشتراك", "الغاء الاشتراك"}),
    "cs": frozenset({"odhlásit", "zrušit odběr"}),
    "da": frozenset({"afmeld", "frameld"}),
    "de": frozenset({"stopp", "abmelden", "abbestellen", "keine werbung", "keine werbung mehr"}),
    "el": frozenset({"στοπ", "διακοπή", "διακοπη"}),
    "es": frozenset(
        {"alto", "baja", "darme de baja", "darse de baja", "dar de baja", "detener", "cancelar", "desuscribir"}
        | {"cancelar suscripción", "cancelar suscripcion", "detener promociones"}
    ),
    "fi": frozenset({"lopeta", "peru tilaus"}),
    "fr": frozenset(
        {"arret", "arrêt", "arrêter", "arreter", "désabonner", "desabonner", "me désabonner", "désinscription"}
    ),
    "he": frozenset({"הסר", "הסירו", "עצור"}),
    "hi": frozenset({"रोकें", "रोको", "बंद करें"}),
    "hu": frozenset({"leiratkozás", "leiratkozom"}),
    "id": frozenset({"berhenti", "berhenti langganan"}),
    "it": frozenset({"ferma", "disiscrivimi", "disiscriviti", "cancellami", "annulla iscrizione"}),
    "ja": frozenset({"停止", "配信停止", "ストップ", "登録解除"}),
    "ko": frozenset({"수신거부", "수신 거부", "중지", "구독취소", "구독 취소"}),
    "nl": frozenset({"stoppen", "afmelden", "uitschrijven"}),
    "no": frozenset({"avmeld", "meld av"}),
    "pl": frozenset({"wypisz", "wypisz mnie", "rezygnuję", "anuluj subskrypcję"}),
    "pt": frozenset({"parar", "sair", "descadastrar", "cancelar inscrição", "cancelar inscricao", "parar promoções"}),
    "ro": frozenset({"dezabonare", "dezabonează"}),
    "ru": frozenset({"стоп", "отписаться", "отписка", "отпишите"}),
    "sv": frozenset({"avregistrera", "avsluta prenumeration"}),
    "th": frozenset({"หยุด", "ยกเลิกการรับ"}),
    "tr": frozenset({"iptal", "durdur", "abonelikten çık", "ret"}),
    "uk": frozenset({"відписатися", "відписка"}),
    "vi": frozenset({"dừng", "hủy đăng ký", "huy dang ky"}),
    "zh": frozenset({"停止", "退订", "退訂", "取消订阅", "取消訂閱"}),
}
# What an assistant's own button may be called that ends something else.
OF_OTHER_THINGS = frozenset(
    {"cancel", "cancelar", "end", "quit", "revoke", "sair", "iptal", "lopeta", "detener", "ferma"}
)
START: Mapping[str, frozenset[str]] = {
    "en": frozenset({"start", "unstop", "yes", "opt in", "optin", "subscribe"}),
    "ar": frozenset({"ابدأ", "اشتراك"}),
    "de": frozenset({"anmelden"}),
    "es": frozenset({"alta", "empezar", "suscribir"}),
    "fr": frozenset({"commencer", "démarrer"}),
    "it": frozenset({"inizia", "iscrivimi"}),
    "nl": frozenset({"aanmelden"}),
    "pt": frozenset({"começar", "inscrever"}),
    "ru": frozenset({"старт", "подписаться"}),
    "tr": frozenset({"başlat"}),
    "zh": frozenset({"开始", "訂閱", "订阅"}),
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
# Which of several pictures of one character is meant: no letter's mark.
_VARIATIONS = range(0xFE00, 0xFE10)


def plain(text: str) -> str:
    """A word as it is compared: letters, digits and their marks, in one case and one spelling, one blank between words.

    What is neither parts words (`opt-out`), except what can't be seen, which is in no word.
    """
    # A Turkish capital I with its dot is i and a dot by itself, once it is small.
    spelled = unicodedata.normalize("NFKC", text).casefold().replace("i\u0307", "i")
    return " ".join("".join(map(_counted, unicodedata.normalize("NFC", spelled))).split())


def _counted(character: str) -> str:
    """What of a character counts: itself, a blank in its place, or nothing."""
    category = unicodedata.category(character)
    if category in {"Cf", "Me"} or ord(character) in _VARIATIONS:
        return ""
    return character if category[0] in "LMN" else " "


def is_stop(text: str) -> bool:
    """Whether this is one of the words that opt out, and means nothing else as the name of a button."""
    word = plain(text)
    return word in _STOP and word not in OF_OTHER_THINGS


def _plain(table: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset(plain(word) for words in table.values() for word in words)


_STOP, _START, _HELP = _plain(STOP), _plain(START), _plain(HELP)


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
    if word in _STOP or word in {plain(one) for one in extra_stop}:
        return "stop"
    if word in _START:
        return "start"
    return "help" if word in _HELP else ""
