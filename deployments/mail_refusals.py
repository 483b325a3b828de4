"""What a mail server says when it does not take a mail, in words for people.

Sources: RFC 5321 4.2 (4xx: try again later; 5xx: never as it is), RFC 3463 (the codes inside the text), `smtplib`.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass

from convoship.lib import names

LONGEST = 300


@dataclass(frozen=True)
class Refusal:
    """Why a mail was not taken, what to do, and whether trying again is in vain."""

    words: str
    remedy: str
    is_final: bool


def read(error: Exception) -> Refusal:
    """The refusal behind an exception of sending."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (0, b""))
        return _answered("The mail server refused the address", code, said, "Check the address with them.")
    if isinstance(error, smtplib.SMTPSenderRefused):
        remedy = "Check DEFAULT_FROM_EMAIL: the server does not let us send from there."
        return _answered("The mail server refused the sender", error.smtp_code, error.smtp_error, remedy)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        remedy = "Check the user and the password in EMAIL_URL."
        return _answered("The mail server did not let us sign in", error.smtp_code, error.smtp_error, remedy)
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered("The mail server did not take it", error.smtp_code, error.smtp_error, "Try again later.")
    if isinstance(error, OSError):
        return Refusal(
            f"The mail server could not be reached: {_plain(str(error))}", "Check EMAIL_URL.", is_final=False
        )
    return Refusal(f"It could not be written as a mail: {_plain(str(error))}", "Check the address.", is_final=True)


def _answered(what: str, code: int, said: bytes | str, remedy: str) -> Refusal:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return Refusal(f"{what}: {code} {_plain(text)}".strip(), remedy, is_final=code >= 500)


def _plain(text: str) -> str:
    """In one line, printable, not too long."""
    return names.line(text)[:LONGEST]
