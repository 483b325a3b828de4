"""Zendesk's answers: what was found, what was made, and its own errors.

Errors: https://developer.zendesk.com/api-reference/introduction/requests/ (envelope, 400 range), and
https://support.zendesk.com/hc/en-us/articles/10306782115610 (401 and 403). The exact words of single errors stand on
no reference page; they are as Zendesk's customers quote them in public repositories, and are told where they are used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call, read
from convoship.lib.plain_errors import failures, path_of

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Refused(Exception):
    """The call is not taken: with the vendor's status and body, and a note in plain words."""

    status: int
    body: Mapping[str, Any]
    note: str
    headers: Mapping[str, str] | None = None

    def answer(self, call: Call) -> Answer:
        """As an answer; a question that found nothing is still a question."""
        return Answer(
            self.status,
            json.dumps(self.body, ensure_ascii=False),
            headers=dict(self.headers or {}),
            kind=LineKind.ASKED if call.method == "GET" else LineKind.TURNED_AWAY,
            note=self.note[:300],
        )


def answered(body: Mapping[str, Any] | None, note: str, status: int = 200, **more: Any) -> Answer:
    """An answer with a JSON body, or without one (204)."""
    if body is None:
        return Answer(204, "", content_type="", note=note, **more)
    return Answer(status, json.dumps(body, ensure_ascii=False), note=note, **more)


def record_invalid(field: str, description: str, note: str = "", code: str = "") -> Refused:
    """422: `{error: RecordInvalid, description, details: {field: [{description, error?}]}}`."""
    detail = {"description": description, **({"error": code} if code else {})}
    body = {"error": "RecordInvalid", "description": "Record validation errors", "details": {field: [detail]}}
    return Refused(422, body, note or f"Not taken: {description}.")


def invalid_attribute(name: str, why: str, note: str = "") -> Refused:
    """400: `{error: {title: Invalid attribute, message}}`."""
    words = f"You passed an invalid value for the {name} attribute. {why}"
    return Refused(400, {"error": {"title": "Invalid attribute", "message": words}}, note or f"Not taken: {words}")


def not_found(what: str) -> Refused:
    """404 for a record: `{error: RecordNotFound, description: Not found}`."""
    return Refused(404, {"error": "RecordNotFound", "description": "Not found"}, f"There is no such {what} here.")


def no_such_path(call: Call) -> Refused:
    """404 for a path that the API doesn't have, or that the rehearsal doesn't play."""
    body = {"error": "InvalidEndpoint", "description": "Not found"}
    return Refused(404, body, f"The rehearsal knows no {call.method} {call.path}.")


def forbidden(note: str) -> Refused:
    """403 as an agent without the right gets it."""
    words = "You do not have access to this page. Please contact the account owner of this help desk for further help."
    return Refused(403, {"error": {"title": "Forbidden", "message": words}}, note)


def object_of(call: Call) -> dict[str, Any]:
    """The JSON object of a call; 422 as Zendesk gives it where there is none, 415 without its content type.

    https://developer.zendesk.com/api-reference/introduction/requests/: "You must supply a Content-Type:
    application/json header in PUT, POST, and DELETE requests." Which status it gives without is not said there.
    """
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        body = {"error": "UnsupportedMediaType", "description": "Content-Type must be application/json"}
        raise Refused(415, body, "Not taken: the Content-Type isn't application/json.")
    found = read(call.body)
    if found is None:
        body = {"error": "Unprocessable Entity", "message": "Server could not parse JSON"}
        raise Refused(422, body, "Not taken: no JSON object.")
    return found


def check(validator: Any, value: object) -> None:
    """Refuse what doesn't fit its schema: wrong values as 422, wrong types and unknown fields as 400."""
    for error in validator.iter_errors(value):
        path = path_of(error.absolute_path)
        words = failures(validator, value).get(path, [str(error.message)])[0]
        name = re.sub(r"\[\d+\]", "", path.rpartition(".")[2]) or "body"
        title = name.replace("_", " ").capitalize()
        match error.validator:
            case "additionalProperties":
                raise invalid_attribute(
                    path, f"{words}", f"Not taken: {path} is unknown here. Zendesk would silently ignore it."
                )
            case "enum" if isinstance(error.instance, str):
                raise record_invalid(
                    name, f"{title}: {error.instance[:60]} is not included in the list", code="InvalidValue"
                )
            case "maxLength":
                most = error.validator_value
                raise record_invalid(name, f"{title}: is too long (maximum is {most} characters)", code="ValueTooLong")
            case "minLength":
                raise record_invalid(name, f"{title}: cannot be blank", code="BlankValue")
            case "required":
                raise invalid_attribute(path, f"Parameter {path} is required")
            case _:
                raise invalid_attribute(path or "body", f"Invalid parameter: {path or 'body'}: {words}")
    unstorable = failures(validator, value)
    for path, words_of in unstorable.items():
        raise invalid_attribute(path, words_of[0])


def only(query: Mapping[str, str], known: Sequence[str]) -> None:
    """Refuse what isn't known of a query; Zendesk would ignore it."""
    for name in query:
        if name not in known:
            raise invalid_attribute(name, "It is not known here", f"Not taken: the query's {name} is unknown here.")


def number(text: str, name: str) -> int:
    """A whole number of a query or a path."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise invalid_attribute(name, f"Invalid parameter: {name} must be an integer")
    return int(text)


def delivery_of(*places: object) -> str:
    """The first id that looks like ours, in what a request carries for that."""
    for place in places:
        text = place if isinstance(place, str) else json.dumps(place)
        found = _UUID.search(text)
        if found:
            return found.group()
    return ""
