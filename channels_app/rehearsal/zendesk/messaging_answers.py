"""The Conversations API's errors: `{errors: [{code, title}]}`.

github zendesk/sunshine-conversations-api-spec, openapi.yaml 17.12.1 (Introduction: Errors, Request Size Limits).
"""

from __future__ import annotations

import json
from typing import Any

from channels_app.rehearsal.base import Call, read
from channels_app.rehearsal.zendesk import messaging_shapes as shapes
from channels_app.rehearsal.zendesk.answers import Refused
from channels_app.rehearsal.zendesk.books import Record
from convoship.lib.plain_errors import failures


def problem(status: int, code: str, title: str, note: str = "") -> Refused:
    """A refusal: `{errors: [{code, title}]}`."""
    return Refused(status, {"errors": [{"code": code, "title": title}]}, note or f"Not taken: {title}.")


def object_of(call: Call, *, may_be_empty: bool = False) -> Record:
    if may_be_empty and not call.body:
        return {}
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise problem(415, "unsupported_media_type", "The content-type must be application/json")
    if len(call.body) > 100 * 1024:
        raise problem(413, "payload_too_large", "A JSON body is limited to 100kb")
    found = read(call.body)
    if found is None:
        raise problem(400, "bad_request", "Invalid JSON in request body")
    return found


def check(validator: Any, value: object, under: str = "") -> None:
    """400 for what doesn't fit; "Multiple errors can only be included in a 400 Bad Request"."""
    wrong = failures(validator, value)
    if wrong:
        titles = [f"{under}{path}: {words[0]}" if path else words[0] for path, words in wrong.items()]
        body = {"errors": [{"code": "bad_request", "title": title} for title in titles]}
        raise Refused(400, body, f"Not taken: {'; '.join(titles)}")


def check_metadata(metadata: object) -> None:
    if len(json.dumps(metadata or {}, ensure_ascii=False).encode("utf-8", "surrogatepass")) > shapes.LARGEST_METADATA:
        raise problem(400, "bad_request", "metadata: It is limited to 4KB")
