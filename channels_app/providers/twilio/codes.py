"""Twilio's error codes: what they mean, in plain words, and what to do (twilio.com/docs/api/errors).

Twilio splits codes as time goes by, so nothing stands on one alone: what is not in the table goes by its HTTP status.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from channels_app.providers import http_errors
from channels_app.providers.base import TRIED_AGAIN, Blame, ProviderError
from convoship.lib.outbound.sending import Answered

OPTED_OUT = 21610
# Outside WhatsApp's customer service window.
WINDOW_CLOSED = 63016
# There is no content by the ContentSid.
NO_SUCH_CONTENT = 21655
# What is sent by a template that WhatsApp lets through no more, and how that stands then.
TEMPLATE_REFUSED: Mapping[str, str] = {"63040": "rejected", "63041": "paused", "63042": "disabled"}


class Class(Enum):
    """What a code means for what was to be sent."""

    RETRY = "retry"
    RETRY_ONCE = "retry once"
    # Nothing goes until the connection is mended: what is to be sent waits for that.
    STOP = "stop"
    # The connection has to be mended before this goes; other messages may.
    CONNECTION = "connection"
    # It is over for this address, or for this message.
    ADDRESS = "address"
    MESSAGE = "message"


@dataclass(frozen=True)
class Meaning:
    """A code's class, what it says, and what to do."""

    of: Class
    words: str
    remedy: str


_REPORT_IT = "This is a fault of Convoship's: please report it."
_CHECK_NUMBER = "Check the number; another way to reach them may be needed."
_CHECK_WHATSAPP = "Choose a sender of Messaging, Senders, WhatsApp senders in Twilio's console."
_CHECK_SENDER = "Choose another sender in the connection's settings, or mend this one in Twilio's console."

