"""Which triggers a change sets off, and what they post.

Conditions: https://developer.zendesk.com/documentation/ticketing/reference-guides/conditions-reference/ (`all`: every
one, `any`: one of them) and https://support.zendesk.com/hc/en-us/articles/4408893545882 ("Changed refers to any update
made to the value, even if the value previously did not exist"). Triggers see every change, whoever made it: ours, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels_app.rehearsal.base import Report
from channels_app.rehearsal.zendesk import placeholders
from channels_app.rehearsal.zendesk.books import Books
from channels_app.rehearsal.zendesk.ticket_shapes import PRIORITIES, STATUSES

_MOST_POSTED = 50
# The ids of channels (https://developer.zendesk.com/documentation/ticketing/reference-guides/via-types/): 0 web form,
# 5 web service (API).
_VIA_IDS = {"web": "0", "api": "5"}


@dataclass(frozen=True)
class Change:
    """One update of a ticket: what it was (None: it is new), what it is, what was said, who did it."""

    before: Mapping[str, Any] | None
    ticket: Mapping[str, Any]
    comment: Mapping[str, Any] | None
    actor_id: int
    # `Create` or `Change`.
    kind: str
    via: str = "api"


def reports(books: Books, change: Change) -> list[Report]:
    """What is posted to our inbound address of a change that we ourselves made."""
    return [Report("trigger", body) for body in bodies(books, change)]


def bodies(books: Books, change: Change) -> list[str]:
    """The bodies that go to our own inbound address, in the triggers' order; calls to others are not made."""
    found: list[str] = []
    for trigger in sorted(books.part("triggers").values(), key=lambda one: (one["position"], one["id"])):
        if not trigger["active"] or not holds(trigger["conditions"], books, change):
            continue
        for action in trigger["actions"]:
            webhook = books.part("webhooks").get(action["value"][0])
            if webhook is None or webhook["status"] != "active" or webhook["endpoint"] != books.account.inbound_url:
                continue
            body = placeholders.filled(action["value"][1], books, change.ticket, change.actor_id)
            remember(books, body, webhook["id"])
            found.append(body)
    return found


def remember(books: Books, body: str, webhook_id: str) -> None:
    """Which webhook posts a body: it is signed when it goes, by that webhook's secret."""
    posted = [*books.rows("posted"), {"digest": _digest(body), "webhook": webhook_id}]
    books.contents["posted"] = posted[-_MOST_POSTED:]


def webhook_of(books: Books, body: str) -> Mapping[str, Any] | None:
    """The webhook that posts a body, or else one that goes to our address; None where none was made by the API."""
    for one in reversed(books.rows("posted")):
        if one["digest"] == _digest(body):
            found: Mapping[str, Any] | None = books.part("webhooks").get(one["webhook"])
            return found
    own = [one for one in books.part("webhooks").values() if one["endpoint"] == books.account.inbound_url]
    return own[0] if own else None


def is_made_by_hand(books: Books) -> bool:
    """Whether webhook and trigger are taken as made by hand at Zendesk: none was made by the API."""
    return not books.part("webhooks") and not books.part("triggers")


def holds(conditions: Mapping[str, Sequence[Mapping[str, Any]]], books: Books, change: Change) -> bool:
    """Whether all of `all` hold, and one of `any` where there are such."""
    if not all(_holds(one, change, books) for one in conditions["all"]):
        return False
    return not conditions["any"] or any(_holds(one, change, books) for one in conditions["any"])


def _holds(one: Mapping[str, Any], change: Change, books: Books) -> bool:
    value = one.get("value")
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    field, operator = one["field"], str(one.get("operator"))
    match field:
        case "update_type":
            return change.kind == text
        case "current_tags":
            has = bool(set(text.lower().split()) & set(change.ticket["tags"]))
            return has == (operator == "includes")
        case "comment_is_public":
            return _comment_holds(text, change)
        case "comment_includes_word":
            return _words_hold(text, operator, change)
        case "role":
            return _is_current_user(text, change, books) == (operator == "is")
        case "current_via_id" | "via_id":
            via = change.via if field == "current_via_id" else change.ticket["via"]["channel"]
            return (_VIA_IDS.get(via) == text) == (operator == "is")
        case "ticket_is_public":
            return any(comment["public"] for comment in change.ticket["comments"]) == (text == "public")
    return _field_holds(field, operator, _meant(text, change), change)


def _comment_holds(text: str, change: Change) -> bool:
    if change.comment is None:
        return False
    is_public = bool(change.comment["public"])
    return {"true": is_public, "false": not is_public, "requester_can_see_comment": is_public}.get(text, True)


def _words_hold(text: str, operator: str, change: Change) -> bool:
    said = (change.comment or {}).get("body", "").lower()
    if operator in {"is", "is_not"}:
        return (text.lower() in said) == (operator == "is")
    return any(word in said for word in text.lower().split()) == (operator == "includes")


def _is_current_user(text: str, change: Change, books: Books) -> bool:
    user = books.user(change.actor_id)
    role = user["role"] if user else "admin"
    match text:
        case "agent":
            return role != "end-user"
        case "end_user":
            return role == "end-user"
        case "requester_id" | "assignee_id":
            return change.ticket[text] == change.actor_id
    return text == str(change.actor_id)


def _meant(text: str, change: Change) -> str:
    """Whom a word in the place of an id means."""
    if text == "current_user":
        return str(change.actor_id)
    return str(change.ticket[text] or "") if text in {"requester_id", "assignee_id"} else text


def _field_holds(field: str, operator: str, text: str, change: Change) -> bool:
    now = _text(change.ticket[field])
    before = _text(change.before[field]) if change.before is not None else ""
    has_changed = now != before
    match operator:
        case "is":
            return now == text
        case "is_not":
            return now != text
        case "changed":
            return has_changed
        case "not_changed":
            return not has_changed
        case "value":
            return has_changed and now == text
        case "not_value":
            return not (has_changed and now == text)
        case "value_previous":
            return has_changed and before == text
        case "not_value_previous":
            return not (has_changed and before == text)
    order = STATUSES if field == "status" else PRIORITIES
    if now not in order or text not in order:
        return False
    place, other = order.index(now), order.index(text)
    return place < other if operator == "less_than" else place > other


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
