"""What visitors send, parsed into typed values on the first line; HTTP and the socket read the same way."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from convoship.lib.problems import Problem, invalid
from deployments.safe_text import TextRefused, clean_text
from deployments.sessions import SessionRequest, page_of
from deployments.visits import VisitorMessage

LONGEST_CLIENT_ID = 64
LONGEST_PAYLOAD = 1000


def _object(body: object) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise Problem("invalid", "The body must be a JSON object.")
    return body


def _text(body: Mapping[str, Any], name: str, longest: int, errors: dict[str, list[str]]) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        errors[name] = ["A text."]
        return ""
    if len(value) > longest:
        errors[name] = [f"At most {longest} characters."]
    return value.strip()


def _uuid(body: Mapping[str, Any], name: str, errors: dict[str, list[str]], *, required: bool) -> uuid.UUID | None:
    value = body.get(name)
    if value is None and not required:
        return None
    try:
        return parse_uuid(value)
    except ValueError:
        errors[name] = ["A UUID, such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301."]
        return None


def parse_uuid(value: object) -> uuid.UUID:
    """A UUID in its usual form; ValueError for anything else."""
    if not isinstance(value, str) or len(value) != 36:
        raise ValueError("not a UUID")
    return uuid.UUID(value)


def session_request(raw: object) -> SessionRequest:
    """`POST /sessions`."""
    body = _object(raw)
    errors: dict[str, list[str]] = {}
    agent_id = _uuid(body, "agent_id", errors, required=True)
    client_id = _uuid(body, "client_id", errors, required=False)
    channel = _text(body, "channel", 20, errors) or "web"
    visitor_id = _text(body, "visitor_id", 64, errors)
    resume = _text(body, "resume", 200, errors)
    locale = _text(body, "locale", 35, errors)
    user, page = ({} if body.get(name) is None else body[name] for name in ("user", "page"))
    if not isinstance(user, Mapping):
        errors["user"] = ["An object with name and email."]
        user = {}
    if not isinstance(page, Mapping):
        errors["page"] = ["An object with url, title and referrer."]
        page = {}
    if body.get("user_token"):
        errors["user_token"] = ["This deployment does not check identities; leave user_token out."]
    known = {"name": _text(user, "name", 100, errors), "email": _text(user, "email", 254, errors)}
    if errors or agent_id is None:
        raise invalid(errors)
    return SessionRequest(agent_id, channel, client_id, visitor_id, resume, known, locale, page_of(page))


def visitor_message(raw: object) -> VisitorMessage:
    """`POST /messages` and `message.send`."""
    body = _object(raw)
    errors: dict[str, list[str]] = {}
    client_id = body.get("client_id")
    if not isinstance(client_id, str) or not 1 <= len(client_id) <= LONGEST_CLIENT_ID:
        errors["client_id"] = [f"A text of 1 to {LONGEST_CLIENT_ID} characters, random for each message."]
    payload = body.get("payload") or ""
    if not isinstance(payload, str) or len(payload) > LONGEST_PAYLOAD:
        errors["payload"] = [f"The value of the tapped button, a text of at most {LONGEST_PAYLOAD} characters."]
    if body.get("attachments"):
        errors["attachments"] = ["Files are not taken here; leave attachments out."]
    text = body.get("text") or ""
    if not isinstance(text, str):
        errors["text"] = ["A text."]
    elif not text.strip() and not payload and "payload" not in errors:
        errors["text"] = ["Say something: the text is empty."]
    else:
        try:
            text = clean_text(text)
            for value in (client_id, payload):
                clean_text(value if isinstance(value, str) else "")
        except TextRefused as refused:
            if refused.code == "payload_too_large":
                raise Problem("payload_too_large", refused.message) from None
            errors["text"] = [refused.message]
    if errors:
        raise invalid(errors)
    return VisitorMessage(str(client_id), text or str(payload), str(payload))


def number(value: str | None, name: str, *, least: int, most: int, default: int) -> int:
    """A whole number from a query string, or the default where it is absent."""
    if value is None or value == "":
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 12 and least <= int(value) <= most):
        raise invalid({name: [f"A whole number from {least} to {most}."]})
    return int(value)
