"""Errors as RFC 9457 problem details, and the one exception that acts raise.

A `Problem` says what went wrong (`detail`), its stable `code` (CONTRACT section 3) and, where it helps, `errors` by
field. Its document always has a `hint` (what to do): the raiser's own, or that of the code. Doors render it: the API as
`application/problem+json`, pages as a message, sockets as an `error` frame.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.log import log_response
from rest_framework import exceptions as drf
from rest_framework.response import Response

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
# A name, not an address: what it means is in the document itself and at /v1/docs.
TYPE_BASE = "urn:convoship:problem:"

STATUS_OF_CODE: Mapping[str, int] = {
    "token_missing": 401,
    "token_malformed": 401,
    "token_unknown": 401,
    "token_revoked": 401,
    "token_expired": 401,
    "origin_missing": 403,
    "origin_not_allowed": 403,
    "agent_mismatch": 403,
    "channel_not_allowed": 403,
    "scope_missing": 403,
    "signature_invalid": 403,
    "identity_required": 403,
    "csrf_failed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "conflict": 409,
    "idempotency_conflict": 409,
    "conversation_ended": 409,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "rate_limited": 429,
    "quota_exceeded": 429,
    "internal": 500,
    "unavailable": 503,
}

# What to do, where whoever raises it has nothing nearer to say.
HINT_OF_CODE: Mapping[str, str] = {
    "token_missing": "Send the token in the header Authorization, as: Bearer TOKEN.",
    "token_malformed": "Copy the whole token again, with nothing before or after it.",
    "token_unknown": "Make a new token and use that.",
    "token_revoked": "Make a new token and use that: a revoked one never works again.",
    "token_expired": "Get a new token and use that.",
    "origin_missing": "Call from a page of an allowed origin. For a program, allow server callers on the deployment.",
    "origin_not_allowed": "Add this origin to the allowed origins of the deployment.",
    "agent_mismatch": "Leave agent_id out, or send the id of the assistant that the token belongs to.",
    "channel_not_allowed": "Leave channel out, or send web.",
    "scope_missing": "Use an API key with the scope that is needed, or ask an owner or admin for another role.",
    "signature_invalid": "Sign the body, byte for byte as it is sent, with the secret that is valid now.",
    "identity_required": "Send a user_token that your server made for the user who is signed in.",
    "csrf_failed": "Load the page again and send its CSRF token as X-CSRFToken. A program uses an API key instead.",
    "not_found": "Check the address and the ids in it. They come from the lists that this token may read.",
    "method_not_allowed": "Use one of the methods that the header Allow names.",
    "not_acceptable": "Ask for JSON with Accept: application/json.",
    "conflict": "Read it again to see how it stands now, then decide what to send.",
    "idempotency_conflict": "Send a new Idempotency-Key with each new request.",
    "conversation_ended": "Start a new conversation.",
    "precondition_failed": "Read it again, then send the change with the ETag that it has now.",
    "payload_too_large": "Send less at once.",
    "unsupported_media_type": "Send JSON with Content-Type: application/json.",
    "invalid": "Mend what is named here and send it again. What each call takes is described at /v1/docs.",
    "rate_limited": "Wait as many seconds as the header Retry-After says, then try again.",
    "quota_exceeded": "Wait as many seconds as the header Retry-After says, or ask for a higher limit.",
    "internal": "Try again in a moment. If it stays like this, tell whoever runs this installation when it happened.",
    "unavailable": "Wait as many seconds as the header Retry-After says, then try again.",
}


class Problem(Exception):
    """What was asked can't be done. `code` decides the status; `retry_after` is in seconds.

    `is_expected`: though its status is that of a fault of ours, it is somebody's wish, and no error in the log.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        hint: str | None = None,
        retry_after: int | None = None,
        extra: Mapping[str, Any] | None = None,
        is_expected: bool = False,
    ) -> None:
        super().__init__(detail)
        self.is_expected = is_expected
        self.code = code
        self.status = STATUS_OF_CODE[code]
        self.detail = detail
        self.errors = {field: list(messages) for field, messages in (errors or {}).items()}
        self.hint = hint
        self.retry_after = retry_after if retry_after is not None else (5 if self.status == 503 else None)
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        """The problem document."""
        document: dict[str, Any] = {
            "type": TYPE_BASE + self.code,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            document["errors"] = self.errors
        document["hint"] = self.hint or HINT_OF_CODE[self.code]
        return document | self.extra

    def headers(self) -> dict[str, str]:
        """Headers that go with it: `Retry-After`, `WWW-Authenticate`."""
        headers = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, self.retry_after))
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return headers


