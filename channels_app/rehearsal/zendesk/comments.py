"""Comments made, and read in pages; files that are uploaded for them.

Uploads: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/#upload-files (`filename` is
required, the Content-Type is the file's own, "The token is valid for 3 days").
Lists: https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/ (`include=users`; `sort` with
cursor pages, `sort_order` with offset pages) and https://developer.zendesk.com/api-reference/introduction/pagination/ .
"""

from __future__ import annotations

import datetime as dt
import html
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from channels_app.providers.base import same
from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.zendesk.answers import answered, invalid_attribute, number, only, record_invalid
from channels_app.rehearsal.zendesk.books import Books, Record, at_of
from channels_app.rehearsal.zendesk.ticket_answers import as_html, attachment_json, comment_json, user_json

# "A ticket can contain up to 5000 comments"; a rehearsal's row is no place for so many.
MOST_COMMENTS = 500
UPLOAD_LASTS = dt.timedelta(days=3)
_PAGE = 100
_PAGING = ("page", "per_page", "page[size]", "page[after]", "page[before]")


def make_comment(
    books: Books, ticket: Record, wanted: Mapping[str, Any], *, author_id: int, via: str = "api"
) -> Record:
    """Add a comment; its audit gets a number of its own. Words or files it must have."""
    if len(ticket["comments"]) >= MOST_COMMENTS:
        raise record_invalid("base", "Comments: the ticket has too many of them", "Not taken: too many comments.")
    text, rich = str(wanted.get("body") or ""), str(wanted.get("html_body") or "")
    if text and rich:
        # The page doesn't say which of the two is used: strict.
        raise invalid_attribute("comment", "Parameter body or html_body, not both", "Not taken: body and html_body.")
    files = [_used(books, token, ticket) for token in wanted.get("uploads", ())]
    if not text.strip() and not rich.strip() and not files:
        raise record_invalid("base", "Comment: cannot be blank", code="BlankValue")
    author = wanted.get("author_id", author_id)
    if books.user(author) is None:
        raise record_invalid("author", "Author: is invalid", code="InvalidValue")
    made = {
        "id": books.next("event", 30_000_000_000_001),
        "audit_id": books.next("event", 30_000_000_000_001),
        "author_id": author,
        "body": text or plain_of(rich),
        "html_body": rich or as_html(text),
        "public": wanted.get("public", True),
        "attachments": [file for found in files for file in found],
        "via": {"channel": via, "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": books.now(),
        "metadata": {},
    }
    ticket["comments"].append(made)
    return made


def plain_of(rich: str) -> str:
    """The words of HTML."""
    lines = re.sub(r"<br\s*/?>|</p>|</div>|</li>", "\n", rich, flags=re.IGNORECASE)
    return html.unescape(re.sub(r"<[^>]*>", "", lines)).strip()


def list_comments(call: Call, books: Books, ticket: Mapping[str, Any]) -> Answer:
    """`GET /api/v2/tickets/{id}/comments`."""
    only(call.query, ("include", "include_inline_images", "sort", "sort_order", *_PAGING))
    by_cursor = any(name.startswith("page[") for name in call.query)
    if by_cursor and "sort_order" in call.query:
        raise invalid_attribute("sort_order", "With cursor pagination the parameter is sort")
    if not by_cursor and "sort" in call.query:
        raise invalid_attribute("sort", "With offset pagination the parameter is sort_order")
    order = call.query.get("sort", call.query.get("sort_order", "asc"))
    if order not in {"asc", "desc", "created_at", "-created_at"}:
        raise invalid_attribute("sort", f"Invalid parameter: {order[:40]}")
    if call.query.get("include_inline_images", "false") not in {"true", "false"}:
        raise invalid_attribute("include_inline_images", "Invalid parameter: it must be true or false")
    rows = [comment_json(books, one) for one in ticket["comments"]]
    rows.sort(key=lambda one: (one["created_at"], one["id"]), reverse=order in {"desc", "-created_at"})
    page, around = paged(call, books, rows, call.path)
    body: Record = {"comments": page, **around}
    match call.query.get("include", ""):
        case "":
            pass
        case "users":
            authors = {one["author_id"]: books.user(one["author_id"]) for one in page}
            body["users"] = [user_json(books, one) for one in authors.values() if one]
        case other:
            raise invalid_attribute("include", f"Invalid parameter: {other[:40]}")
    return answered(body, f"Read the comments of ticket {ticket['id']}.", address=str(ticket["id"]))


def paged(
    call: Call,
    books: Books,
    rows: Sequence[Record],
    path: str,
    key: Callable[[Record], str] = lambda one: str(one["id"]),
) -> tuple[list[Record], Record]:
    """A page of records and what stands around it: by cursors where `page[...]` was asked for, by numbers otherwise."""
    query = call.query
    if not any(name.startswith("page[") for name in query):
        size = min(number(query.get("per_page", str(_PAGE)), "per_page"), _PAGE) or _PAGE
        page = max(1, number(query.get("page", "1"), "page"))
        start = (page - 1) * size
        following, before = start + size < len(rows), page > 1
        around = {
            "next_page": _link(books, path, {**query, "page": str(page + 1)}) if following else None,
            "previous_page": _link(books, path, {**query, "page": str(page - 1)}) if before else None,
            "count": len(rows),
        }
        return list(rows[start : start + size]), around
    if "page[after]" in query and "page[before]" in query:
        raise invalid_attribute("page", "Only one of page[after] and page[before] can be given")
    size = number(query.get("page[size]", str(_PAGE)), "page[size]")
    if not 1 <= size <= _PAGE:
        raise invalid_attribute("page[size]", "Invalid parameter: it must be between 1 and 100")
    places = [key(one) for one in rows]
    start = _place(query["page[after]"], places) + 1 if "page[after]" in query else 0
    if "page[before]" in query:
        start = max(0, _place(query["page[before]"], places) - size)
    found = list(rows[start : start + size])
    has_more = start + size < len(rows)
    after = _cursor(key(found[-1])) if found else None
    first = _cursor(key(found[0])) if found else None
    rest = {name: value for name, value in query.items() if name not in {"page[after]", "page[before]"}}
    links = {
        "prev": _link(books, path, {**rest, "page[before]": first}) if first and start else None,
        "next": _link(books, path, {**rest, "page[after]": after}) if after and has_more else None,
    }
    return found, {"meta": {"has_more": has_more, "after_cursor": after, "before_cursor": first}, "links": links}


def upload(call: Call, books: Books) -> Answer:
    """`POST /api/v2/uploads?filename=`: `{upload: {token, expires_at, attachment, attachments}}`. Bytes aren't kept."""
    only(call.query, ("filename", "token"))
    name = call.query.get("filename", "")
    if not name or len(name) > 255 or not name.isprintable():
        raise invalid_attribute("filename", "Parameter filename is required")
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind):
        raise invalid_attribute("Content-Type", "It must be a recognized MIME type")
    if not call.body:
        raise record_invalid("base", "Attachment: is empty", "Not taken: the file is empty.")
    token = call.query.get("token") or secrets.token_urlsafe(18)
    held = books.part("uploads").get(token)
    if "token" in call.query and held is None:
        raise invalid_attribute("token", "Invalid parameter: there is no such upload")
    file = {
        "id": books.next("attachment", 40_000_000_001),
        "token": secrets.token_urlsafe(18),
        "name": name,
        "content_type": kind,
        "size": len(call.body),
    }
    files = [*(held["files"] if held else ()), file]
    books.keep("uploads", token, {"created_at": timezone.now().isoformat(), "files": files})
    shown = [attachment_json(books, one) for one in files]
    until = (timezone.now() + UPLOAD_LASTS).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"upload": {"token": token, "expires_at": until, "attachment": shown[-1], "attachments": shown}}
    return answered(body, f"Took the file {name[:60]}, {len(call.body)} bytes.", 201)


