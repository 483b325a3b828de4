"""Run with the product's environment, and what is wanted as JSON: makes what loads need, and prints it as JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

import django
from django.utils import timezone

# An outbox has so many conversations, each with so many messages to be sent. No conversation has more than one under
# way, and no workspace more than a quarter of a drain's places.
CONVERSATIONS, MESSAGES = 24, 6


def main(
    *,
    sessions: int,
    provider: str,
    model: int,
    ear: int,
    mouth: int,
    outboxes: int = 0,
    inbox: int = 0,
    readers: int = 0,
    calls: int = 0,
    sounding: int = 0,
) -> dict[str, Any]:
    """What the loads need to know. `provider` is the address that the outboxes are sent to; the others are ports."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
    django.setup()
    from django.conf import settings
    from django.test import Client

    from tests import factories

    workspace = factories.make_workspace()
    made = factories.make_deployment(workspace)
    opened = [factories.start_session(made) for _ in range(sessions)]

    def cookie_of(user: Any) -> str:
        member = Client()
        member.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
        return f"{settings.SESSION_COOKIE_NAME}={member.cookies[settings.SESSION_COOKIE_NAME].value}"

    return {
        "origin": made.deployment.allowed_origins[0],
        "agent_id": str(made.deployment.assistant_id),
        "token": made.token,
        "cookie": cookie_of(factories.owner_of(workspace)),
        "inbox_cookie": cookie_of(_inbox(inbox)) if inbox else "",
        "sessions": [
            {"id": str(one.session.id), "conversation": str(one.session.conversation_id), "token": one.token}
            for one in opened
        ],
        "hook": _connection(provider)[1],
        "outboxes": [_outbox(provider) for _ in range(outboxes)],
        "readers": _readers(readers, model),
        "telephone": _telephone(model) if calls else "",
        "gateway": _gateway(model, ear, mouth) if sounding else {},
    }


def _thinks(workspace: Any, base_url: str) -> Any:
    """An assistant that a model at this address answers for."""
    from convoship.lib.tenancy import tenant
    from deployments import publishing
    from tests import factories
    from workspaces import secret_store

    actor = factories.actor(workspace)
    assistant = factories.make_assistant(workspace, published=False)
    with tenant(workspace.id):
        secret_store.write(actor, "model_key", "sk-bench-0123456789")
        llm = {"base_url": base_url, "model": "bench", "api_key": "model_key"}
        publishing.change_draft(
            actor, assistant, responder="llm", parts={"llm": llm}, secret_values={"model_key": "sk-bench-0123456789"}
        )
        publishing.publish(actor, assistant.id)
    return assistant


def _telephone(model: int) -> str:
    """A connection whose calls a model answers after a second; its id."""
    from channels_app import connections
    from convoship.lib.tenancy import tenant
    from tests import factories
    from tests.bench.calls import ACCOUNT, NUMBER, TOKEN
    from workspaces import secret_store

    workspace = factories.make_workspace()
    assistant = _thinks(workspace, f"http://127.0.0.1:{model}/short/v1")
    actor = factories.actor(workspace)
    with tenant(workspace.id):
        secret_store.write(actor, "twilio_token", TOKEN)
        made = connections.create(
            actor,
            kind="twilio_voice",
            name="Telephone",
            assistant_id=assistant.id,
            # Nobody is asked whether they are there.
            config={
                "account_sid": ACCOUNT, "from_number": NUMBER, "silence_seconds": 60, "daily_minutes": 100_000,
            },
            credentials={"auth_token": "twilio_token"},
        )  # fmt: skip
    return str(made.connection.id)


def _gateway(model: int, ear: int, mouth: int) -> dict[str, str]:
    """A connection whose calls' sound is ours; a model answers after a second, and vendors' hosts hear and speak."""
    import asyncio

    from channels_app import connections
    from convoship.lib.tenancy import tenant
    from tests import factories
    from tests.bench import speech
    from tests.channels.hearing import spoken
    from workspaces import secret_store

    workspace = factories.make_workspace()
    assistant = _thinks(workspace, f"http://127.0.0.1:{model}/short/v1")
    actor = factories.actor(workspace)
    engines = {
        "stt": {"engine": "deepgram", "base_url": f"http://127.0.0.1:{ear}"},
        "tts": {"engine": "elevenlabs", "base_url": f"http://127.0.0.1:{mouth}"},
    }
    with tenant(workspace.id):
        secret_store.write(actor, "speech_key", "the-key-of-this-bench")
        made = connections.create(
            actor,
            kind="voice_gateway",
            name="Telephones",
            assistant_id=assistant.id,
            config={"mode": "stream", "dialect": "media_streams", "speech": engines},
            credentials={"stt_api_key": "speech_key", "tts_api_key": "speech_key"},
        )
    sound = asyncio.run(spoken(speech.QUESTION))
    return {
        "connection": str(made.connection.id),
        "secret": made.secrets["inbound_secret"],
        "sound": base64.b64encode(speech.without_silence(sound)).decode(),
    }


