"""What goes wrong when somebody's bot is asked, told apart and in plain words with the remedy."""

from __future__ import annotations

from convoship.lib.outbound import Inside, OutboundError
from convoship.lib.outbound.sending import NotSent, Streamed
from deployments.responders.base import Code, ResponderError
from deployments.responders.webhook_answer import LARGEST, Faulty

MEND = "Mend it in the bot; the assistant's tab Answers says how a bot answers."
INSIDE = "Ask them, or give an address on the internet."
AGAIN = "Try again; see what the bot's own log says of it."


def check(answer: Streamed, host: str) -> None:
    """ResponderError where an answer's status or form says that it is none."""
    status = answer.status
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise broken(f"The answer of {host} is compressed, which it was asked not to be.")
    if status in {401, 403}:
        raise ResponderError(
            f"{host} refuses the signature ({status}).",
            "Give the bot the assistant's signing secret; make a new one if it is lost.",
            code="key",
        )
    if 300 <= status < 400:
        raise broken(f"{host} sends on to another address ({status}), which is not followed.")
    if status in {408, 504}:
        raise made("timeout", f"{host} did not answer in time ({status}).", AGAIN)
    if status in {429, 503}:
        raise made("busy", f"{host} takes no more questions just now ({status}).", "Try again in a minute.")
    if status in {404, 405, 410}:
        words = f"Nothing at this address of {host} takes a POST ({status})."
        raise broken(words, "Check the address, and that the bot takes a POST there.")
    if status >= 500:
        raise made("broken", f"{host} is broken just now ({status}).", AGAIN)
    if status >= 400:
        raise broken(f"{host} refused the question ({status}).")


def of_call(error: OutboundError) -> ResponderError:
    """Of a call that gave no answer."""
    if isinstance(error, Inside):
        return ResponderError(error.words, INSIDE, code="unreachable")
    if isinstance(error, NotSent):
        return made("unreachable", error.words, "Check the address, and whether the bot runs.")
    return made("timeout" if "within" in error.words else "unreachable", error.words, AGAIN)


def faulty(host: str, what: str, found: Faulty) -> ResponderError:
    """Of an answer, or an event of it, that is not of the form it has to have."""
    return broken(f"{what} of {host} can't be used: {found}")


def too_large(host: str) -> ResponderError:
    """Of an answer, or an event of it, that is longer than is read."""
    return broken(f"The answer of {host} is larger than {LARGEST // 1024} KB, or an event of it than 64.")


def broken(words: str, remedy: str = MEND) -> ResponderError:
    """Of what would be as wrong again."""
    return ResponderError(words, remedy, code="broken")


def made(code: Code, words: str, remedy: str) -> ResponderError:
    """Of what another try may mend."""
    return ResponderError(words, remedy, code=code, retryable=True)