def invalid(errors: Mapping[str, Sequence[str]], detail: str | None = None, hint: str | None = None) -> Problem:
    """422 with one message list per field."""
    first_field, first_messages = next(iter(errors.items()))
    return Problem("invalid", detail or f"{first_field}: {first_messages[0]}", errors=errors, hint=hint)


def not_found() -> Problem:
    """404, the same to the byte whether the object does not exist or belongs to someone else."""
    return Problem("not_found", "There is nothing at this address that this token may see.")


def as_json_response(problem: Problem) -> JsonResponse:
    """For plain Django views and middleware."""
    return JsonResponse(problem.body(), status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers())


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: every error leaves as a problem document."""
    problem = _as_problem(exc)
    if problem is None:
        request = context.get("request")
        logger.error("unhandled error at %s", getattr(request, "path", "?"), exc_info=exc)
        problem = internal()
    response = Response(problem.body(), status=problem.status, headers=problem.headers(), content_type=CONTENT_TYPE)
    for name, value in getattr(exc, "auth_headers", {}).items():
        response[name] = value
    if problem.is_expected:
        # Here, and not as an error by Django's handler, which leaves alone what was logged.
        path = getattr(context.get("request"), "path", "?")
        title = HTTPStatus(problem.status).phrase
        log_response("%s: %s (%s)", title, path, problem.detail, response=response, level="info")
    return response


def internal() -> Problem:
    """500: ours, logged, and said without inner detail."""
    return Problem("internal", "Something broke on our side. It has been logged; trying again may help.")


def _as_problem(exc: Exception) -> Problem | None:
    match exc:
        case Problem():
            return exc
        case Http404():
            return not_found()
        case RequestDataTooBig() | TooManyFieldsSent():
            return Problem("payload_too_large", "The request body is larger than this call takes.")
        case PermissionDenied() | drf.PermissionDenied():
            return Problem("scope_missing", "This token or role may not do that.")
        case drf.NotFound():
            return not_found()
        case drf.ValidationError():
            return invalid(_flat_errors(exc.detail))
        case drf.ParseError():
            return Problem("invalid", str(exc.detail))
        case drf.UnsupportedMediaType():
            return Problem(
                "unsupported_media_type", str(exc.detail), hint="Send JSON with Content-Type: application/json."
            )
        case drf.MethodNotAllowed():
            return Problem("method_not_allowed", str(exc.detail))
        case drf.NotAcceptable():
            return Problem("not_acceptable", str(exc.detail))
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return Problem("token_missing", str(exc.detail))
    return None


def _flat_errors(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested error detail as `{"path.to[0].field": [messages]}`."""
    if isinstance(detail, Mapping):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            separator = "." if path and name else ""
            found |= _flat_errors(value, f"{path}{separator}{name}")
        return found
    if isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        found = {}
        for position, item in enumerate(detail):
            if item:
                found |= _flat_errors(item, f"{path}[{position}]")
        return found
    messages = detail if isinstance(detail, list) else [detail]
    return {path or "body": [str(message) for message in messages]}


def error_view(code: str, detail: str) -> Any:
    """A Django error view that answers `/v1/` with this problem."""

    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        return as_json_response(Problem(code, detail))

    return view
