"""What a ServiceNow instance answers: its error bodies, and the pages in the place of answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import RETRY_AFTER_SECONDS, Answer

# The words of 400, 403 (ACL) and 404 stand on no page; they are what instances are widely seen to answer.
NO_SUCH_URI = "Requested URI does not represent any resource"
NO_RECORD = ("No Record found", "Record doesn't exist or ACL restricts the record retrieval")
NOT_READABLE = ("Exception while reading request", "The payload is not valid JSON.")
ACL = "ACL Exception {what} Failed due to security constraints"
HOURLY = 100
# A rate limit rule's sys_id (sys_rate_limit_rules).
RULE = "5b6a1f1c53b20010d3d6d9595e9619aa"
HTML = "text/html;charset=UTF-8"
# Developer instances are known to answer everything with a page of this title; its words are ours.
SLEEPING_PAGE = (
    "<!DOCTYPE html><html><head><title>Instance Hibernating page</title></head><body><h1>Your instance is hibernating"
    "</h1><p>Sign in to the Developer Site to wake it up.</p></body></html>"
)


class Refused(Exception):
    """A call is refused: `status`, the two words of the error, and in plain words (`note`) what was wrong."""

    def __init__(self, status: int, message: str, detail: str | None, note: str) -> None:
        super().__init__(message)
        self.status, self.message, self.detail, self.note = status, message, detail, note


def error_body(message: str, detail: str | None) -> str:
    """`{error: {message, detail}, status: "failure"}`, as the pages of rate limits and of authentication show it."""
    return json.dumps({"error": {"message": message, "detail": detail}, "status": "failure"})


def result(found: object, status: int = 200, **more: Any) -> Answer:
    """`{result: ...}` as every endpoint of `/api/now` answers."""
    return Answer(status, json.dumps({"result": found}, ensure_ascii=False), **more)


def turned_away(refused: Refused, *, was_sent: bool, **more: Any) -> Answer:
    """The answer to a call that is refused; more of the line in `more`."""
    kind = LineKind.TURNED_AWAY if was_sent else LineKind.ASKED
    body = error_body(refused.message, refused.detail)
    return Answer(refused.status, body, kind=kind, note=refused.note[:300], **more)


def not_silently(name: str, note: str) -> Refused:
    """What the instance would silently ignore is refused here: nothing misspelt may look as if it had been taken."""
    return Refused(400, "Bad Request", f"{name}: {note}", f"Not taken: {name}: {note} (An instance would ignore it.)")


def wrong_values(errors: Mapping[str, Any]) -> Refused:
    """Several things that an instance ignores, cuts or takes as they are."""
    words = "; ".join(f"{path or 'the body'}: {' '.join(found)}" for path, found in errors.items())
    return Refused(400, "Bad Request", words[:1000], f"Not taken: {words}")


NOT_AUTHENTICATED = Answer(
    401,
    error_body("User Not Authenticated", "Required to provide Auth information"),
    headers={"WWW-Authenticate": 'BASIC realm="Service-now"'},
    kind=LineKind.REFUSED,
    note="Refused: another user, password or token.",
)


def limited_headers() -> dict[str, str]:
    """The four headers of a denied request (inbound-REST-API-rate-limiting)."""
    return {
        "Retry-After": str(RETRY_AFTER_SECONDS),
        "X-RateLimit-Limit": str(HOURLY),
        "X-RateLimit-Reset": str(int(time.time()) + RETRY_AFTER_SECONDS),
        "X-RateLimit-Rule": RULE,
    }


def limited(api: str) -> Refused:
    """429 with the documented body."""
    detail = f"Rate limit of {HOURLY} requests per hour for {api} exceeded"
    return Refused(429, "Rate limit exceeded", detail, "Not taken: too many requests.")


def sleeping(**more: Any) -> Answer:
    """200 with a page, whatever was asked."""
    note = "Not taken: the instance sleeps, and answers with a page."
    return Answer(200, SLEEPING_PAGE, content_type=HTML, note=note, **more)