def _readers(how_many: int, model: int) -> list[dict[str, str]]:
    """Visitors of assistants that a model at this port answers for, in turn of several workspaces."""
    from tests import factories
    from tests.bench.answers import WORKSPACES

    found = []
    for place in range(min(WORKSPACES, how_many)):
        workspace = factories.make_workspace()
        assistant = _thinks(workspace, f"http://127.0.0.1:{model}/v1")
        made = factories.make_deployment(workspace, assistant)
        opened = [factories.start_session(made) for _ in range(place, how_many, WORKSPACES)]
        found += [{"id": str(one.session.id), "token": one.token} for one in opened]
    return found


def _inbox(active: int) -> Any:
    """Who works an inbox with so many open conversations, some of them held, some waiting, many tagged."""
    from convoship.lib.tenancy import tenant
    from deployments.models import Conversation, ConversationTag, Tag
    from tests import factories
    from tests.bench import messages
    from workspaces.models import Workspace

    workspace_id = messages.fill(12 * active, active=active)
    workspace = Workspace(id=workspace_id)
    owner = factories.owner_of(workspace)
    now = timezone.now()
    with tenant(workspace_id):
        rows = Conversation.objects.filter(status="active").order_by("-last_activity_at")
        ids = list(rows.values_list("id", flat=True))
        Conversation.objects.filter(id__in=ids[::10]).update(control="human", assigned_to=owner)
        Conversation.objects.filter(id__in=ids[5::100]).update(control="waiting", waiting_since=now)
        Conversation.objects.filter(id__in=ids[7::50]).update(snoozed_until=now + dt.timedelta(days=1))
        for number in range(12):
            tag = Tag.objects.create(name=f"Tag {number}")
            ConversationTag.objects.bulk_create(
                ConversationTag(workspace_id=workspace_id, conversation_id=one, tag=tag) for one in ids[number::9]
            )
    return owner


def _connection(provider: str) -> tuple[Any, dict[str, str]]:
    """A custom webhook of a workspace of its own."""
    from channels_app import accounts, connections
    from convoship.lib.tenancy import tenant
    from tests import factories

    workspace = factories.make_workspace()
    assistant = factories.make_assistant(workspace)
    with tenant(workspace.id):
        made = connections.create(
            factories.actor(workspace),
            kind="custom_webhook",
            name="Bridge",
            assistant_id=assistant.id,
            config={"url": f"{provider}/hook", "events": ["message.created"]},
            credentials={},
        )
        path = urlsplit(accounts.inbound_url(made.connection)).path
    about = {"workspace": str(workspace.id), "path": path, "secret": made.secrets["inbound_secret"]}
    return made.connection, about


def _outbox(provider: str) -> str:
    """A workspace whose conversations have messages that are not due yet; its id."""
    from channels_app import incoming_messages
    from channels_app.models import Delivery
    from channels_app.providers.events import MessageReceived
    from convoship.lib.tenancy import tenant
    from deployments import conversations
    from deployments.conversations import NewMessage
    from deployments.models.conversation import AuthorKind

    connection, about = _connection(provider)
    said = [NewMessage(AuthorKind.ASSISTANT, f"Answer {number}", "Ada") for number in range(MESSAGES)]
    with tenant(connection.workspace_id):
        for number in range(CONVERSATIONS):
            hello = MessageReceived(key=f"{number}", address=f"room-{number}", text="Hello")
            conversation, _ = incoming_messages.conversation_for(connection, hello)
            assert conversation is not None
            conversations.post_messages(conversation, said)
        Delivery.objects.update(due_at=timezone.now() + dt.timedelta(days=1))
    return about["workspace"]


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(sys.argv[1]))))
