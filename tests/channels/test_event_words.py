"""Whatever a desk tells of, and is told, is called by plain words on the pages: no type names, no codes, no keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import enqueueing, event_words
from channels_app.models import Connection, Delivery, InboundEvent
from channels_app.providers import desk_port
from channels_app.providers.base import Account, InboundRequest
from channels_app.providers.code_words import in_words
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent, StatusReported, event_of
from channels_app.providers.genesys import webhooks as genesys
from channels_app.providers.servicenow import va_events
from channels_app.providers.servicenow import webhooks as servicenow
from channels_app.providers.zendesk import messaging_events
from channels_app.providers.zendesk import webhooks as zendesk
from channels_app.rehearsal import rehearsing
from convoship.lib.tenancy import tenant
from deployments.models.handoff import HandoffCause, HandoffOutcome, HandoffState
from tests import factories
from tests.pages.conftest import browser_of, words
from workspaces.models import Workspace

# camelCase, snake_case, `a:b`, `a.b`, JSON, UUIDs.
CODE = re.compile(r"[a-z][A-Z]|_|\w[:.]\w|[{}\[\]]|[0-9a-f]{8}-[0-9a-f]{4}")
NAMES = re.compile(r"ServiceNow|WhatsApp")


def is_plain(text: str) -> bool:
    return bool(text) and CODE.search(NAMES.sub("", text)) is None


SAYS = [one for one in get_args(get_type_hints(DeskSaid)["says"]) if one]


@pytest.mark.parametrize("says", SAYS)
@pytest.mark.parametrize("name", ["", "Olga"])
def test_what_a_desk_says_is_called_by_who_did_what(says: Any, name: str) -> None:
    said = event_words.words_of(DeskSaid(key="k", says=says, name=name))
    assert is_plain(said)
    assert said != "Something else"
    if name and says not in {"changed", "visitor", "ended", "lapsed"}:
        assert said.startswith("Olga ")


# docs.smooch.io/rest, Webhooks: event types; and one that is new.
SMOOCH = [
    *("client:add", "client:remove", "client:update", "conversation:create", "conversation:join"),
    *("conversation:leave", "conversation:remove", "conversation:message", "conversation:message:delivery:channel"),
    *("conversation:message:delivery:failure", "conversation:message:delivery:user", "conversation:postback"),
    *("conversation:read", "conversation:referral", "conversation:typing", "switchboard:acceptControl"),
    *("switchboard:acceptControl:failure", "switchboard:offerControl", "switchboard:offerControl:failure"),
    *("switchboard:passControl", "switchboard:passControl:failure", "switchboard:releaseControl", "user:merge"),
    *("switchboard:releaseControl:failure", "user:update", "user:remove", "conversation:new_kind", ""),
]
GENESYS = ["Text", "Structured", "Event", "Receipt", "Message", "Notification", "newKind_of", ""]
GENESYS_EVENTS = ["Typing", "CoBrowse", "Presence", "Video", "Reactions", "new_kind"]
GENESYS_RECEIPTS = ["Sent", "Delivered", "Read", "Failed", "Published", "Removed", "new_Status"]
# ServiceNowDocs, virtual-agent-api-whats-new.md: action types; and some that are new.
ACTIONS = [
    *("StartSpinner", "EndSpinner", "StartTypingIndicator", "EndTypingIndicator", "SwitchToLiveAgent"),
    *("SwitchToVirtualAgent", "EndChat", "end_conversation", "System", "Topic", "BrandNewAction", "brand_new", ""),
]


def request(body: Any, part: str = "") -> InboundRequest:
    raw = json.dumps(body).encode()
    return InboundRequest("POST", "https://e.example/in", part, {}, {}, "application/json", raw, timezone.now())


def told() -> Iterator[ProviderEvent]:
    """An event of every type that the three desks tell of."""
    yield from zendesk.parse(request({"ticket_id": "35436"}))
    yield from zendesk.parse(request({"type": "zen:event-type:ticket.comment_added", "detail": {}}))
    account = Account(uuid4(), "Z", {"integration_id": "us"}, {}, {}, "", "", "")
    for kind in SMOOCH:
        for owner in ("us", "them"):
            where = {"id": "c1", "activeSwitchboardIntegration": {"integrationId": owner}}
            event = {"id": "e1", "type": kind, "payload": {"conversation": where, "message": {"id": "m1"}}}
            yield from messaging_events.parse(str(account.config["integration_id"]), request({"events": [event]}))
    for does in ("return", "end"):
        yield from genesys.parse(request({"conversation_id": "c1", "does": does}, genesys.RETURN))
    channel = {"to": {"id": "visitor"}, "time": "2026-11-22T10:00:00.000Z"}
    for kind in GENESYS:
        yield from genesys.parse(request({"id": "m1", "type": kind, "channel": channel, "direction": "Outbound"}))
    for kind in GENESYS_EVENTS:
        events = [{"eventType": kind}]
        yield from genesys.parse(request({"id": "m1", "type": "Event", "channel": channel, "events": events}))
    for status in GENESYS_RECEIPTS:
        for direction in ("Inbound", "Outbound"):
            body = {"id": "m1", "type": "Receipt", "channel": channel, "direction": direction, "status": status}
            yield from genesys.parse(request(body))
    yield from genesys.parse(request({"direction": "Inbound"}))
    yield from servicenow.parse(request({"table": "incident", "sys_id": "a" * 32}))
    yield from servicenow.parse(request({"table": "incident", "sys_id": "nobody's_id"}))
    yield from va_events.parse(request({"requestId": "r", "nowSessionId": "s", "userId": "u"}))
    for action in ACTIONS:
        for is_agent in (True, False):
            element = {"uiType": "ActionMsg", "actionType": action, "messageId": uuid4().hex}
            yield from va_events.parse(request({"body": [element], "agentChat": is_agent}))
    for more in ({"completed": True}, {"takeControl": True}):
        yield from va_events.parse(request({"body": [], **more}))


def test_every_event_of_the_three_desks_is_called_by_plain_words() -> None:
    events = list(told())
    assert len(events) > 100
    for event in events:
        said = event_words.words_of(event_of(event.kind, event.as_json()))
        assert is_plain(said), (said, event)
        assert said != "Something else", event
        if isinstance(event, StatusReported):
            assert is_plain(event_words.excerpt_of(event, event.as_json())), event
        if isinstance(event, NotUsed):
            assert is_plain(event.what), event


TOLD = [getattr(desk_port, name) for name in ("OPENED", "TRANSCRIPT", "MESSAGE", "CLOSED", "UNDELIVERED", "RECEIPT")]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["zendesk", "genesys", "servicenow"])
def test_the_pages_of_a_desks_connection_are_in_plain_words(kind: str) -> None:
    workspace: Workspace = factories.make_workspace()
    with tenant(workspace.id):
        assistant = factories.make_assistant(workspace)
        who = factories.actor(workspace)
        row = rehearsing.begin(who, kind=kind, assistant_id=assistant.id).connection
        row.name = "Desk"
        row.save()
        made = [send(row, what) for what in (*TOLD, "message")]
        for event in told():
            receive(row, event)
    member = browser_of(workspace, factories.owner_of(workspace))
    path = f"/app/channels/{row.id}"
    pages = [f"{path}/deliveries", f"{path}/events", *(f"{path}/deliveries/{one.id}/live" for one in made)]
    for page in pages:
        read = words(member.get(page))
        # What is for programs, and says so.
        read = re.sub(r"(Delivery|id) [0-9a-f-]{36}", "", read)
        for code in (*TOLD, *SMOOCH, *ACTIONS, "newKind_of", "CoBrowse", "new_Status"):
            if CODE.search(code):
                assert code not in read, (page, code)
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", read), page


def send(row: Connection, what: str) -> Delivery:
    made = enqueueing.enqueue_alone(row, what, {}, f"{uuid4()}.1")
    return Delivery.objects.get(id=made.id)


def receive(row: Connection, event: ProviderEvent) -> None:
    InboundEvent.objects.create(
        connection=row,
        key=uuid4().hex,
        kind=event.kind,
        content=event.as_json(),
        body_digest=b"",
        due_at=timezone.now(),
        state="handled",
    )


def test_the_states_of_a_hand_over_are_plain_words() -> None:
    for label in (*HandoffState.labels, *HandoffCause.labels, *HandoffOutcome.labels):
        assert is_plain(str(label))


def test_codes_are_written_as_people_write_them() -> None:
    given = ["StartSpinner", "conversation:typing", "new_kind", "HTTPError", "handoff.opened", "", None, "Read"]
    made = ["start spinner", "conversation typing", "new kind", "HTTP error", "handoff opened", "", "", "read"]
    assert [in_words(one) for one in given] == made
