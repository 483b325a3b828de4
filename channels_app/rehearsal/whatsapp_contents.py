"""Contents at the stand-in for WhatsApp: made, handed in, decided on, and drawn as a phone shows them.

A content is kept as `GET /v1/ContentAndApprovals` lists it (twilio.com/docs/content).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from convoship.lib.parsers import BadJSON, loads

# So many contents a rehearsal keeps; the oldest that nobody handed in make room.
MOST_CONTENTS = 200
# What WhatsApp may say of a template, and the code of what is sent with it then (twilio.com/docs/api/errors).
REFUSED_BY: Mapping[str, int] = {"rejected": 63040, "paused": 63041, "disabled": 63042}
LONGEST_REASON = 300

Content = Mapping[str, Any]


def make(account_sid: str, *, name: str, language: str, types: Mapping[str, Any], variables: object) -> dict[str, Any]:
    """A content that nobody has handed in."""
    return {
        "sid": f"HX{uuid.uuid4().hex}",
        "account_sid": account_sid,
        "date_created": timezone.now().isoformat(),
        "friendly_name": name,
        "language": language,
        "variables": variables if isinstance(variables, dict) else {},
        "types": dict(types),
        "approval_requests": {"name": "", "category": "", "status": "unsubmitted", "rejection_reason": ""},
    }


def first(account_sid: str) -> dict[str, Any]:
    """Two that are approved, so that a rehearsal can begin with them: one in words alone, one with buttons."""
    news = make(
        account_sid,
        name="news_for_you",
        language="en",
        types={"twilio/text": {"body": "Here is the answer to your question: {{1}} Write back if there is more."}},
        variables={"1": "Your parcel is on its way."},
    )
    reminder = make(
        account_sid,
        name="appointment_reminder",
        language="en",
        types={
            "twilio/quick-reply": {
                "body": "Hello {{1}}, your appointment is on {{2}}. Will you be there?",
                "actions": [
                    {"type": "QUICK_REPLY", "title": "I will be there", "id": "appointment_yes"},
                    {"type": "QUICK_REPLY", "title": "Another day", "id": "appointment_no"},
                ],
            }
        },
        variables={"1": "Sam", "2": "Monday at 10:00"},
    )
    for one in (news, reminder):
        one["approval_requests"] |= {"name": one["friendly_name"], "category": "UTILITY", "status": "approved"}
    return {one["sid"]: one for one in (news, reminder)}


def with_one_more(contents: Mapping[str, Content], content: Content) -> dict[str, Content]:
    """All of them and this one, less the oldest where they are too many."""
    kept = sorted(contents.values(), key=lambda one: (is_handed_in(one), str(one["date_created"])))
    return {str(one["sid"]): one for one in [*kept[-MOST_CONTENTS + 1 :], content]}


def in_order(contents: Mapping[str, Content]) -> list[Content]:
    """The oldest first: the database keeps no order of an object's members."""
    return sorted(contents.values(), key=lambda one: str(one["date_created"]))


def is_handed_in(content: Content) -> bool:
    """Whether it is a template, and not only buttons that were made to be sent."""
    return standing(content) != "unsubmitted"


def standing(content: Content) -> str:
    """What WhatsApp says of it."""
    return str(content["approval_requests"]["status"])


def decided(content: Content, status: str, **more: str) -> dict[str, Any]:
    """The same with what WhatsApp says of it now."""
    return {**content, "approval_requests": {**content["approval_requests"], "status": status, **more}}


# --- As a phone shows it --------------------------------------------------------------------------------------------


def values_of(content: Content, given: str) -> dict[str, str] | None:
    """Its variables: the samples, and over them `ContentVariables` as they were sent; None where that is no object."""
    try:
        found = loads(given or "{}")
    except BadJSON:
        return None
    if not isinstance(found, dict):
        return None
    return {str(name): str(value) for name, value in {**content["variables"], **found}.items()}


def drawn(content: Content, values: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Its words, and what is drawn beside them, with the variables in their places."""
    kind, shape = next(((str(name), one) for name, one in content["types"].items() if isinstance(one, dict)), ("", {}))

    def filled(value: object) -> str:
        text = str(value or "")
        for name, given in values.items():
            text = text.replace("{{" + name + "}}", given)
        return text

    extras: dict[str, Any] = {}
    if is_handed_in(content):
        extras["template"] = str(content["approval_requests"]["name"])
    options = [
        {"label": filled(one.get("title")), "payload": filled(one.get("id"))}
        for one in _objects(shape.get("actions"))
        if one.get("type", "QUICK_REPLY") == "QUICK_REPLY"
    ]
    items = [
        {"label": filled(one.get("item")), "payload": filled(one.get("id")), "words": filled(one.get("description"))}
        for one in _objects(shape.get("items"))
    ]
    if options or items:
        extras["options"] = options or items
    if items and not options:
        extras["opens_with"] = filled(shape.get("button")) or "Choose"
    links = [
        {"label": filled(one.get("title")), "to": filled(one.get("url") or one.get("phone"))}
        for one in _objects(shape.get("actions"))
        if one.get("type", "QUICK_REPLY") != "QUICK_REPLY"
    ]
    if links:
        extras["links"] = links
    return filled(shape.get("body") or shape.get("title") or kind), extras


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
