"""What Twilio's codes mean for a call, in plain words, and what to do (twilio.com/docs/api/errors)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Fault(NamedTuple):
    """What went wrong, and what a person does about it."""

    words: str
    remedy: str


UNREACHABLE, NO_SOCKET, SOCKET_ENDED, BAD_FRAME = 11200, 64102, 64105, 64107
# Left out where somebody has just done so.
PRESS_TEST = "Press Test: it says which address Twilio has. "
_REPORT = "This is a fault of Convoship's: please report it with the call's page."

CODES: Mapping[int, Fault] = {
    UNREACHABLE: Fault(
        "Twilio got no good answer from Convoship's address in a call.",
        f"{PRESS_TEST}PUBLIC_BASE_URL has to answer over https from the internet, within 15 seconds.",
    ),
    11205: Fault(
        "Twilio could not connect to Convoship's address.",
        "Look whether PUBLIC_BASE_URL can be reached from the internet, and whether a firewall holds Twilio off.",
    ),
    11237: Fault(
        "Twilio does not trust the certificate of Convoship's address.",
        "Renew the certificate, with its whole chain, on the server or the proxy before it.",
    ),
    12100: Fault("Twilio could not read what Convoship answered.", _REPORT),
    12200: Fault("Twilio did not take what Convoship told it to do.", _REPORT),
    12300: Fault(
        "Something before Convoship answered Twilio with a page.",
        "Have the proxy pass /v1/public/channels/ on unchanged.",
    ),
    13227: Fault(
        "The account may not call that country.",
        "Allow it in Twilio's console: Voice, Settings, Geo permissions.",
    ),
    NO_SOCKET: Fault(
        "Twilio could not connect to Convoship to listen word by word.",
        "Ask whoever runs the server to let the proxy before it pass WebSockets on "
        "for /v1/public/channels/, or choose sentence by sentence in the connection's settings.",
    ),
    SOCKET_ENDED: Fault(
        "The connection over which Twilio listens word by word broke off.",
        "If this comes again, ask whoever runs the server whether it restarted "
        "then, and whether the proxy before it ends connections that last long.",
    ),
    64106: Fault(
        "Twilio does not take this language with this voice word by word.",
        "Choose a voice that speaks the connection's language, or leave the voice empty.",
    ),
    BAD_FRAME: Fault(
        "Twilio was sent something that it does not know while it listened word by word, and did not say it.",
        "Have proxies before Convoship write nothing into WebSockets (error pages, pings of their own). If there is "
        "none, report it with the call's page.",
    ),
}


def fault_of(code: int | str) -> Fault:
    """The fault behind a code; of one that is not in the table where it is explained."""
    number = int(code) if str(code).isdigit() else 0
    known = CODES.get(number)
    if known is not None:
        return known
    return Fault(
        f"Twilio reports the error {str(code)[:10]} in a call.",
        f"Twilio says what it means at twilio.com/docs/api/errors/{number or ''}.",
    )
