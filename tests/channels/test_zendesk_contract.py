"""What we send to Zendesk is what its descriptions take: Prism serves them and judges, and the keys are compared.

Not in these descriptions, so shown nowhere here but against the rehearsed Zendesk: webhooks and their signing secret,
OAuth tokens, and uploads (the description lacks their body and `filename`, so that Prism refuses correct ones).
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest
from django.conf import settings as project

from channels_app.providers import oauth, rest
from channels_app.providers.base import Account, Outgoing, ProviderError
from channels_app.providers.desk_port import CaseThere, KnownCase
from channels_app.providers.zendesk import looking, messaging, messaging_events, messaging_setup, setup, tickets
from channels_app.providers.zendesk.api import Api
from channels_app.providers.zendesk.messaging import Messaging
from convoship.lib.outbound import sending
from convoship.lib.outbound.sending import Answered
from tests.channels import prisms as prisms_of
from tests.channels.prisms import Description

FOLDER = Path(os.environ.get("CONVOSHIP_CONTRACTS") or project.BASE_DIR.parent / "shared" / "contracts")
PATHS = {
    "support": FOLDER / "zendesk_support.trimmed.swagger2.json",
    "conversations": FOLDER / "zendesk_sunshine_conversations.trimmed.json",
}
_ABSENT = [path.name for path in PATHS.values() if not path.is_file()]
pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(bool(_ABSENT), reason=f"contract absent: {', '.join(_ABSENT)} (CONVOSHIP_CONTRACTS)"),
]

HOOK = "https://convoship.example/v1/public/channels/zendesk/one"
APP, INTEGRATION, CONVERSATION = "5d8cff3cd55b040010928b5b", "029c31f25a21b47effd7be90", "c93bb9c14dde8ffb94564eae"
# What Zendesk's pages say in prose alone. Side-loading and pages by cursors hold for all of its lists; the new tags of
# a ticket stand beside its others (developer.zendesk.com/documentation/ticketing/managing-tickets/
# creating-and-updating-tickets).
IN_PROSE = {
    "PUT /api/v2/tickets/{ticket_id}": {"body.ticket.additional_tags"},
    "GET /api/v2/tickets/{ticket_id}": {"include"},
    "GET /api/v2/tickets/{ticket_id}/comments": {"sort", "page[size]", "page[after]"},
    "GET /api/v2/triggers": {"page[size]", "page[after]"},
}
# Of what is no part of the descriptions: answered here, so that the calls after it are made.
ELSEWHERE: dict[str, Any] = {
    "/oauth/tokens": {"access_token": "a-token", "expires_in": 3600},
    "/api/v2/webhooks": {"webhooks": [{"id": "01HOOK", "name": "Ours", "endpoint": HOOK, "status": "active"}]},
    "/api/v2/webhooks/01HOOK/signing_secret": {"signing_secret": {"secret": "s3cret"}},
}
TICKET = {"id": 35436, "status": "open", "requester_id": 20978392, "assignee_id": 235323}
MADE = {"ticket": TICKET, "audit": {"events": [{"id": 206091192546, "type": "Comment"}]}}
BOARD, SEAT = "5ef21b132f21af34f088530d", "5ef21b86e933b7355c11c604"


@dataclass
class Watched:
    """Calls on their way to Prism, which judges them; the adapter goes on with answers that fit its case."""

    descriptions: dict[str, Description]
    answers: dict[str, Any] = field(default_factory=dict)
    with_credentials: bool = True
    operations: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    unknown: set[tuple[str, str]] = field(default_factory=set)

    async def send(self, method: str, url: str, **more: Any) -> Answered:
        # Prism serves the Conversations API without the path that it has at Zendesk.
        url, is_conversations = url.replace("/sc/v2/", "/v2/"), "/sc/v2/" in url
        path = urlsplit(url).path
        if path in ELSEWHERE:
            return Answered(200, {}, json.dumps(ELSEWHERE[path]).encode())
        description = self.descriptions["conversations" if is_conversations else "support"]
        operation = self._note(description, method, url, more.get("content"))
        if not self.with_credentials:
            headers = {name: value for name, value in more["headers"].items() if name != "authorization"}
            more = {**more, "headers": headers, "auth": None}
        judged = await sending.send(method, url, **{**more, "content": self._judged_by_prism(more.get("content"))})
        self.statuses.append(judged.status)
        if judged.is_success and operation in self.answers:
            return Answered(judged.status, judged.headers, json.dumps(self.answers[operation]).encode())
        return judged

    def _judged_by_prism(self, content: bytes | None) -> bytes | None:
        """A body without its buttons.

        Which of the kinds a button is, the description says by its `type` alone (`discriminator`), which Prism doesn't
        heed: each button is several of them, and refused. They are judged here by the kind that they say they are.
        """
        body = json.loads(content) if content else None
        actions = body["content"].pop("actions", []) if isinstance(body, dict) and "content" in body else []
        described = self.descriptions["conversations"]
        for one in actions:
            assert described.missing_in({"$ref": "#/components/schemas/action"}, one) == set(), one
        return json.dumps(body).encode() if actions else content

    def _note(self, description: Description, method: str, url: str, content: bytes | None) -> str:
        operation, _, _ = description.operation_of(method, url)
        self.operations.append(operation)
        keys = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
        unknown = keys - description.names(method, url)
        if content:
            unknown |= description.unknown_in(description.json_schema_of(method, url), json.loads(content), "body")
        self.unknown |= {(operation, one) for one in unknown - IN_PROSE.get(operation, set())}
        return operation


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """The address of a Prism for each description."""
    with prisms_of.serving(PATHS) as found:
        yield found


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Watched:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    monkeypatch.setattr(oauth, "_kept", {})
    found = Watched({name: Description(path) for name, path in PATHS.items()}, dict(ANSWERS))
    monkeypatch.setattr(rest, "send", found.send)
    return found


def account(url: str, **config: Any) -> Account:
    given = {"client_id": "convoship", "client_secret": "secret"}
    config = {"subdomain": "acme", "app_id": APP, "integration_id": INTEGRATION, **config}
    return Account(uuid4(), "Zendesk", config, given, {}, HOOK, "", url)


KEY = f"{uuid4()}.1"
OPENING = {
    "requester": {"external_id": "convoship:1", "name": "Ada", "email": "ada@example.com"},
    "ticket": {
        "subject": "My kettle leaks.",
        "tags": ["convoship"],
        "external_id": KEY,
        "group_id": 98738,
        "priority": "high",
    },
    "text": "My kettle leaks.",
    "files": [],
}
SAYING = {"turns": [{"text": "It is the red one.", "files": [], "at": ""}]}
THERE = CaseThere("35436", "#35436", "", {"requester_id": 20978392})
KNOWN = KnownCase(KEY, THERE)
# What an operation answers, where the description's own example would not lead on.
ANSWERS: dict[str, Any] = {
    "POST /api/v2/users/create_or_update": {"user": {"id": 20978392}},
    "GET /api/v2/search": {"results": []},
    "GET /api/v2/users/me": {"user": {"id": 1, "name": "Convoship", "role": "admin"}},
    "POST /api/v2/tickets": MADE,
    "PUT /api/v2/tickets/{ticket_id}": MADE,
    "GET /api/v2/tickets/{ticket_id}": {"ticket": TICKET, "users": []},
    "GET /api/v2/tickets/{ticket_id}/comments": {"comments": [], "meta": {"has_more": False}},
    "GET /api/v2/tickets": {"tickets": []},
    "GET /api/v2/triggers": {"triggers": []},
    "GET /v2/apps/{appId}/switchboards": {"switchboards": [{"id": BOARD, "defaultSwitchboardIntegrationId": SEAT}]},
    "GET /v2/apps/{appId}/switchboards/{switchboardId}/switchboardIntegrations": {
        "switchboardIntegrations": [{"id": SEAT, "integrationId": INTEGRATION, "deliverStandbyEvents": True}]
    },
    "GET /v2/apps/{appId}/integrations/{integrationId}/webhooks": {"webhooks": []},
}
OURS = {"id": 73, "actions": [{"field": "notification_webhook", "value": ["01HOOK", "{}"]}]}
THEIR_HOOK = {"webhooks": [{"id": "5e554d2cac66fb73a3c01871", "target": HOOK, "triggers": []}]}

Call = Callable[[str], Awaitable[Any]]


def outgoing(content: Any, case: KnownCase | None = KNOWN) -> Outgoing:
    return Outgoing(str(uuid4()), KEY, content, case=case)


# --- Tickets ----------------------------------------------------------------------------------------------------------


async def _open(url: str) -> Any:
    return await tickets.send(Api(account(url)), outgoing(OPENING, KnownCase(KEY)))


async def _open_again(url: str) -> Any:
    return await tickets.send(Api(account(url)), outgoing(OPENING, KnownCase(KEY, None, THERE)))


async def _say(url: str) -> Any:
    return await tickets.send(Api(account(url)), outgoing(SAYING))


async def _note(url: str) -> Any:
    return await tickets.send(Api(account(url)), outgoing({"note": "Over.", "solves": True}))


async def _look_up(url: str) -> Any:
    return await tickets.look_up(Api(account(url)), outgoing(OPENING))


async def _look_up_comment(url: str) -> Any:
    return await tickets.look_up(Api(account(url)), outgoing(SAYING))


async def _look(url: str) -> Any:
    return await looking.look_at(Api(account(url)), KNOWN)


async def _check(url: str) -> Any:
    found = await setup.check(account(url))
    assert next(one.words for one in found.findings if not one.is_good) == "No active trigger uses the webhook."
    return found


async def _register(url: str) -> Any:
    found = await setup.register(account(url))
    assert found.is_good, found
    return found


# --- Messaging --------------------------------------------------------------------------------------------------------


async def _speak(url: str) -> Any:
    actions = [{"type": "reply", "text": "Yes", "payload": "yes"}]
    content = {"conversation": CONVERSATION, "text": "Well?", "actions": actions, "name": "Ava"}
    return await messaging.send(Messaging(account(url)), outgoing(content))


async def _speak_with_links(url: str) -> Any:
    actions = [{"type": "link", "text": "Open", "uri": "https://example.com/"}]
    content = {"conversation": CONVERSATION, "text": "See:", "actions": actions}
    return await messaging.send(Messaging(account(url)), outgoing(content))


async def _pass(url: str) -> Any:
    metadata = {"convoship_case": KEY, "dataCapture.systemField.tags": "convoship"}
    content = {"conversation": CONVERSATION, "control_to": "next", "metadata": metadata}
    return await messaging.send(Messaging(account(url)), outgoing(content))


async def _pass_back(url: str) -> Any:
    content = {"conversation": CONVERSATION, "control_to": "us", "metadata": {"convoship_case": KEY}}
    return await messaging.send(Messaging(account(url)), outgoing(content))


async def _find_message(url: str) -> Any:
    return await messaging.look_up(Messaging(account(url)), outgoing({"conversation": CONVERSATION, "text": "Well?"}))


async def _look_in(url: str) -> Any:
    return await messaging_events.look_at(Messaging(account(url)), KnownCase(KEY, CaseThere(CONVERSATION)))


async def _check_app(url: str) -> Any:
    return await messaging_setup.check(account(url))


async def _hook(url: str) -> Any:
    found = await messaging_setup.register(account(url))
    assert found.is_good, found
    return found


GOOD = [
    pytest.param("support", _open, {}, id="open a ticket"),
    pytest.param("support", _open_again, {}, id="go on in a ticket"),
    pytest.param("support", _say, {}, id="add a comment"),
    pytest.param("support", _note, {}, id="add a note and solve"),
    pytest.param("support", _look_up, {}, id="look a ticket up"),
    pytest.param("support", _look_up_comment, {}, id="look a comment up"),
    pytest.param("support", _look, {}, id="look at a ticket"),
    pytest.param("support", _check, {}, id="test"),
    pytest.param("support", _register, {}, id="make the trigger"),
    pytest.param("support", _register, {"GET /api/v2/triggers": {"triggers": [OURS]}}, id="mend the trigger"),
    pytest.param("conversations", _speak, {}, id="speak with buttons"),
    pytest.param("conversations", _speak_with_links, {}, id="speak with links"),
    pytest.param("conversations", _pass, {}, id="pass control on"),
    pytest.param("conversations", _pass_back, {}, id="pass control back"),
    pytest.param("conversations", _find_message, {}, id="look a message up"),
    pytest.param("conversations", _look_in, {}, id="look into a conversation"),
    pytest.param("conversations", _check_app, {}, id="test messaging"),
    pytest.param("conversations", _hook, {}, id="make the webhook"),
    pytest.param(
        "conversations",
        _hook,
        {"GET /v2/apps/{appId}/integrations/{integrationId}/webhooks": THEIR_HOOK},
        id="mend the webhook",
    ),
]
# Whatever the adapter asks of what is described.
CALLED = {
    "GET /api/v2/tickets",
    "POST /api/v2/tickets",
    "GET /api/v2/tickets/{ticket_id}",
    "PUT /api/v2/tickets/{ticket_id}",
    "GET /api/v2/tickets/{ticket_id}/comments",
    "POST /api/v2/users/create_or_update",
    "GET /api/v2/search",
    "GET /api/v2/users/me",
    "GET /api/v2/triggers",
    "POST /api/v2/triggers",
    "PUT /api/v2/triggers/{trigger_id}",
    "GET /v2/apps/{appId}",
    "GET /v2/apps/{appId}/conversations/{conversationId}",
    "GET /v2/apps/{appId}/conversations/{conversationId}/messages",
    "POST /v2/apps/{appId}/conversations/{conversationId}/messages",
    "POST /v2/apps/{appId}/conversations/{conversationId}/passControl",
    "GET /v2/apps/{appId}/switchboards",
    "GET /v2/apps/{appId}/switchboards/{switchboardId}/switchboardIntegrations",
    "GET /v2/apps/{appId}/integrations/{integrationId}/webhooks",
    "POST /v2/apps/{appId}/integrations/{integrationId}/webhooks",
    "PATCH /v2/apps/{appId}/integrations/{integrationId}/webhooks/{webhookId}",
}


@pytest.mark.parametrize(("which", "call", "answers"), GOOD)
async def test_what_we_ask_for_is_what_the_description_takes(
    urls: dict[str, str], watched: Watched, which: str, call: Call, answers: dict[str, Any]
) -> None:
    watched.answers |= answers
    await call(urls[which])
    assert watched.statuses
    assert all(200 <= status < 300 for status in watched.statuses), list(
        zip(watched.operations, watched.statuses, strict=True)
    )
    assert watched.unknown == set()
    assert set(watched.operations) <= CALLED


async def test_every_operation_that_the_adapter_calls_is_among_them(urls: dict[str, str], watched: Watched) -> None:
    for param in GOOD:
        which, call, answers = param.values
        watched.answers = {**ANSWERS, **answers}  # type: ignore[dict-item]
        await call(urls[str(which)])  # type: ignore[operator]
    assert set(watched.operations) == CALLED


# --- What is refused --------------------------------------------------------------------------------------------------


def support(method: str, path: str, body: Any = None, **query: str) -> Call:
    return lambda url: Api(account(url)).call(method, path, body, query=query or None)


def conversations(method: str, path: str, body: Any = None, **query: str) -> Call:
    return lambda url: Messaging(account(url)).call(method, path, body, query=query or None)


_MESSAGES = f"/conversations/{CONVERSATION}/messages"
_HOOKS = f"/integrations/{INTEGRATION}/webhooks"
_TEXT = {"type": "text", "text": "hello"}
BAD = [
    pytest.param("support", support("POST", "/api/v2/tickets", {"ticket": "one"}), id="open what is no ticket"),
    pytest.param(
        "support", support("POST", "/api/v2/tickets", {"ticket": {"priority": "nope"}}), id="open with odd priority"
    ),
    pytest.param("support", support("PUT", "/api/v2/tickets/1", {"ticket": {"status": "zzz"}}), id="set no status"),
    pytest.param("support", support("PUT", "/api/v2/tickets/abc", {"ticket": {}}), id="change no ticket"),
    pytest.param("support", support("GET", "/api/v2/tickets/abc"), id="look at no ticket"),
    pytest.param("support", support("GET", "/api/v2/tickets/abc/comments"), id="list the comments of no ticket"),
    pytest.param(
        "support", support("POST", "/api/v2/users/create_or_update", {"name": "Ada"}), id="make a user that is none"
    ),
    pytest.param("support", support("GET", "/api/v2/search"), id="search for nothing"),
    pytest.param("support", support("GET", "/api/v2/triggers", active="perhaps"), id="list triggers perhaps"),
    pytest.param("support", support("POST", "/api/v2/triggers", {"trigger": {"active": "yes"}}), id="make no trigger"),
    pytest.param("support", support("PUT", "/api/v2/triggers/x", {"trigger": {}}), id="change no trigger"),
    pytest.param(
        "conversations",
        conversations("POST", _MESSAGES, {"author": {"type": "robot"}, "content": _TEXT}),
        id="speak as a robot",
    ),
    pytest.param("conversations", conversations("POST", _MESSAGES, {"author": {"type": "business"}}), id="say nothing"),
    pytest.param(
        "conversations",
        conversations("POST", _MESSAGES, {"author": {"type": "business"}, "content": {**_TEXT, "text": "x" * 4097}}),
        id="say too much",
    ),
    pytest.param(
        "conversations",
        conversations("GET", _MESSAGES, **{"page[before]": "short"}),
        id="list messages before none",
    ),
    pytest.param(
        "conversations",
        conversations("POST", f"/conversations/{CONVERSATION}/passControl", {"metadata": {}}),
        id="pass control to nobody",
    ),
    pytest.param("conversations", conversations("POST", _HOOKS, {"target": HOOK}), id="make a webhook of no triggers"),
    pytest.param(
        "conversations",
        conversations("PATCH", f"{_HOOKS}/5e554d2cac66fb73a3c01871", {"triggers": "all"}),
        id="change a webhook to all",
    ),
]
# Nothing else can be wrong with these.
UNKNOWN_CALLER = [
    pytest.param("support", support("GET", "/api/v2/tickets", external_id="1"), id="list tickets"),
    pytest.param("support", support("GET", "/api/v2/users/me"), id="who am I"),
    pytest.param("conversations", conversations("GET", ""), id="show the app"),
    pytest.param("conversations", conversations("GET", f"/conversations/{CONVERSATION}"), id="show a conversation"),
    pytest.param("conversations", conversations("GET", "/switchboards"), id="list switchboards"),
    pytest.param(
        "conversations", conversations("GET", f"/switchboards/{BOARD}/switchboardIntegrations"), id="list who"
    ),
    pytest.param("conversations", conversations("GET", _HOOKS), id="list webhooks"),
]


@pytest.mark.parametrize(("which", "call"), BAD)
async def test_what_the_description_refuses_is_refused(
    urls: dict[str, str], watched: Watched, which: str, call: Call
) -> None:
    with pytest.raises(ProviderError) as found:
        await call(urls[which])
    # 400 where the description itself says what a wrong body is answered.
    assert found.value.http_status in {400, 422}
    assert watched.statuses == [found.value.http_status]


@pytest.mark.parametrize(("which", "call"), UNKNOWN_CALLER)
async def test_who_brings_no_credentials_is_refused(
    urls: dict[str, str], watched: Watched, which: str, call: Call
) -> None:
    watched.with_credentials = False
    with pytest.raises(ProviderError) as found:
        await call(urls[which])
    assert found.value.http_status == 401
    assert set(watched.statuses) == {401}


async def test_something_is_refused_of_every_operation(urls: dict[str, str], watched: Watched) -> None:
    for param in [*BAD, *UNKNOWN_CALLER]:
        which, call = param.values
        watched.with_credentials = param not in UNKNOWN_CALLER
        with pytest.raises(ProviderError):
            await call(urls[str(which)])  # type: ignore[operator]
    assert set(watched.operations) == CALLED