CODES: Mapping[int, Meaning] = {
    11200: Meaning(
        Class.CONNECTION,
        "Twilio could not reach Convoship's address.",
        "Test the connection: it says which address Twilio has. It must answer over https from the internet.",
    ),
    20003: Meaning(
        Class.STOP,
        "Twilio refuses the account SID or the auth token.",
        "Copy both anew from Twilio's console (Account, API keys & tokens) and write the secret again.",
    ),
    20404: Meaning(Class.MESSAGE, "Twilio has no such resource.", "Check the account SID and the sender."),
    20429: Meaning(Class.RETRY, "Twilio asks for fewer requests at once.", TRIED_AGAIN),
    21210: Meaning(
        Class.CONNECTION,
        "The connection's number is not the account's, or not verified as a caller.",
        _CHECK_SENDER,
    ),
    21211: Meaning(Class.ADDRESS, "The recipient's number is no valid number.", _CHECK_NUMBER),
    21212: Meaning(Class.STOP, "The sender's number is no valid number.", _CHECK_SENDER),
    21214: Meaning(Class.ADDRESS, "The number can't be called.", _CHECK_NUMBER),
    21215: Meaning(
        Class.CONNECTION,
        "The account may not call that country.",
        "Allow it in Twilio's console: Voice, Settings, Geo permissions.",
    ),
    21219: Meaning(
        Class.ADDRESS,
        "A trial account calls verified numbers only, and this one is not.",
        "Verify the number in Twilio's console (Phone Numbers, Verified Caller IDs), or upgrade the account.",
    ),
    21408: Meaning(
        Class.MESSAGE,
        "The account may not write to the recipient's country.",
        "Allow the country in Twilio's console: Messaging, Settings, Geo permissions. Then replay it.",
    ),
    21606: Meaning(
        Class.CONNECTION, "The sender can't send SMS to this recipient, or is not this account's.", _CHECK_SENDER
    ),
    21608: Meaning(
        Class.MESSAGE,
        "A trial account writes to verified numbers only, and this one is not.",
        "Verify the number in Twilio's console (Phone Numbers, Verified Caller IDs), or upgrade the account.",
    ),
    21609: Meaning(
        Class.STOP,
        "Twilio does not take the address for reports: it has to be reached from the internet.",
        "Set PUBLIC_BASE_URL to the https address that Convoship has on the internet.",
    ),
    OPTED_OUT: Meaning(
        Class.ADDRESS,
        "They have opted out at Twilio, so it sends them nothing.",
        "They can opt in again with START. Nobody else can do it for them.",
    ),
    21611: Meaning(Class.RETRY, "The sender's queue at Twilio is full.", TRIED_AGAIN),
    21612: Meaning(
        Class.MESSAGE,
        "Twilio has no way from this sender to this recipient.",
        "Use a sender of the recipient's country, or a messaging service with several.",
    ),
    21614: Meaning(Class.ADDRESS, "The recipient's number is no mobile number.", _CHECK_NUMBER),
    21617: Meaning(Class.MESSAGE, "The text is longer than Twilio takes.", _REPORT_IT),
    21619: Meaning(Class.MESSAGE, "There was nothing to send.", _REPORT_IT),
    21620: Meaning(Class.MESSAGE, "The address of a picture is not valid.", _REPORT_IT),
    21654: Meaning(Class.MESSAGE, "Variables were sent without their template.", _REPORT_IT),
    NO_SUCH_CONTENT: Meaning(
        Class.MESSAGE, "Twilio does not know the template.", "Check the template in Twilio's Content Editor."
    ),
    21656: Meaning(Class.MESSAGE, "The template's variables do not fit it.", "Check the template's variables."),
    21659: Meaning(Class.STOP, "The sender is no number of this account.", _CHECK_SENDER),
    21660: Meaning(Class.STOP, "The sender belongs to another account.", _CHECK_SENDER),
    21703: Meaning(
        Class.STOP,
        "The messaging service has no sender.",
        "Add a number in Twilio's console: Messaging, Services, the service, Sender Pool.",
    ),
    30001: Meaning(Class.RETRY, "Twilio's queue was full.", "Replay it; a lower rate of the connection avoids it."),
    30002: Meaning(Class.STOP, "The Twilio account is suspended.", "See Twilio's console, and its mail to you."),
    30003: Meaning(Class.ADDRESS, "The phone can't be reached: off, abroad or out of reach.", "Replay it later."),
    30004: Meaning(Class.ADDRESS, "The recipient or their carrier blocks messages from this sender.", _CHECK_NUMBER),
    30005: Meaning(Class.ADDRESS, "The number is not known to any carrier, or is out of service.", _CHECK_NUMBER),
    30006: Meaning(Class.ADDRESS, "The number is a landline, or its carrier takes no SMS.", _CHECK_NUMBER),
    30007: Meaning(
        Class.MESSAGE,
        "The carrier filtered the message as spam or against its rules.",
        "Look at the words, links above all, and at the sender's registration in Twilio's console.",
    ),
    30008: Meaning(Class.RETRY_ONCE, "The carrier failed and did not say why.", "Replay it once."),
    30022: Meaning(Class.RETRY, "The sender's registered rate (A2P 10DLC) is used up.", "Lower the connection's rate."),
    30023: Meaning(
        Class.MESSAGE,
        "The sender's registered number of messages for the day is used up.",
        "Replay it tomorrow, or raise the brand's trust score in Twilio's console.",
    ),
    30034: Meaning(
        Class.CONNECTION,
        "The number is not registered for messages in the USA (A2P 10DLC).",
        "Register it in Twilio's console: Messaging, Regulatory Compliance, A2P 10DLC. Then replay what failed.",
    ),
    30410: Meaning(Class.RETRY, "Twilio waited in vain for the carrier.", "Replay it."),
    63003: Meaning(Class.ADDRESS, "WhatsApp knows no such recipient.", _CHECK_NUMBER),
    63005: Meaning(
        Class.MESSAGE, "WhatsApp did not take what the message holds.", "Change its words, then send it anew."
    ),
    63007: Meaning(Class.STOP, "The sender is no WhatsApp sender of this account.", _CHECK_WHATSAPP),
    63010: Meaning(Class.RETRY, "WhatsApp broke.", TRIED_AGAIN),
    63013: Meaning(
        Class.MESSAGE,
        "WhatsApp refused the message as against its policy.",
        "Change its words: see WhatsApp's business policy.",
    ),
    63015: Meaning(
        Class.ADDRESS,
        "They have not joined Twilio's sandbox, which writes only to who did.",
        "Have them send the sandbox's join words from their phone, then replay it.",
    ),
    WINDOW_CLOSED: Meaning(
        Class.MESSAGE,
        "More than 24 hours have passed since they last wrote, so WhatsApp takes only a template.",
        "Use a template, or wait until they write: then it goes by itself.",
    ),
    63018: Meaning(Class.RETRY, "WhatsApp asks for fewer messages.", TRIED_AGAIN),
    63019: Meaning(
        Class.MESSAGE,
        "WhatsApp could not fetch the file.",
        "PUBLIC_BASE_URL has to be an https address on the internet. Then replay it.",
    ),
    63021: Meaning(Class.MESSAGE, "WhatsApp did not take what the message holds.", "Look at its length and its links."),
    63024: Meaning(Class.ADDRESS, "The number is not on WhatsApp.", _CHECK_NUMBER),
    63032: Meaning(Class.ADDRESS, "WhatsApp does not let this sender write to them.", "Reach them another way."),
    63033: Meaning(Class.ADDRESS, "They have blocked this sender on WhatsApp.", "Reach them another way."),
    63040: Meaning(
        Class.MESSAGE, "WhatsApp has rejected the template.", "Use another template, or change this one and hand it in."
    ),
    63041: Meaning(
        Class.MESSAGE,
        "WhatsApp has paused the template, as people did not like what was sent with it.",
        "Use another template until WhatsApp lets this one go again.",
    ),
    63042: Meaning(Class.MESSAGE, "WhatsApp has disabled the template.", "Use another template."),
    63049: Meaning(
        Class.MESSAGE,
        "WhatsApp held back a marketing message, as they get many.",
        "Send it on another day, or use a template of the category Utility.",
    ),
}


