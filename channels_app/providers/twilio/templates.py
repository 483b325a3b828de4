"""Message templates over Twilio's Content API (twilio.com/docs/content): read, filled in, handed in for approval."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from twilio.rest.content.v1.content_and_approvals import ContentAndApprovalsInstance

from channels_app.providers.base import Account, BadVariables, Planned, ProviderError, Template
from channels_app.providers.twilio import codes, sdk
from channels_app.providers.twilio.interactive import OURS

HOST = "https://content.twilio.com"
# An answer has to fit what is read of one (`sending.LARGEST_ANSWER`): a content may take 5 kB.
PAGE_SIZE, MOST_PAGES = 10, 100
LONGEST_BODY, LONGEST_VALUE = 1024, 900
# The approvals that Twilio names (twilio.com/docs/content/create-and-send-your-first-content-api-template).
_APPROVALS = frozenset({"unsubmitted", "received", "pending", "approved", "rejected", "paused", "disabled"})
_VARIABLE = re.compile(r"\{\{\s*(\w{1,40})\s*\}\}")
# WhatsApp takes neither line breaks nor tabs nor more than four spaces in a row in a variable.
_BREAKS = re.compile(r"[\n\r\t\v\f\u0085\u2028\u2029]| {5,}")


def variables_of(template: Template) -> list[str]:
    """The names of its variables, in the order of their numbers: those of the body and of all else that is shown."""
    names = {found for text in _texts([template.body, template.extras]) for found in _VARIABLE.findall(text)}
    return sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def fill(template: Template, values: Mapping[str, str]) -> Planned:
    """The template with these values in the place of its variables; `BadVariables` where one is missing or unfit."""
    names = variables_of(template)
    errors = {name: [fault] for name in names if (fault := _fault(values.get(name, "")))}
    errors |= {name: ["The template has no such variable."] for name in values.keys() - set(names)}
    given = {name: values[name].strip() for name in names if name not in errors}
    text = _VARIABLE.sub(lambda found: given.get(found[1], found[0]), template.body)
    if not errors and len(text) > LONGEST_BODY:
        longest = max(given, key=lambda name: len(given[name]), default="")
        errors[longest] = [f"With it the template has {len(text)} characters, and may have {LONGEST_BODY}."]
    if errors:
        raise BadVariables(errors)
    content = {"template": {"sid": template.sid, "name": template.name, "variables": given}, "text": text}
    return Planned("Template", content)


def _fault(value: str) -> str:
    value = value.strip()
    if not value:
        return "Fill this in: WhatsApp takes no empty variable."
    if _BREAKS.search(value):
        return "In one line, please: WhatsApp takes no line breaks, tabs or long gaps in a variable."
    return f"At most {LONGEST_VALUE} characters." if len(value) > LONGEST_VALUE else ""


def as_variables(values: Mapping[str, str]) -> str:
    """`ContentVariables`: a JSON object in a string."""
    return json.dumps(dict(values), ensure_ascii=False)


# --- At Twilio --------------------------------------------------------------------------------------------------------


async def fetch_all(account: Account) -> list[Template]:
    """All contents of the account, each with what WhatsApp says of it."""
    client = sdk.client(account)
    found: list[Template] = []
    with sdk.errors(client):
        page = await client.content.v1.content_and_approvals.page_async(page_size=PAGE_SIZE)
        for _ in range(MOST_PAGES):
            found += [_read(row) for row in page if row.sid and not _is_ours(row)]
            following = page.next_page_url
            if following is None:
                return found
            page = await client.content.v1.content_and_approvals.get_page_async(following)
    words = f"The account has more than {PAGE_SIZE * MOST_PAGES} templates."
    raise ProviderError(words, "Delete some that nobody uses, in Twilio's Content Template Builder.", permanent=True)


def _is_ours(row: ContentAndApprovalsInstance) -> bool:
    """Whether it is buttons of a message that we made, which nobody has handed in."""
    approval = str((row.approval_requests or {}).get("status") or "unsubmitted").lower()
    return str(row.friendly_name or "").startswith(OURS) and approval == "unsubmitted"


def _read(row: ContentAndApprovalsInstance) -> Template:
    types = {name: value for name, value in (row.types or {}).items() if isinstance(value, Mapping)}
    content_type = next(iter(types), "")
    shown = dict(types.get(content_type, {}))
    body = str(shown.pop("body", None) or shown.pop("title", None) or "")
    asked = row.approval_requests or {}
    approval = str(asked.get("status") or "unsubmitted").lower()
    return Template(
        sid=str(row.sid),
        name=str(asked.get("name") or row.friendly_name or row.sid)[:512],
        language=str(row.language or "")[:20],
        content_type=content_type[:60],
        body=body,
        extras={name: value for name, value in shown.items() if value not in (None, "", [])},
        variables={str(name): str(value) for name, value in (row.variables or {}).items()},
        category=str(asked.get("category") or "").upper()[:20],
        approval=approval if approval in _APPROVALS else "unknown",
        rejection_reason=str(asked.get("rejection_reason") or "")[:500],
    )


async def create(
    account: Account, name: str, language: str, types: Mapping[str, Any], samples: Mapping[str, str]
) -> str:
    """Make a content; its SID."""
    body: dict[str, Any] = {"friendly_name": name, "language": language, "types": types}
    if samples:
        body["variables"] = dict(samples)
    made = await sdk.post_json(sdk.client(account), f"{HOST}/v1/Content", body)
    sid = made.get("sid")
    if not isinstance(sid, str) or not sid:
        answer = json.dumps(made)[:300]
        raise ProviderError("Twilio's answer names no content.", "Try again.", ambiguous=True, answer=answer)
    return sid


async def delete(account: Account, sid: str) -> None:
    """Delete a content; one that is gone already is as good as deleted."""
    client = sdk.client(account)
    with sdk.errors(client):
        await client.content.v1.contents(sid).delete_async()
    answer = sdk.last(client)
    if answer.status != HTTPStatus.NOT_FOUND and not answer.is_success:
        raise codes.error_of(answer)


async def hand_in(account: Account, sid: str, name: str, category: str) -> str:
    """Ask WhatsApp to approve a content; what it says now."""
    uri = f"{HOST}/v1/Content/{sid}/ApprovalRequests/whatsapp"
    answer = await sdk.post_json(sdk.client(account), uri, {"name": name, "category": category})
    said = str(answer.get("status") or "received").lower()
    return said if said in _APPROVALS else "unknown"
