"""Genesys' own error bodies.

The body is `ErrorBody` of the platform's description (github MyPureCloud/platform-client-sdk-python,
build/docs/ErrorBody.md): {message, code, status, contextId, details: [{errorCode, fieldName}], errors}. The codes and
their words are those of the API's list of errors as gildas/go-gcloudcx (error.go) carries it over, and as
https://developer.genesys.cloud/forum/t/set-participant-data-in-open-inbound-message/26014 shows one whole.
The login service has another form (RFC 6749): {error, description, error_description}.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import RETRY_AFTER_SECONDS, Answer

MALFORMED = "The request could not be understood by the server due to malformed syntax."
# https://community.genesys.com/discussion/send-an-inbound-structured-open-response-message
NOTHING_SAID = (
    "should have required property 'content', should have required property '.text', should match some schema in anyOf"
)


def problem(
    status: int,
    code: str,
    message: str,
    note: str,
    *,
    kind: LineKind = LineKind.TURNED_AWAY,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A refusal as Genesys words it; `fields`: code by the path of what is wrong, for `details`."""
    context_id = str(uuid.uuid4())
    body = {
        "message": message,
        "code": code,
        "status": status,
        "contextId": context_id,
        "details": [{"errorCode": why, "fieldName": path} for path, why in (fields or {}).items()],
        "errors": [],
    }
    return Answer(
        status,
        json.dumps(body, ensure_ascii=False),
        kind=kind,
        note=note,
        headers={"ININ-Correlation-Id": context_id, **(headers or {})},
    )


def bad_request(note: str, fields: Mapping[str, str] | None = None, message: str = MALFORMED) -> Answer:
    """400 `bad.request`."""
    return problem(400, "bad.request", message, note, fields=fields)


def unknown_query(names: Iterable[str]) -> Answer:
    """400 for a parameter that the operation doesn't have: Genesys ignores it, and a misspelt one must be seen."""
    told = sorted(names)
    return bad_request(
        f"Refused: the query parameter {told[0]!r} isn't known or hasn't a possible value.",
        dict.fromkeys(told, "query.parameter"),
        f"The query parameter {told[0]} is not known to this operation or has a value that is not possible.",
    )


def not_found(note: str, kind: LineKind = LineKind.TURNED_AWAY) -> Answer:
    """404 `not.found`."""
    return problem(404, "not.found", "The requested resource was not found.", note, kind=kind)


def no_permission(permission: str) -> Answer:
    """403 `missing.permissions`: the operations here want all of the permissions that they name."""
    words = f"Unable to perform the requested action. You are missing the following permission(s): {permission}"
    return problem(403, "missing.permissions", words, f"Not taken: the role lacks {permission}.")


def needs_user(note: str) -> Answer:
    """400 for what wants a person who is logged in.

    The words: GenesysCloudBlueprints' article on implicit logins of the command line. The code is not given; silent.
    """
    words = "This request requires a user context. Client credentials cannot be used for requests to this resource."
    return problem(400, "bad.request", words, note)


def too_many() -> Answer:
    """429, https://developer.genesys.cloud/forum/t/normalized-platform-api-429-responses/12028."""
    words = f"Rate limit exceeded the maximum. Retry the request in [{RETRY_AFTER_SECONDS}] seconds"
    return problem(
        429,
        "too.many.requests.retry.after",
        words,
        "Not taken: too many requests.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def broken() -> Answer:
    """500 `internal.server.error`."""
    words = "The server encountered an unexpected condition which prevented it from fulfilling the request."
    return problem(500, "internal.server.error", words, "Not taken: it broke.")


def wrong_media_type() -> Answer:
    """415 `unsupported.media.type`."""
    words = (
        "Unsupported Media Type - Unsupported or incorrect media type, such as an incorrect Content-Type value in the "
        "header."
    )
    return problem(415, "unsupported.media.type", words, "Refused: the body isn't sent as application/json.")


def not_let_in(code: str, message: str, note: str) -> Answer:
    """401 of the API."""
    return problem(401, code, message, note, kind=LineKind.REFUSED)


def not_logged_in(status: int, error: str, description: str, note: str) -> Answer:
    """A refusal of the login service, which says its description twice (gildas/go-gcloudcx, client_test.go)."""
    body = {"error": error, "description": description, "error_description": description}
    return Answer(status, json.dumps(body), kind=LineKind.REFUSED, note=note)
