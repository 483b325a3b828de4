"""Messaging: customers write in Zendesk, the assistant is one integration of the switchboard, agents are another.

github.com/zendesk/sunshine-conversations-api-spec (openapi.yaml 17.12); docs.smooch.io/guide/switchboard. Nothing is
answered unless the switchboard says that our integration is the active one.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from channels_app import replies
from channels_app.providers import rest, sent_files, transcripts
from channels_app.providers.base import Account, Outgoing, Planned, ProviderError, Receipt
from channels_app.providers.desk_port import CLOSED, OPENED, CaseThere
from channels_app.providers.zendesk.api import SERVICE, said
from convoship.lib.times import moment
from deployments.desks import Case
from deployments.models import Message
from deployments.models.conversation import AuthorKind
from deployments.models.handoff import HandoffOutcome

LONGEST_TEXT = 4096
MOST_ACTIONS = 10
# Of a pass of control 4 KB of metadata are taken, in bytes of their JSON; how that is written there nobody says.
LARGEST_METADATA = 3800
CLOCKS_DIFFER = dt.timedelta(seconds=30)
# What our own messages are known by where they come back.
OURS = "convoship"
_REMEDIES = {
    401: "Make a key in Admin Center, Apps and integrations, APIs, Conversations API, and write its ID and secret in "
    "the connection's settings.",
    403: "The key belongs to another app, or the plan has no Conversations API: compare the app's ID.",
    404: "The conversation or the app is not there: compare the app's ID in Admin Center, Conversations API.",
}


class Messaging:
    """One connection's app."""

    def __init__(self, account: Account) -> None:
        self.account = account
        root = account.base_url or f"https://{account.config['subdomain']}.zendesk.com"
        self.base = f"{root}/sc/v2/apps/{account.config['app_id']}"
        self.integration = str(account.config.get("integration_id", ""))

    async def call(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What a path answers; `ProviderError` where that is no 2xx of JSON."""
        pair = (self.account.credentials.get("client_id", ""), self.account.credentials.get("client_secret", ""))
        answer = await rest.ask(method, f"{self.base}{path}", query=query, body=body, auth=pair)
        if not answer.is_success:
            raise rest.failure(answer, SERVICE, _errors(answer), is_write=method != "GET", remedies=_REMEDIES)
        return rest.read(answer, SERVICE)


def _errors(answer: Any) -> str:
    """`{errors: [{code, title}]}`, as Sunshine Conversations says it."""
    try:
        found = rest.read(answer, SERVICE).get("errors")
    except ProviderError:
        return ""
    told = [str(one.get("title", "")) for one in found or () if isinstance(one, Mapping)]
    return " ".join(told)[:200] or said(answer)


# --- Planned ----------------------------------------------------------------------------------------------------------


def messages(of: Sequence[Message], address: str, workspace_id: Any, *, agents_have_it: bool = False) -> list[Planned]:
    """Texts with buttons, a long one in pieces; of a conversation that Zendesk's agents have no notices.

    What an agent said at Zendesk was read there, and is not said again.
    """
    planned = []
    for message in of:
        is_shown_there = agents_have_it and message.author_kind == AuthorKind.SYSTEM
        if is_shown_there or is_said_there(message):
            continue
        actions = _actions(message)
        text = replies.as_text(_without_buttons(message) if actions else message)
        text, links = sent_files.with_links(text, sent_files.here(message.attachments), workspace_id)
        pieces = transcripts.in_pieces(text.split("\n"), LONGEST_TEXT) or [""]
        for place, piece in enumerate(pieces):
            content: dict[str, Any] = {"conversation": address, "text": piece}
            content |= {"actions": actions} if actions and place == len(pieces) - 1 else {}
            content |= {"links": links} if links else {}
            content |= {"name": message.author_name} if message.author_name else {}
            content |= {"is_ai": True} if message.author_kind == AuthorKind.ASSISTANT else {}
            planned.append(Planned("message", content, [message]))
    return planned


def is_said_there(message: Message) -> bool:
    """Whether it came from the desk: `desks.take` posts those under such an id."""
    return message.author_kind == AuthorKind.AGENT and str(message.client_id or "").startswith("desk:")


class _Plain:
    """A message without its buttons, for `replies.as_text`."""

    def __init__(self, message: Message) -> None:
        self.text = message.text
        self.blocks = [one for one in message.blocks if one["type"] != "buttons"]


def _without_buttons(message: Message) -> Any:
    return _Plain(message)


def _actions(message: Message) -> list[dict[str, str]]:
    """Reply buttons and links; none where there are too many, which then stand in the text."""
    found: list[dict[str, str]] = []
    for block in message.blocks:
        if block["type"] != "buttons":
            continue
        for button in block.get("buttons", ()):
            if button.get("payload"):
                found.append({"type": "reply", "text": button["label"], "payload": button["payload"]})
            elif button.get("url"):
                found.append({"type": "link", "text": button["label"], "uri": button["url"]})
    kinds = {one["type"] for one in found}
    # Reply buttons go with nothing else.
    return found if len(found) <= MOST_ACTIONS and len(kinds) == 1 else []


def opened(case: Case, of: Sequence[Message], page: str, address: str) -> list[Planned]:
    """Control is passed on, with what agents have to know in the metadata: it fills the ticket."""
    visitor = transcripts.visitor_of(case)
    lines = [*transcripts.facts(case, page), "", *transcripts.whole(case, of)]
    metadata = {
        "convoship_case": case.key,
        "convoship_conversation": str(case.conversation.id),
        "convoship_page": page,
        "convoship_visitor": visitor.shown[:100],
        "convoship_reason": case.handoff.reason[:200],
        "dataCapture.systemField.tags": "convoship",
    }
    # Zendesk shows its agents the last messages of the conversation: this is for what came before them.
    name = "convoship_transcript"
    metadata[name] = _latest("\n".join(lines), LARGEST_METADATA - _size({**metadata, name: ""}))
    return [Planned(OPENED, {"conversation": address, "control_to": "next", "metadata": metadata})]


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _latest(text: str, most: int) -> str:
    """The end of a text, that takes at most so many bytes in JSON."""
    if _size(text) <= most:
        return text
    start = len(text)
    left = most - _size("…")
    while start and (left := left - (_size(text[start - 1]) - 2)) >= 0:
        start -= 1
    return f"…{text[start:]}"


def closed(case: Case, outcome: str, address: str) -> list[Planned]:
    """Control comes back to us, unless the conversation is over."""
    if outcome in {HandoffOutcome.ENDED, HandoffOutcome.RESOLVED}:
        return []
    return [Planned(CLOSED, {"conversation": address, "control_to": "us", "metadata": {"convoship_case": case.key}})]


# --- Sent -------------------------------------------------------------------------------------------------------------


async def send(api: Messaging, what: Outgoing) -> Receipt:
    """A message, or a pass of control."""
    path = f"/conversations/{what.content['conversation']}"
    if "control_to" in what.content:
        to = what.content["control_to"]
        target = "next" if to == "next" else (await own_switchboard_integration(api))[0]
        body = {"switchboardIntegration": target, "metadata": what.content["metadata"]}
        await api.call("POST", f"{path}/passControl", body)
        ref = str(what.content["conversation"])
        return Receipt("delivered", http_status=200, case=_there(what, ref) if to == "next" else None)
    author: dict[str, Any] = {"type": "business"}
    # Zendesk tells customers of such messages that they were written by AI (openapi.yaml, author.subtypes).
    author |= {"subtypes": ["AI"]} if what.content.get("is_ai") else {}
    author |= {"displayName": what.content["name"]} if what.content.get("name") else {}
    content: dict[str, Any] = {"type": "text", "text": what.content["text"]}
    content |= {"actions": what.content["actions"]} if what.content.get("actions") else {}
    body = {"author": author, "content": content, "metadata": {OURS: what.key}}
    found = await api.call("POST", f"{path}/messages", body)
    made = (found.get("messages") or [{}])[0]
    return Receipt("accepted", str(made.get("id", "")), http_status=201)


async def look_up(api: Messaging, what: Outgoing) -> Receipt | None:
    """A message by the key in its metadata; a pass of control by who has it."""
    path = f"/conversations/{what.content['conversation']}"
    if "control_to" in what.content:
        active = await active_integration(api, str(what.content["conversation"]))
        is_ours = active.get("integrationId") == api.integration
        if is_ours == (what.content["control_to"] == "us"):
            ref = str(what.content["conversation"])
            return Receipt("delivered", case=_there(what, ref) if not is_ours else None)
        return None
    # The newest hundred: a page has no other size (openapi.yaml, listMessages).
    found = await api.call("GET", f"{path}/messages")
    for one in found.get("messages") or ():
        if (one.get("metadata") or {}).get(OURS) == what.key:
            return Receipt("accepted", str(one["id"]))
    return None


def _there(what: Outgoing, ref: str) -> CaseThere:
    """The conversation there, and from when on what is said in it is an agent's; clocks differ by a little."""
    since = (what.since or timezone.now()) - CLOCKS_DIFFER
    return CaseThere(ref, f"Conversation {ref[:8]}", "", {"passed": True, "since": moment(since)})


async def active_integration(api: Messaging, conversation: str) -> Mapping[str, Any]:
    """Who has control of a conversation; nothing where nobody has."""
    found = await api.call("GET", f"/conversations/{conversation}")
    return (found.get("conversation") or {}).get("activeSwitchboardIntegration") or {}


async def own_switchboard_integration(api: Messaging) -> tuple[str, bool]:
    """The id that control is passed to us by, as a type or name may be ambiguous; and whether we hear others."""
    for board in (await api.call("GET", "/switchboards")).get("switchboards") or ():
        found = await api.call("GET", f"/switchboards/{board['id']}/switchboardIntegrations")
        for one in found.get("switchboardIntegrations") or ():
            if one.get("integrationId") == api.integration:
                return str(one["id"]), bool(one.get("deliverStandbyEvents"))
    raise ProviderError(
        "The integration is in no switchboard, so control can't be passed back to it.",
        "Add it in Admin Center, Conversations integrations, and choose it as first responder in messaging.",
        permanent=True,
        blame="connection",
    )