def meaning(code: int | None, http_status: int = 400, said: str = "") -> Meaning:
    """What a code means; by the HTTP status where it is not known. `said`: Twilio's own words."""
    if code is not None and code in CODES:
        return CODES[code]
    look = f"Look it up: https://www.twilio.com/docs/api/errors/{code}" if code and code > 999 else "See Twilio's log."
    about = f" (error {code})" if code and code > 999 else f" ({http_status})"
    if http_status in {401, 403}:
        of = Class.STOP if http_status == 401 else Class.CONNECTION
        return Meaning(of, f"Twilio does not let this connection in{about}.", look)
    if http_status in {408, 425, 429}:
        return Meaning(Class.RETRY, f"Twilio asks for time{about}.", TRIED_AGAIN)
    if http_status >= 500:
        return Meaning(Class.RETRY, f"Twilio broke{about}.", TRIED_AGAIN)
    own = said.strip().rstrip(".")
    return Meaning(Class.MESSAGE, f"Twilio refused it{about}{': ' + own[:200] if own else ''}.", look)


def reported(code: int | None) -> Meaning:
    """What a code in a report means: it was taken, and did not reach them."""
    if code is not None and code in CODES:
        found = CODES[code]
        # What was taken is sent again by nobody.
        return replace(found, remedy="Replay it.") if found.remedy == TRIED_AGAIN else found
    if not code:
        return Meaning(Class.MESSAGE, "It was not delivered, and nobody said why.", "See Twilio's log, or replay it.")
    look = f"Look it up: https://www.twilio.com/docs/api/errors/{code}"
    return Meaning(Class.MESSAGE, f"It was not delivered (error {code}).", look)


_BLAMES: Mapping[Class, Blame] = {
    Class.RETRY: "provider",
    Class.RETRY_ONCE: "provider",
    Class.STOP: "connection",
    Class.CONNECTION: "connection",
    Class.ADDRESS: "address",
    Class.MESSAGE: "message",
}


def error_of(answer: Answered) -> ProviderError:
    """What an answer of Twilio's that is no success means."""
    code, said = _told(answer)
    found = meaning(code, answer.status, said)
    return error(
        found,
        code=code,
        # A server that broke may have taken it before.
        ambiguous=answer.status >= 500,
        retry_after=http_errors.retry_after(answer),
        http_status=answer.status,
        answer=http_errors.excerpt(answer),
    )


def error(found: Meaning, *, code: int | None, ambiguous: bool = False, **more: Any) -> ProviderError:
    """The error that a code stands for."""
    return ProviderError(
        found.words,
        found.remedy,
        code=str(code or ""),
        stops=found.of is Class.STOP,
        permanent=found.of in {Class.STOP, Class.CONNECTION, Class.ADDRESS, Class.MESSAGE} and not ambiguous,
        ambiguous=ambiguous,
        most_retries=1 if found.of is Class.RETRY_ONCE else None,
        blame=_BLAMES[found.of],
        opted_out=code == OPTED_OUT,
        window_closed=code == WINDOW_CLOSED,
        **more,
    )


def _told(answer: Answered) -> tuple[int | None, str]:
    """Twilio's code and words: `{code, message}`, or problem details with `code`, `title` and `detail`."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    code = body.get("code")
    said = body.get("message") or body.get("detail") or body.get("title") or ""
    return (code if isinstance(code, int) and not isinstance(code, bool) else None), str(said)[:300]
