"""What visitors send, parsed into typed values on the first line; HTTP and the socket read the same way."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from convoship.lib import language_tags, names
from convoship.lib.problems import Problem, invalid
from deployments.file_settings import MOST_IN_MESSAGE
from deployments.safe_text import TextRefused, clean_text
from deployments.sessions import SessionRequest, page_of
from deployments.visits import VisitorMessage

LONGEST_CLIENT_ID = 64
LONGEST_VISITOR_ID = 64
LONGEST_USER_TOKEN = 4096
MOST_OF_USER = 20
LONGEST_OF_USER = 500
_LONGEST_OF_USER = {"id": 255, "name": 100, "email": 254}
_NAME_OF_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,49}")
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


def visitor_id(raw: str | None) -> str:
    """The visitor's id from a query string, or ""."""
    value = (raw or "").strip()
    if len(value) > LONGEST_VISITOR_ID:
        raise invalid({"visitor_id": [f"At most {LONGEST_VISITOR_ID} characters."]})
    return value


def session_request(raw: object) -> SessionRequest:
    """`POST /sessions`."""
    body = _object(raw)
    errors: dict[str, list[str]] = {}
    agent_id = _uuid(body, "agent_id", errors, required=True)
    client_id = _uuid(body, "client_id", errors, required=False)
    channel = _text(body, "channel", 20, errors) or "web"
    visitor_id = _text(body, "visitor_id", LONGEST_VISITOR_ID, errors)
    resume = _text(body, "resume", 200, errors)
    # What is no language says nothing of one: a widget that is odd about it is no reason to turn a visitor away.
    locale = language_tags.kept(_text(body, "locale", language_tags.LONGEST, errors))
    user, page = ({} if body.get(name) is None else body[name] for name in ("user", "page"))
    if not isinstance(page, Mapping):
        errors["page"] = ["An object with url, title and referrer."]
        page = {}
    known = _user(user, errors)
    user_token = _user_token(body, errors)
    if errors or agent_id is None:
        raise invalid(errors)
    return SessionRequest(agent_id, channel, client_id, visitor_id, resume, known, user_token, locale, page_of(page))


def identity(raw: object) -> tuple[dict[str, Any], str]:
    """`POST /identify`: what the page says of its user, and the proof if there is one."""
    body = _object(raw)
    errors: dict[str, list[str]] = {}
    known = _user(body.get("user") or {}, errors)
    user_token = _user_token(body, errors)
    if not known and not user_token and not errors:
        errors["user"] = ["Say who the user is: id, name or email."]
    if errors:
        raise invalid(errors)
    return known, user_token


def _user_token(body: Mapping[str, Any], errors: dict[str, list[str]]) -> str:
    return _text(body, "user_token", LONGEST_USER_TOKEN, errors)


def _user(raw: object, errors: dict[str, list[str]]) -> dict[str, Any]:
    """What a page says of its user, without what is empty: id, name, email, and up to 20 values of its own."""
    if not isinstance(raw, Mapping):
        errors["user"] = ["An object with id, name and email."]
        return {}
    if len(raw) > MOST_OF_USER:
        errors["user"] = [f"At most {MOST_OF_USER} values."]
        return {}
    found: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None or value == "":
            continue
        path, longest = f"user.{name}"[:100], _LONGEST_OF_USER.get(name, LONGEST_OF_USER)
        is_text = name in _LONGEST_OF_USER
        if name == "id" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not _NAME_OF_USER.fullmatch(name):
            errors[path] = ["A name of at most 50 letters, digits, _ and -."]
        elif isinstance(value, str):
            is_line = len(value.splitlines()) < 2 if name == "name" else value.isprintable()
            if len(value) > longest or not is_line:
                errors[path] = [f"A text of at most {longest} characters, on one line."]
            # A name that nobody can see is none.
            if name != "name" or names.shown(value):
                found[name] = names.shown(value) if name == "name" else value.strip()
        elif is_text or not isinstance(value, bool | int | float) or not math.isfinite(value) or abs(value) > 1e15:
            errors[path] = ["A text."] if is_text else ["A text, a number, true or false."]
        else:
            found[name] = value
    if "email" in found and "user.email" not in errors:
        try:
            validate_email(found["email"])
        except ValidationError:
            errors["user.email"] = ["An e-mail address."]
    return found


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
    attachments = _attachments(body, errors)
    text = body.get("text") or ""
    if not isinstance(text, str):
        errors["text"] = ["A text."]
    elif not text.strip() and not payload and not attachments and not errors.keys() & {"payload", "attachments"}:
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
    if attachments and not text.strip():
        text = ""
    return VisitorMessage(str(client_id), text or str(payload), str(payload), attachments)


def _attachments(body: Mapping[str, Any], errors: dict[str, list[str]]) -> tuple[uuid.UUID, ...]:
    """The ids of the files that go with a message, each once."""
    given = body.get("attachments")
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST_IN_MESSAGE:
        errors["attachments"] = [f"A list of the ids of at most {MOST_IN_MESSAGE} files."]
        return ()
    found: list[uuid.UUID] = []
    for place, value in enumerate(given):
        try:
            found.append(parse_uuid(value))
        except ValueError:
            errors[f"attachments[{place}]"] = ["The id of a file that was sent up, a UUID."]
    if len(set(found)) < len(found):
        errors["attachments"] = ["Each file once."]
    return tuple(found)


def handoff_reason(raw: object) -> str:
    """`POST /sessions/{id}/handoff`: `{reason?}`, and nothing else; why a person is asked for, or ""."""
    body = _object(raw)
    errors = {str(name): ["Not known here. Known: reason."] for name in body if name != "reason"}
    reason = body.get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > 300):
        errors["reason"] = ["A text of at most 300 characters."]
    if errors:
        raise invalid(errors)
    return reason or ""


def stop(raw: object) -> uuid.UUID | None:
    """`POST /sessions/{id}/stop` and `message.stop`: the message whose writing is to stop, or None for any."""
    body = _object(raw)
    errors: dict[str, list[str]] = {}
    message_id = _uuid(body, "message_id", errors, required=False)
    if errors:
        raise invalid(errors)
    return message_id


def number(value: str | None, name: str, *, least: int, most: int, default: int) -> int:
    """A whole number from a query string, or the default where it is absent."""
    if value is None or value == "":
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 12 and least <= int(value) <= most):
        raise invalid({name: [f"A whole number from {least} to {most}."]})
    return int(value)
