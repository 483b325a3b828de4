"""Tickets, comments, audits and people as the Support API writes them.

Tickets: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/ ; comments: .../tickets/ticket_comments/
audits: .../tickets/ticket_audits/ and https://developer.zendesk.com/documentation/ticketing/reference-guides/
ticket-audit-events-reference/ ; attachments: .../tickets/ticket-attachments/ ; users: .../users/users/ .
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from channels_app.rehearsal.zendesk.books import BRAND, Books, Record


def ticket_json(books: Books, ticket: Mapping[str, Any]) -> Record:
    """A ticket. What agents alone write (`comment`) is not in it."""
    shown = {name: value for name, value in ticket.items() if name not in {"comments", "log", "kept_at"}}
    fields = [{"id": one["id"], "value": one["value"]} for one in ticket["custom_fields"]]
    return {
        "url": books.url(f"/api/v2/tickets/{ticket['id']}.json"),
        **shown,
        "raw_subject": ticket["subject"],
        "recipient": None,
        "organization_id": None,
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": None,
        "has_incidents": False,
        "is_public": any(one["public"] for one in ticket["comments"]),
        "due_at": None,
        "custom_fields": fields,
        "fields": fields,
        "satisfaction_rating": {"score": "unoffered"},
        "sharing_agreement_ids": [],
        "custom_status_id": None,
        "ticket_form_id": None,
        "brand_id": BRAND,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
    }


def comment_json(books: Books, comment: Mapping[str, Any]) -> Record:
    """A comment of a ticket."""
    return {
        "id": comment["id"],
        "type": "Comment",
        "author_id": comment["author_id"],
        "body": comment["body"],
        "html_body": comment["html_body"],
        "plain_body": comment["body"],
        "public": comment["public"],
        "attachments": [attachment_json(books, one) for one in comment["attachments"]],
        "audit_id": comment["audit_id"],
        "via": comment["via"],
        "created_at": comment["created_at"],
        "metadata": {"system": {}, "custom": comment["metadata"]},
    }


def audit_json(
    books: Books,
    ticket: Mapping[str, Any],
    *,
    audit_id: int,
    comment: Mapping[str, Any] | None,
    changes: Sequence[tuple[str, object, object]],
    author_id: int,
    metadata: Mapping[str, Any],
    is_new: bool,
) -> Record:
    """What one request did: its Comment event has the comment's own id. `changes`: name, value, the one before."""
    events: list[Record] = []
    if comment is not None:
        said = comment_json(books, comment)
        events.append({name: said[name] for name in said if name not in {"created_at", "metadata", "via"}})
    for name, value, before in changes:
        event = {"id": books.next("event", 30_000_000_000_001), "field_name": name, "value": value}
        events.append({**event, "type": "Create"} if is_new else {**event, "type": "Change", "previous_value": before})
    return {
        "id": audit_id,
        "ticket_id": ticket["id"],
        "created_at": ticket["updated_at"],
        "author_id": author_id,
        "metadata": {"system": {}, "custom": dict(metadata)},
        "events": events,
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
    }


def attachment_json(books: Books, file: Mapping[str, Any]) -> Record:
    """A file, which is fetched without credentials while private attachments are off."""
    url = books.url(f"/attachments/token/{file['token']}/?name={quote(file['name'])}")
    return {
        "url": books.url(f"/api/v2/attachments/{file['id']}.json"),
        "id": file["id"],
        "file_name": file["name"],
        "content_url": url,
        "mapped_content_url": url,
        "content_type": file["content_type"],
        "size": file["size"],
        "width": None,
        "height": None,
        "inline": False,
        "deleted": False,
        "malware_access_override": False,
        "malware_scan_result": "malware_not_found",
        "thumbnails": [],
    }


def user_json(books: Books, user: Mapping[str, Any]) -> Record:
    """A user."""
    return {
        **{name: value for name, value in user.items() if name != "kept_at"},
        "url": books.url(f"/api/v2/users/{user['id']}.json"),
        "active": True,
        "verified": user["role"] != "end-user",
        "shared": False,
        "suspended": False,
        "locale": "en-US",
        "locale_id": 1,
        "time_zone": "UTC",
        "organization_id": None,
        "tags": [],
        "photo": None,
        "user_fields": {},
    }


def as_html(text: str) -> str:
    """Words as the HTML of a comment."""
    lines = "<br>".join(html.escape(line, quote=False) for line in text.split("\n"))
    return f'<div class="zd-comment" dir="auto"><p dir="auto">{lines}</p></div>'