def file_bytes(call: Call, books: Books) -> Answer:
    """A file where its `content_url` is: so many bytes of nothing, as the rehearsal keeps none."""
    token = call.path.removeprefix("/attachments/token/").strip("/")
    held = [file for one in books.part("uploads").values() for file in one["files"]]
    for ticket in books.part("tickets").values():
        held += [file for comment in ticket["comments"] for file in comment["attachments"]]
    for file in held:
        if same(file["token"], token):
            return Answer(200, zeros=file["size"], content_type=file["content_type"], note="Fetched a file.")
    return Answer(404, "", note="There is no such file here.")


def _used(books: Books, token: str, ticket: Mapping[str, Any]) -> list[Record]:
    """The files of an upload, which is used up thereby."""
    held = books.part("uploads").get(token)
    if held is None or at_of(held["created_at"]) + UPLOAD_LASTS < timezone.now():
        # The page doesn't say what an unknown token does; quoted by customers as an attachment that isn't there.
        raise record_invalid("uploads", "Uploads: is invalid", f"Not taken: there is no upload {token[:40]}.")
    del books.part("uploads")[token]
    return list(held["files"])


def _link(books: Books, path: str, query: Mapping[str, Any]) -> str:
    return books.url(f"{path}?{urlencode(query)}")


def _cursor(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode()


def _place(cursor: str, places: Sequence[str]) -> int:
    try:
        return places.index(urlsafe_b64decode(cursor.encode()).decode())
    except (ValueError, UnicodeError):
        raise invalid_attribute("page", "Invalid parameter: the cursor is not valid") from None
