"""What holds on every page: the policy, no inline code, roles, and the wall between workspaces."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from channels_app import connections, examples, inbound
from channels_app.models import ConversationLink, InboundEvent, MessageTemplate
from channels_app.providers.base import SignatureInvalid
from channels_app.providers.events import MessageReceived
from channels_app.rehearsal import rehearsing
from convoship.lib.tenancy import tenant
from deployments import (
    budget_settings,
    canned,
    deploying,
    identity,
    merging,
    people,
    person_changes,
    person_fields,
    saved_views,
    tagging,
)
from deployments.knowledge import sources
from deployments.models import Conversation, KnowledgePage, ReplyMail, Tag
from deployments.models.person import IdentityKind
from tests import factories
from tests.channels import files_in_messages, told_calls
from tests.channels.requests import request_of
from tests.pages.conftest import Browser, browser_of, forms_of, text
from tests.rolling_back import rolled_back
from workspaces import secret_store
from workspaces.models import ApiKey, AuditEvent, Workspace
from workspaces.permissions import PERMISSIONS, Role

GET, POST, BOTH = ("GET",), ("POST",), ("GET", "POST")

# Every page of a workspace: its address, how it is asked for, and the permission it takes.
PAGES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "dashboard": ("/", GET, "workspace.read"),
    "assistants": ("/app/assistants/", GET, "assistants.read"),
    "assistant_new": ("/app/assistants/new", BOTH, "assistants.write"),
    "assistant": ("/app/assistants/{assistant}/", GET, "assistants.read"),
    "assistant_save": ("/app/assistants/{assistant}/save", POST, "assistants.write"),
    "assistant_autosave": ("/app/assistants/{assistant}/autosave", POST, "assistants.write"),
    "assistant_delete": ("/app/assistants/{assistant}/delete", BOTH, "assistants.write"),
    "assistant_import_new": ("/app/assistants/import", BOTH, "assistants.write"),
    "duty": ("/app/duty", POST, "conversations.write"),
    "assistant_knowledge": ("/app/assistants/{assistant}/knowledge", GET, "assistants.read"),
    "assistant_knowledge_rows": ("/app/assistants/{assistant}/knowledge/rows", GET, "assistants.read"),
    "assistant_knowledge_text": ("/app/assistants/{assistant}/knowledge/text", POST, "assistants.write"),
    "assistant_knowledge_file": ("/app/assistants/{assistant}/knowledge/file", POST, "assistants.write"),
    "assistant_knowledge_web": ("/app/assistants/{assistant}/knowledge/web", POST, "assistants.write"),
    "assistant_knowledge_ask": ("/app/assistants/{assistant}/knowledge/ask", POST, "assistants.read"),
    "assistant_knowledge_embeddings": ("/app/assistants/{assistant}/knowledge/embeddings", POST, "connections.write"),
    "assistant_knowledge_source": ("/app/assistants/{assistant}/knowledge/{source}/", GET, "assistants.read"),
    "assistant_knowledge_page": (
        "/app/assistants/{assistant}/knowledge/{source}/documents/{document}",
        GET,
        "assistants.read",
    ),
    "assistant_knowledge_change": ("/app/assistants/{assistant}/knowledge/{source}/change", POST, "assistants.write"),
    "assistant_knowledge_refetch": ("/app/assistants/{assistant}/knowledge/{source}/refetch", POST, "assistants.write"),
    "assistant_knowledge_remove": ("/app/assistants/{assistant}/knowledge/{source}/remove", BOTH, "assistants.write"),
    "assistant_answers": ("/app/assistants/{assistant}/answers", GET, "assistants.read"),
    "assistant_answers_save": ("/app/assistants/{assistant}/answers/save", POST, "assistants.write"),
    "webhook_secret": ("/app/assistants/{assistant}/webhook", GET, "assistants.read"),
    "webhook_secret_rotate": ("/app/assistants/{assistant}/webhook/rotate", POST, "assistants.write"),
    "assistant_handoff": ("/app/assistants/{assistant}/handoff", GET, "assistants.read"),
    "assistant_handoff_save": ("/app/assistants/{assistant}/handoff/save", POST, "assistants.write"),
    "assistant_versions": ("/app/assistants/{assistant}/versions/", GET, "assistants.read"),
    "assistant_compare": ("/app/assistants/{assistant}/versions/compare", GET, "assistants.read"),
    "assistant_version": ("/app/assistants/{assistant}/versions/{number}/", GET, "assistants.read"),
    "assistant_restore": ("/app/assistants/{assistant}/versions/{number}/restore", POST, "assistants.write"),
    "assistant_export": ("/app/assistants/{assistant}/export", GET, "assistants.read"),
    "assistant_import": ("/app/assistants/{assistant}/import", BOTH, "assistants.write"),
    "assistant_try": ("/app/assistants/{assistant}/try", BOTH, "assistants.read"),
    "assistant_try_case": ("/app/assistants/{assistant}/try/case", POST, "assistants.write"),
    "assistant_tests": ("/app/assistants/{assistant}/tests", GET, "assistants.read"),
    "assistant_tests_change": ("/app/assistants/{assistant}/tests/change", POST, "assistants.write"),
    "assistant_tests_publish": ("/app/assistants/{assistant}/tests/publish", POST, "assistants.write"),
    "deploy": ("/app/assistants/{assistant}/deploy", GET, "deployments.read"),
    "deployment_create": ("/app/assistants/{assistant}/deploy/new", POST, "deployments.write"),
    "deployment": ("/app/deployments/{deployment}/", GET, "deployments.read"),
    "deployment_change": ("/app/deployments/{deployment}/change", POST, "deployments.write"),
    "deployment_settings": ("/app/deployments/{deployment}/settings", GET, "deployments.read"),
    "deployment_files": ("/app/deployments/{deployment}/files", GET, "deployments.read"),
    "channel_files": ("/app/channels/files", GET, "deployments.read"),
    "channel_files_delete": ("/app/channels/files/delete", POST, "deployments.write"),
    "deployment_files_delete": ("/app/deployments/{deployment}/files/delete", POST, "deployments.write"),
    "deployment_pause": ("/app/deployments/{deployment}/pause", POST, "deployments.write"),
    "deployment_resume": ("/app/deployments/{deployment}/resume", POST, "deployments.write"),
    "deployment_rotate": ("/app/deployments/{deployment}/rotate", POST, "deployments.write"),
    "deployment_token_end": ("/app/deployments/{deployment}/tokens/{token}/end", BOTH, "deployments.write"),
    "origin_check": ("/app/origins/check", GET, "deployments.read"),
    "deployment_origins": ("/app/deployments/{deployment}/origins", GET, "deployments.read"),
    "deployment_origins_save": ("/app/deployments/{deployment}/origins/save", POST, "deployments.write"),
    "refused_origin_allow": ("/app/deployments/{deployment}/refused/allow", POST, "deployments.write"),
    "refused_origin_forget": ("/app/deployments/{deployment}/refused/{refused}/forget", POST, "deployments.write"),
    "refused_origins_forget": ("/app/deployments/{deployment}/refused/forget", POST, "deployments.write"),
    "deployment_revoke": ("/app/deployments/{deployment}/revoke", BOTH, "deployments.write"),
    "deployment_budgets": ("/app/deployments/{deployment}/budgets", GET, "deployments.read"),
    "deployment_budgets_save": ("/app/deployments/{deployment}/budgets/save", POST, "deployments.write"),
    "usage": ("/app/usage/", GET, "workspace.read"),
    "usage_budgets_save": ("/app/usage/budgets", POST, "workspace.write"),
    "model_prices": ("/app/usage/prices/", GET, "workspace.read"),
    "model_price_add": ("/app/usage/prices/add", POST, "workspace.write"),
    "model_price_delete": ("/app/usage/prices/{price}/delete", BOTH, "workspace.write"),
    "deployment_numbers": ("/app/deployments/{deployment}/numbers", GET, "deployments.read"),
    "deployment_numbers_csv": ("/app/deployments/{deployment}/numbers.csv", GET, "deployments.read"),
    "deployment_rollout": ("/app/deployments/{deployment}/rollout", GET, "deployments.read"),
    "deployment_rollout_start": ("/app/deployments/{deployment}/rollout/start", POST, "deployments.write"),
    "deployment_rollout_share": ("/app/deployments/{deployment}/rollout/share", POST, "deployments.write"),
    "deployment_rollout_keep": ("/app/deployments/{deployment}/rollout/keep", BOTH, "deployments.write"),
    "deployment_rollout_back": ("/app/deployments/{deployment}/rollout/back", POST, "deployments.write"),
    "deployment_rollout_undo": ("/app/deployments/{deployment}/rollout/undo", POST, "deployments.write"),
    "deployment_rollout_preview": ("/app/deployments/{deployment}/rollout/preview", POST, "deployments.write"),
    "deployment_install": ("/app/deployments/{deployment}/install", GET, "deployments.read"),
    "deployment_install_fill": ("/app/deployments/{deployment}/install/fill", POST, "deployments.read"),
    "deployment_install_link": ("/app/deployments/{deployment}/install/link", POST, "deployments.write"),
    "deployment_install_check": ("/app/deployments/{deployment}/install/check", POST, "deployments.read"),
    "deployment_install_allow": ("/app/deployments/{deployment}/install/allow", POST, "deployments.write"),
    "deployment_identity": ("/app/deployments/{deployment}/identity", GET, "deployments.read"),
    "deployment_appearance": ("/app/deployments/{deployment}/appearance", GET, "deployments.read"),
    "deployment_appearance_save": ("/app/deployments/{deployment}/appearance/save", POST, "deployments.write"),
    "deployment_appearance_preview": ("/app/deployments/{deployment}/appearance/preview", GET, "deployments.read"),
    "deployment_identity_require": ("/app/deployments/{deployment}/identity/require", POST, "deployments.write"),
    "deployment_identity_secret_make": ("/app/deployments/{deployment}/identity/secrets", POST, "deployments.write"),
    "deployment_identity_secret_end": (
        "/app/deployments/{deployment}/identity/secrets/{secret}/end",
        POST,
        "deployments.write",
    ),
    "deployment_identity_check": ("/app/deployments/{deployment}/identity/check", POST, "deployments.read"),
    "channels": ("/app/channels/", GET, "deployments.read"),
    "channel_deployment_create": ("/app/channels/new-deployment", POST, "deployments.write"),
    "connection_new": ("/app/channels/new/custom_webhook", BOTH, "connections.write"),
    "rehearsal_new": ("/app/channels/rehearse/custom_webhook", BOTH, "connections.write"),
    "connection_rehearse": ("/app/channels/{connection}/rehearse", POST, "connections.write"),
    "rehearsal": ("/app/channels/{rehearsal}/rehearsal", GET, "connections.read"),
    "rehearsal_live": ("/app/channels/{rehearsal}/rehearsal/live", GET, "connections.read"),
    "rehearsal_say": ("/app/channels/{rehearsal}/rehearsal/say", POST, "connections.write"),
    "rehearsal_ticket": ("/app/channels/{rehearsal}/rehearsal/ticket", POST, "connections.write"),
    "rehearsal_visitor": ("/app/channels/{desk}/rehearsal/visitor", POST, "connections.write"),
    "rehearsal_behave": ("/app/channels/{rehearsal}/rehearsal/behave", POST, "connections.write"),
    "rehearsal_act": ("/app/channels/{rehearsal}/rehearsal/act", POST, "connections.write"),
    "rehearsal_catch_up": ("/app/channels/{rehearsal}/rehearsal/catch-up", POST, "connections.write"),
    "rehearsal_start_over": ("/app/channels/{rehearsal}/rehearsal/start-over", POST, "connections.write"),
    "connection": ("/app/channels/{connection}/", GET, "connections.read"),
    "connection_test": ("/app/channels/{connection}/test", POST, "connections.write"),
    "connection_register": ("/app/channels/{connection}/register", POST, "connections.write"),
    "connection_call_me": ("/app/channels/{connection}/call-me", POST, "connections.write"),
    "connection_called": ("/app/channels/{line}/called/{call}", GET, "connections.write"),
    "connection_try": ("/app/channels/{connection}/try", POST, "connections.write"),
    "connection_pause": ("/app/channels/{connection}/pause", POST, "connections.write"),
    "connection_enable": ("/app/channels/{connection}/enable", POST, "connections.write"),
    "connection_settings": ("/app/channels/{connection}/settings", GET, "connections.read"),
    "connection_change": ("/app/channels/{connection}/change", POST, "connections.write"),
    "connection_rotate": ("/app/channels/{connection}/rotate", POST, "connections.write"),
    "connection_delete": ("/app/channels/{connection}/delete", BOTH, "connections.write"),
    "connection_events": ("/app/channels/{connection}/events", GET, "connections.read"),
    "connection_events_rows": ("/app/channels/{connection}/events/rows", GET, "connections.read"),
    "connection_event_retry": ("/app/channels/{connection}/events/{event}/retry", POST, "connections.write"),
    "connection_templates": ("/app/channels/{whatsapp}/templates", GET, "connections.read"),
    "connection_templates_rows": ("/app/channels/{whatsapp}/templates/rows", GET, "connections.read"),
    "connection_templates_sync": ("/app/channels/{whatsapp}/templates/sync", POST, "connections.write"),
    "connection_template_new": ("/app/channels/{whatsapp}/templates/new", BOTH, "connections.write"),
    "connection_template": ("/app/channels/{whatsapp}/templates/{template}", GET, "connections.read"),
    "connection_template_submit": (
        "/app/channels/{whatsapp}/templates/{template}/submit",
        POST,
        "connections.write",
    ),
    "connection_template_delete": (
        "/app/channels/{whatsapp}/templates/{template}/delete",
        BOTH,
        "connections.write",
    ),
    "connection_template_window": (
        "/app/channels/{whatsapp}/templates/{template}/window",
        POST,
        "connections.write",
    ),
    "conversation_template": ("/app/conversations/{over_whatsapp}/template", BOTH, "conversations.write"),
    "connection_calls": ("/app/channels/{line}/calls", GET, "connections.read"),
    "connection_calls_rows": ("/app/channels/{line}/calls/rows", GET, "connections.read"),
    "connection_deliveries": ("/app/channels/{connection}/deliveries", GET, "connections.read"),
    "connection_deliveries_rows": ("/app/channels/{connection}/deliveries/rows", GET, "connections.read"),
    "connection_deliveries_replay": ("/app/channels/{connection}/deliveries/replay", POST, "connections.write"),
    "connection_deliveries_dismiss": ("/app/channels/{connection}/deliveries/dismiss", POST, "connections.write"),
    "connection_delivery_dismiss": (
        "/app/channels/{connection}/deliveries/{delivery}/dismiss",
        POST,
        "connections.write",
    ),
    "connection_delivery": ("/app/channels/{connection}/deliveries/{delivery}", GET, "connections.read"),
    "connection_delivery_live": ("/app/channels/{connection}/deliveries/{delivery}/live", GET, "connections.read"),
    "connection_delivery_replay": (
        "/app/channels/{connection}/deliveries/{delivery}/replay",
        POST,
        "connections.write",
    ),
    "people": ("/app/people/", GET, "people.read"),
    "person": ("/app/people/{person}/", GET, "people.read"),
    "person_edit": ("/app/people/{person}/edit", BOTH, "people.write"),
    "person_note": ("/app/people/{person}/notes", POST, "people.write"),
    "person_note_delete": ("/app/people/{person}/notes/{note}/delete", POST, "people.write"),
    "person_block": ("/app/people/{person}/block", POST, "people.write"),
    "person_unblock": ("/app/people/{person}/unblock", POST, "people.write"),
    "person_merge": ("/app/people/{person}/merge", BOTH, "people.write"),
    "person_merge_undo": ("/app/people/{person}/merges/{merge}/undo", POST, "people.write"),
    "person_export_json": ("/app/people/{person}/export.json", GET, "people.manage"),
    "person_export_zip": ("/app/people/{person}/export.zip", GET, "people.manage"),
    "person_erase": ("/app/people/{person}/erase", BOTH, "people.manage"),
    "person_fields": ("/app/people/fields/", GET, "people.read"),
    "person_field_new": ("/app/people/fields/new", BOTH, "people.manage"),
    "person_field": ("/app/people/fields/{field}/", BOTH, "people.manage"),
    "person_field_delete": ("/app/people/fields/{field}/delete", BOTH, "people.manage"),
    "conversations": ("/app/conversations/", GET, "conversations.read"),
    "conversations_rows": ("/app/conversations/rows", GET, "conversations.read"),
    "conversations_waiting": ("/app/conversations/waiting", GET, "conversations.read"),
    "conversation_new": ("/app/conversations/new", BOTH, "conversations.write"),
    "conversation_new_standing": ("/app/conversations/new/standing", POST, "conversations.write"),
    "canned_replies": ("/app/conversations/replies/", GET, "conversations.read"),
    "canned_reply_new": ("/app/conversations/replies/new", BOTH, "conversations.write"),
    "canned_reply": ("/app/conversations/replies/{reply}/", BOTH, "conversations.write"),
    "canned_reply_delete": ("/app/conversations/replies/{reply}/delete", BOTH, "conversations.write"),
    "conversation_replies": ("/app/conversations/{conversation}/replies", GET, "conversations.write"),
    "conversation_assign": ("/app/conversations/{conversation}/assign", POST, "conversations.write"),
    "conversation_export_json": ("/app/conversations/{conversation}/export.json", GET, "conversations.read"),
    "conversation_export_txt": ("/app/conversations/{conversation}/export.txt", GET, "conversations.read"),
    "conversation_export_pdf": ("/app/conversations/{conversation}/export.pdf", GET, "conversations.read"),
    "conversation_insert": ("/app/conversations/{conversation}/insert", POST, "conversations.write"),
    "conversation_mail_again": (
        "/app/conversations/{conversation}/mails/{mail}/again",
        POST,
        "conversations.write",
    ),
    "conversation_mentions": ("/app/conversations/mentions/", GET, "conversations.read"),
    "tags": ("/app/conversations/tags/", GET, "conversations.read"),
    "tag": ("/app/conversations/tags/{tag}/", BOTH, "conversations.write"),
    "tag_delete": ("/app/conversations/tags/{tag}/delete", BOTH, "conversations.write"),
    "saved_view_new": ("/app/conversations/views/new", BOTH, "conversations.read"),
    "saved_view": ("/app/conversations/views/{view}/", BOTH, "conversations.read"),
    "saved_view_delete": ("/app/conversations/views/{view}/delete", BOTH, "conversations.read"),
    "conversation_tags": ("/app/conversations/{conversation}/tags", POST, "conversations.write"),
    "conversation_snooze": ("/app/conversations/{conversation}/snooze", POST, "conversations.write"),
    "conversation": ("/app/conversations/{conversation}/", GET, "conversations.read"),
    "conversation_live": ("/app/conversations/{conversation}/live", GET, "conversations.read"),
    "conversation_file_again": (
        "/app/conversations/{conversation}/files/{media}/again",
        POST,
        "conversations.write",
    ),
    "call_recording_again": (
        "/app/conversations/{call}/recordings/{recording}/again",
        POST,
        "conversations.write",
    ),
    "conversation_reply": ("/app/conversations/{conversation}/reply", POST, "conversations.write"),
    "conversation_take_call": ("/app/conversations/{conversation}/take-call", POST, "conversations.write"),
    "conversation_take": ("/app/conversations/{conversation}/take", POST, "conversations.write"),
    "conversation_return": ("/app/conversations/{conversation}/return", POST, "conversations.write"),
    "conversation_resolve": ("/app/conversations/{conversation}/resolve", POST, "conversations.write"),
    "workspace": ("/app/workspace/", GET, "workspace.read"),
    "workspace_rename": ("/app/workspace/name", POST, "workspace.write"),
    "api_key_create": ("/app/workspace/api-keys/new", POST, "api_keys.write"),
    "secrets": ("/app/workspace/secrets/", GET, "secrets.read"),
    "secret_new": ("/app/workspace/secrets/new", BOTH, "secrets.write"),
    "secret_replace": ("/app/workspace/secrets/{secret_key}/replace", BOTH, "secrets.write"),
    "secret_withdraw": ("/app/workspace/secrets/{secret_key}/withdraw", BOTH, "secrets.write"),
    "secret_delete": ("/app/workspace/secrets/{secret_key}/delete", BOTH, "secrets.write"),
    "api_key_revoke": ("/app/workspace/api-keys/{key}/revoke", BOTH, "api_keys.write"),
}
OUTSIDE = {"workspace_new": "/app/new-workspace/", "workspace_choose": "/app/workspaces/", "account_email": "/account/"}
SIGNED_OUT = [
    "/sign-in/",
    "/sign-up/",
    "/sign-in/unknown-secret/",
    "/account/password/reset/",
    "/account/password/reset/sent/",
    "/account/password/reset/1-2/",
    "/account/password/reset/done/",
    "/account/verify/sent/",
    "/account/verify/unknown/",
    "/account/closed/",
    "/test/no-such-link",
    "/no-such-page/",
]


@dataclass(frozen=True)
class Made:
    """A workspace and the ids of one object of each kind in it."""

    workspace: Workspace
    ids: dict[str, str]


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Made]:
    """What all tests here look at; what each of them writes is rolled back."""
    with django_db_blocker.unblock(), rolled_back():
        workspace = factories.make_workspace()
        made = Made(workspace, _one_of_each(workspace))
        with django_db_blocker.block():
            yield made


@pytest.fixture(scope="module")
def pages(made: Made, django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    """The answer of every page, as its owner sees it, by its address: asked for once, for all who look at them."""
    with django_db_blocker.unblock(), rolled_back():
        return dict(every_page(browser_of(made.workspace, factories.owner_of(made.workspace)), made.ids))


@pytest.fixture(autouse=True)
def written_is_rolled_back(
    request: pytest.FixtureRequest, made: Made, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """In place of the mark `django_db`, which takes no transaction around it for its own."""
    if request.function is test_every_error_page_asks_for_nothing:
        yield
        return
    with django_db_blocker.unblock(), rolled_back():
        yield


@pytest.fixture
def workspace(made: Made) -> Workspace:
    """As nobody touched it."""
    return copy.deepcopy(made.workspace)


@pytest.fixture
def ids(made: Made) -> dict[str, str]:
    """One object of each kind in the workspace."""
    return dict(made.ids)


def _one_of_each(workspace: Workspace) -> dict[str, str]:
    made = factories.make_deployment(workspace)
    conversation = factories.start_session(made).session.conversation
    over_whatsapp = factories.start_session(made).session.conversation
    key = factories.make_api_key(workspace).key
    who = factories.actor(workspace)
    with tenant(workspace.id):
        secret = identity.make_secret(who, made.deployment).row
        deploying.rotate(who, made.deployment, overlap_seconds=3600)
        token = made.deployment.tokens.earliest("created_at")
        secret_store.write(who, "a_secret_of_this_workspace", "its value")
        connection = connections.create(
            who,
            kind="custom_webhook",
            name="Bridge",
            assistant_id=made.deployment.assistant_id,
            config={"url": "https://bridge.example/hook", "events": ["message.created"]},
            credentials={},
        ).connection
        price = budget_settings.add_price(who, model="m", price_in=1, price_out=2, valid_from="2026-01-31")
        reply = canned.create(who, shortcut="hello", title="Hello", text="Hello {{visitor.name}}")
        mail = ReplyMail.objects.create(
            conversation=conversation,
            address="a@b.example",
            from_seq=1,
            to_seq=1,
            state="failed",
            reason="The mail server refused the address.",
            due_at=timezone.now(),
        )
        media = files_in_messages.failed(connection, conversation.id)
        (delivery,) = examples.send(who, connection, "message.created")
        event = MessageReceived(key="a key", address="room-1", text="Hello")
        (stored,) = inbound.record(connection, [event], request_of())
        InboundEvent.objects.update(state="failed", reason="Nobody could answer.")
        refusal = SignatureInvalid("wrong_signature", "The signature is wrong.")
        inbound.refuse(connection, request_of(), refusal)
        person = conversation.person
        note = person_changes.add_note(who, person, "Kind.")
        field = person_fields.create(who, key="plan", label="Plan", kind="text")
        third = people.person_at([(IdentityKind.PHONE, "+15005550007")], {"name": "Third"})
        merge = merging.merge(who, person, third)
        tagging.put(who, conversation, ["parcel"])
        tag = Tag.objects.get()
        view = saved_views.make(who, factories.owner_of(workspace), "Mine", {"show": "mine"}, is_shared=True)
        whatsapp = connections.create(
            who,
            kind="twilio_whatsapp",
            name="Our WhatsApp",
            assistant_id=made.deployment.assistant_id,
            config={"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"},
            credentials={"auth_token": "a_secret_of_this_workspace"},
        ).connection
        template = MessageTemplate.objects.create(
            connection=whatsapp, sid="HX1", name="one", language="en", body="Hello.", synced_at=timezone.now()
        )
        ConversationLink.objects.create(connection=whatsapp, conversation=over_whatsapp, address="+14155550123")
        line = connections.create(
            who,
            kind="twilio_voice",
            name="Our line",
            assistant_id=made.deployment.assistant_id,
            config={"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"},
            credentials={"auth_token": "a_secret_of_this_workspace"},
        ).connection
        over_phone = told_calls.make_story(line)
        unfetched = over_phone.recording("voicemail", "failed", number=2, reason="Twilio has no such file (404).")
        source = sources.add_text(who, made.deployment.assistant, title="Hours", text="Open from nine to five.")
        document = KnowledgePage.objects.create(source=source, title="Hours", text="Open from nine to five.", size=23)
        rehearsed = rehearsing.begin(who, kind="custom_webhook", assistant_id=made.deployment.assistant_id)
        desk = rehearsing.begin(who, kind="zendesk", assistant_id=made.deployment.assistant_id)
    return {
        "connection": str(connection.id),
        "line": str(line.id),
        "call": str(over_phone.conversation.id),
        "recording": str(unfetched.id),
        "source": str(source.id),
        "document": str(document.id),
        "whatsapp": str(whatsapp.id),
        "template": str(template.id),
        "over_whatsapp": str(over_whatsapp.id),
        "rehearsal": str(rehearsed.connection.id),
        "desk": str(desk.connection.id),
        "delivery": str(delivery.id),
        "media": str(media.id),
        "event": str(stored.event_id),
        "tag": str(tag.id),
        "person": str(person.id),
        "note": str(note.id),
        "field": str(field.id),
        "merge": str(merge.id),
        "view": str(view.id),
        "token": str(token.id),
        "refused": str(factories.refuse(made).id),
        "secret": str(secret.id),
        "assistant": str(made.deployment.assistant_id),
        "number": "1",
        "deployment": str(made.deployment.id),
        "conversation": str(conversation.id),
        "key": str(key.id),
        "reply": str(reply.id),
        "price": str(price.id),
        "mail": str(mail.id),
        "secret_key": "a_secret_of_this_workspace",
    }


def asked(client: Client, address: str, method: str) -> Any:
    """Ask without CSRF checks: here it is about rights."""
    client.handler.enforce_csrf_checks = False
    return client.get(address) if method == "GET" else client.post(address, {})


def cases() -> Iterator[tuple[str, str, str, str]]:
    for name, (address, methods, permission) in PAGES.items():
        for method in methods:
            yield name, address, method, permission


def all_routes(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            if str(pattern.pattern) not in {"v1/", "v1/public/runtime/", "admin/"}:
                yield from all_routes(pattern)
        else:
            yield pattern


def test_every_route_of_the_console_is_listed_here() -> None:
    inside = {route.name for route in all_routes() if str(route.pattern).startswith("app/")}
    assert inside == set(PAGES) - {"dashboard"} | {"workspace_new", "workspace_choose"}


def test_every_view_carries_the_permission_that_is_listed_here() -> None:
    for route in all_routes():
        if route.name in PAGES and route.name != "dashboard":
            assert getattr(route.callback, "permission", None) == PAGES[route.name][2], route.name


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_its_permissions_say(workspace: Workspace, ids: dict[str, str], role: str) -> None:
    someone = browser_of(workspace, factories.member(workspace, role))
    for name, address, method, permission in cases():
        may = role in PERMISSIONS[permission]
        if may and method == "POST":
            continue  # what they then do has tests of its own
        answer = asked(someone.client, address.format(**ids), method)
        status = answer.status_code
        assert (status == 403) is not may, f"{name} {method} as {role}: {status}"
        # No cache keeps what was made for them, nor does the browser when they sign out and go back.
        assert {"private", "no-store"} & set(answer["Cache-Control"].split(", ")), name
        assert may or status == 403


def test_who_is_signed_out_is_asked_to_sign_in(client: Client, ids: dict[str, str]) -> None:
    for name, address, method, _ in cases():
        answer = asked(client, address.format(**ids), method)
        assert answer.status_code in {302, 405}, name
        if answer.status_code == 302:
            assert answer["Location"].startswith("/sign-in/"), name


def test_another_workspaces_objects_are_as_missing_ones(ids: dict[str, str]) -> None:
    other = factories.make_workspace(name="Other")
    stranger = browser_of(other, factories.owner_of(other))
    nowhere = dict.fromkeys(ids, "00000000-0000-4000-8000-000000000000")
    for name, address, method, _ in cases():
        if "{" not in address:
            continue
        theirs = asked(stranger.client, address.format(**ids), method)
        missing = asked(stranger.client, address.format(**nowhere), method)
        assert theirs.status_code == missing.status_code == 404, f"{name} {method}"
        assert without_nonce(text(theirs)) == without_nonce(text(missing)), name


def without_nonce(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)


def test_nothing_of_another_workspace_was_changed_by_trying(workspace: Workspace, ids: dict[str, str]) -> None:
    with tenant(workspace.id):
        lines = AuditEvent.objects.count()
    other = factories.make_workspace(name="Other")
    stranger = browser_of(other, factories.owner_of(other))
    for _, address, method, _ in cases():
        if method == "POST":
            asked(stranger.client, address.format(**ids), method)
    with tenant(workspace.id):
        assert AuditEvent.objects.count() == lines
        assert {row.control for row in Conversation.objects.all()} == {"assistant"}
        assert ApiKey.objects.get().revoked_at is None


def test_lists_show_nothing_of_another_workspace(ids: dict[str, str]) -> None:
    other = factories.make_workspace(name="Other")
    stranger = browser_of(other, factories.owner_of(other))
    for address in (
        "/",
        "/app/assistants/",
        "/app/channels/",
        "/app/conversations/",
        "/app/conversations/replies/",
        "/app/workspace/",
        "/app/workspace/secrets/",
    ):
        page = text(stranger.get(address))
        assert not any(id_ in page for name, id_ in ids.items() if name != "number"), address


def test_no_address_of_a_form_is_a_dead_end(member: Browser, ids: dict[str, str]) -> None:
    """A refused form leaves the browser at its address: reloading it, or going back to it, leads to the form's page."""
    addresses = {name: address for name, (address, *_) in PAGES.items()} | OUTSIDE
    for route in all_routes():
        if str(route.pattern).startswith("account/") and not route.pattern.converters and route.name not in addresses:
            addresses[str(route.name)] = f"/{route.pattern}"
    assert "account_rename" in addresses
    got, looked_at = Walk(member.client.get), Walk(member.client.head)
    for name, address in addresses.items():
        for walk in (got, looked_at):
            assert all(status != 405 for status in walk.statuses(address.format(**ids))), name
        if name in PAGES and PAGES[name][1] == POST:
            statuses = got.statuses(address.format(**ids))
            assert statuses[-1] == 200, name
            assert len(statuses) > 1, name


class Walk:
    """Asks for addresses and goes where their answers lead. Many lead to the same page, which is asked for once."""

    def __init__(self, ask: Callable[[str], Any]) -> None:
        self.ask = ask
        self.known: dict[str, tuple[int, str]] = {}

    def statuses(self, address: str) -> list[int]:
        """Of the answers from here on, in order."""
        found: list[int] = []
        while address and len(found) < 10:
            if address not in self.known:
                answer = self.ask(address)
                onward = answer.get("Location", "") if 300 <= answer.status_code < 400 else ""
                self.known[address] = (answer.status_code, urldefrag(urljoin(address, onward)).url if onward else "")
            status, address = self.known[address]
            found.append(status)
        return found


def test_what_is_neither_asked_for_nor_sent_is_no_form(member: Browser, ids: dict[str, str]) -> None:
    member.client.handler.enforce_csrf_checks = False
    assert member.client.put(PAGES["deployment_pause"][0].format(**ids)).status_code == 405


def test_a_post_without_a_csrf_token_is_refused(member: Browser, ids: dict[str, str]) -> None:
    for name, address, method, _ in cases():
        if method == "POST":
            answer = member.post(address.format(**ids))
            assert answer.status_code == 403, name
            assert "This form is too old" in text(answer)


def every_page(member: Browser, ids: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for _, address, method, _ in cases():
        # A PDF is no page, nor a text.
        if method == "GET" and not address.endswith((".pdf", ".zip")):
            yield address, member.get(address.format(**ids))
    for address in OUTSIDE.values():
        yield address, member.get(address)
    signed_out = Client()
    for address in SIGNED_OUT:
        yield address, signed_out.get(address, follow=True)


INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\shx-on", re.IGNORECASE)


def test_every_page_is_under_the_policy_and_has_nothing_inline(pages: dict[str, Any]) -> None:
    for address, answer in pages.items():
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self';" in policy + ";", address
        assert "unsafe" not in policy
        assert INLINE.findall(text(answer)) == [], address
        is_framed = address.endswith("/appearance/preview")  # by a page of ours, and by no other
        assert answer["X-Frame-Options"] == ("SAMEORIGIN" if is_framed else "DENY")
        allowed = "'self'" if is_framed else "'none'"
        assert f"frame-ancestors {allowed}" in policy


def test_every_page_has_one_heading_a_title_and_a_way_past_the_menu(pages: dict[str, Any]) -> None:
    for address, answer in pages.items():
        page = text(answer)
        if "<html" not in page:
            continue
        assert page.count("<h1") == 1, address
        assert re.search(r"<title>[^<·]+ · Convoship</title>", page), address
        assert 'href="#main"' in page
        assert page.count('id="main"') == 1


def test_no_id_stands_twice_on_a_page(pages: dict[str, Any]) -> None:
    for address, answer in pages.items():
        page = re.sub(r"<template.*?</template>", "", text(answer), flags=re.DOTALL)
        found = re.findall(r'\sid="([^"]+)"', page)
        assert len(found) == len(set(found)), f"{address}: {[i for i in found if found.count(i) > 1][:3]}"


def test_every_form_that_changes_something_is_a_post_with_a_token(pages: dict[str, Any]) -> None:
    for address, answer in pages.items():
        for form, source in zip(forms_of(answer), re.findall(r"<form[^>]*>", text(answer)), strict=True):
            only_reads = 'method="get"' in source  # and no page that is got changes anything
            assert only_reads or ("csrfmiddlewaretoken" in form.values and 'method="post"' in source), address


def test_every_error_page_asks_for_nothing(client: Client) -> None:
    """Without the `db` fixture: a query would fail the test."""
    client.raise_request_exception = False
    missing = client.get("/no-such-page/")
    assert missing.status_code == 404
    assert "There is nothing at this address" in text(missing)
    from django.test import RequestFactory

    from convoship.pages import errors

    request = RequestFactory().get("/app/x/")
    for answer in (
        errors.bad_request(request, Exception()),
        errors.forbidden(request, Exception("Your role (Viewer) may not do this.")),
        errors.missing(request, Exception()),
        errors.broken(request),
    ):
        assert "<h1>" in text(answer)
