"""What every route is, and one good call of it: the isolation test walks the URL conf and finds each route here.

A route without an entry fails the build, so nobody can add a door and forget its wall.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID, uuid4

import jwt
import pytest
from django import forms
from django.core.files.base import ContentFile
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from channels_app import connections, enqueueing, inbound
from channels_app.models import Call as PhoneCall
from channels_app.models import Connection, ConversationLink, Delivery, InboundEvent, MessageTemplate, Rehearsal
from channels_app.providers.base import Bounds, CallFacts, Capability, Health, Planned, Template
from channels_app.providers.custom_webhook import CustomWebhook, CustomWebhookForm
from channels_app.providers.events import MessageReceived
from convoship.lib.tenancy import tenant
from deployments import (
    budget_settings,
    canned,
    conversations,
    deploying,
    handoff,
    identity,
    merging,
    people,
    person_changes,
    person_fields,
    publishing,
    rollouts,
    saved_views,
    tagging,
)
from deployments.deploying import NewDeployment
from deployments.knowledge import sources
from deployments.models import (
    Assistant,
    Conversation,
    Deployment,
    KnowledgeEmbedding,
    KnowledgePage,
    KnowledgeSource,
    Person,
    ReplyMail,
    Tag,
)
from deployments.models.knowledge import SourceKind
from deployments.models.person import IdentityKind
from deployments.pages import appearance_form
from deployments.pages.talk import Talk
from deployments.rollouts import Tried
from deployments.sessions import OpenedSession
from tests import factories
from tests.channels import files_in_messages, told_calls
from tests.channels.requests import request_of
from workspaces import secret_store
from workspaces.api_keys import NewApiKey
from workspaces.models import User, Workspace

# Routes that show nothing of any workspace, and why they may stand open.
PUBLIC: Mapping[str, str] = {
    "test_page": "a signed link to one deployment's test page, for 15 minutes",
    "test_page_origin": "as the test page",
    "continue": "a signed link to one conversation, used once: tests/runtime/test_continuing.py",
    "continue_stop": "the same mail's other link, which stops mails about that conversation",
    "stored_file": "a signed link to one file, for an hour; the wall behind it: tests/runtime/test_files.py",
    "dashboard": "sign-in page, or a redirect into one's own workspace",
    "mailbox": "404 unless `make run` turned it on, and then for this machine only",
    "mailbox_mail": "as the mailbox",
    "healthz": "liveness, no data",
    "healthz_worker": "whether work is done, no data",
    "readyz": "names of dependencies, no data",
    "openapi": "the published description",
    "theme_schema": "the published description of themes",
    "api_docs": "the published description, as a page",
    "sign_in_link": "a one-time secret of 256 bits",
    "workspace_new": "makes one's own",
    "workspace_choose": "chooses among one's own",
    "account_rename": "one's own account",
    "account_verify": "one's own account",
    "account_login": "django-allauth",
    "account_signup": "django-allauth",
    "account_logout": "django-allauth",
    "account_email": "django-allauth, one's own account",
    "account_email_verification_sent": "django-allauth",
    "account_confirm_email": "django-allauth, signed key",
    "account_inactive": "django-allauth",
    "account_reauthenticate": "django-allauth, one's own account",
    "account_change_password": "django-allauth, one's own account",
    "account_set_password": "django-allauth, one's own account",
    "account_reset_password": "django-allauth",
    "account_reset_password_done": "django-allauth",
    "account_reset_password_from_key": "django-allauth, signed key",
    "account_reset_password_from_key_done": "django-allauth",
}


_CONNECTION: dict[str, Any] = {
    "kind": "custom_webhook",
    "name": "Bridge",
    "config": {"url": "https://bridge.example/hook", "events": ["message.created"]},
}


_NUMBER = {"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"}


class Registering(CustomWebhook):
    """A kind that sets its addresses at its provider."""

    kind = "registering"
    capabilities = frozenset({Capability.REGISTERS_WEBHOOK})

    async def register_webhook(self) -> Health:
        """Nobody is asked here."""
        return Health()


class Calling(CustomWebhook):
    """A kind that calls people."""

    kind = "calling"
    channel = "voice"
    capabilities = frozenset({Capability.CALLS, Capability.SPOKEN, Capability.METERED})

    @classmethod
    def bounds(cls, config: Mapping[str, Any]) -> Bounds:
        """Enough for one."""
        return Bounds(10, "minutes of calls", frozenset({"US"}), unasked=3, cold=10, replies=0)

    async def start_call(self, to: str, *, longest_seconds: int) -> CallFacts:
        """Nobody is asked here."""
        return CallFacts("CA" + "0" * 32, "queued")


class WindowedForm(CustomWebhookForm):
    """And the template that carries what a closed window stops."""

    window_template = forms.CharField(required=False)


class Windowed(CustomWebhook):
    """A kind whose people are written to freely within a window, and by templates after it."""

    kind = "windowed"
    config_form = WindowedForm
    capabilities = frozenset({Capability.WINDOW})
    template_languages = {"en": "English"}

    @classmethod
    def variables_of(cls, template: Template) -> list[str]:
        """One, as the template for closed windows has."""
        return ["1"]

    @classmethod
    def fill(cls, template: Template, values: Mapping[str, str]) -> Planned:
        """Whatever is given."""
        return Planned("Template", {"template": {"sid": template.sid, "name": template.name}, "text": "Hello."})

    @classmethod
    def draft(cls, *, samples: Any, buttons: Any, **given: Any) -> Template:
        """Whatever is given."""
        return Template(sid="", content_type="twilio/text", variables=samples, **given)

    @classmethod
    def check_handing_in(cls, name: str, category: str) -> None:
        """Whatever is given."""

    async def delete_template(self, sid: str) -> None:
        """Nobody is asked here."""

    async def submit(self, template: Template) -> Template:
        """Nobody is asked here."""
        return replace(template, sid=template.sid or "HX2", approval="received")


def _failed_event(connection: Connection) -> UUID:
    """An event that could not be handled, to be retried."""
    (stored,) = inbound.record(connection, [MessageReceived(key="a key", address="room-1", text="hello")], request_of())
    InboundEvent.objects.filter(id=stored.event_id).update(state="failed", reason="Nobody could answer.")
    return stored.event_id


@dataclass
class World:
    """A workspace with one of everything that a route can name."""

    workspace: Workspace = field(default_factory=factories.make_workspace)
    deployment: NewDeployment = field(init=False)
    opened: OpenedSession = field(init=False)
    key: NewApiKey = field(init=False)
    secret: identity.NewSecret = field(init=False)
    token_id: UUID = field(init=False)
    refused_id: UUID = field(init=False)
    connection: connections.NewConnection = field(init=False)
    delivery_id: UUID = field(init=False)
    event_id: UUID = field(init=False)
    reply_id: UUID = field(init=False)
    price_id: UUID = field(init=False)
    tag_id: UUID = field(init=False)
    view_id: UUID = field(init=False)
    mail_id: UUID = field(init=False)
    media_id: UUID = field(init=False)
    recording_id: UUID = field(init=False)
    person_id: UUID = field(init=False)
    note_id: UUID = field(init=False)
    field_id: UUID = field(init=False)
    merge_id: UUID = field(init=False)
    other_id: UUID = field(init=False)
    template_id: UUID = field(init=False)
    source_id: UUID = field(init=False)
    page_id: UUID = field(init=False)
    secret_key: str = field(default_factory=lambda: f"secret_{uuid4().hex}")

    def __post_init__(self) -> None:
        self.deployment = factories.make_deployment(self.workspace)
        self.opened = factories.start_session(self.deployment)
        self.key = factories.make_api_key(self.workspace)
        who = factories.actor(self.workspace)
        with tenant(self.workspace.id):
            self.secret = identity.make_secret(who, self.deployment.deployment)
            deploying.rotate(who, self.deployment.deployment, overlap_seconds=3600)
            self.token_id = self.deployment.deployment.tokens.earliest("created_at").id
            secret_store.write(who, self.secret_key, "the value of a secret")
            self.connection = connections.create(
                who, assistant_id=self.deployment.deployment.assistant_id, credentials={}, **_CONNECTION
            )
            self.template_id = MessageTemplate.objects.create(
                connection=self.connection.connection, sid="HX1", name="one", language="en", synced_at=timezone.now()
            ).id
            delivery = enqueueing.enqueue_alone(self.connection.connection, "test", {"type": "test", "data": {}})
            Delivery.objects.filter(id=delivery.id).update(status="failed", settled_at=timezone.now())
            self.delivery_id = delivery.id
            self.price_id = budget_settings.add_price(
                who, model="other", price_in=0.5, price_out=2, valid_from="2026-01-31"
            ).id
            self.reply_id = canned.create(who, shortcut="hello", title="Hello", text="Hello {{visitor.name}}").id
            self.mail_id = ReplyMail.objects.create(
                conversation=self.opened.session.conversation,
                address="a@b.example",
                from_seq=1,
                to_seq=1,
                state="failed",
                due_at=timezone.now(),
            ).id
            self.media_id = files_in_messages.failed(self.connection.connection, self.opened.session.conversation_id).id
            self.recording_id = told_calls.failed(self.connection.connection, self.opened.session.conversation_id).id
            person = Conversation.objects.get(id=self.opened.session.conversation_id).person
            self.person_id = person.id
            self.note_id = person_changes.add_note(who, person, "Kind.").id
            self.field_id = person_fields.create(who, key="plan", label="Plan", kind="text").id
            self.other_id = people.person_at([(IdentityKind.PHONE, "+15005550006")], {"name": "Other"}).id
            third = people.person_at([(IdentityKind.PHONE, "+15005550007")], {"name": "Third"})
            self.merge_id = merging.merge(who, person, third).id
            source = sources.add_web(
                who, self.deployment.deployment.assistant, kind=SourceKind.PAGE, url="https://help.example/"
            )
            KnowledgeSource.objects.filter(id=source.id).update(status="failed", due_at=None)
            self.source_id = source.id
            self.page_id = KnowledgePage.objects.create(source=source, url=source.url).id
            self.event_id = _failed_event(self.connection.connection)
            tagging.put(who, Conversation.objects.get(id=self.opened.session.conversation_id), ["parcel"])
            self.tag_id = Tag.objects.get().id
            self.view_id = saved_views.make(who, self.owner, "Mine", {"show": "mine"}, is_shared=True).id
        self.refused_id = factories.refuse(self.deployment).id
        self.rollout_id: UUID | None = None

    @property
    def owner(self) -> User:
        return factories.owner_of(self.workspace)

    @property
    def ids(self) -> dict[str, Any]:
        """What the routes' arguments stand for."""
        return {
            "assistant_id": self.deployment.deployment.assistant_id,
            "deployment_id": self.deployment.deployment.id,
            "conversation_id": self.opened.session.conversation_id,
            "session_id": self.opened.session.id,
            "key_id": self.key.key.id,
            "secret_id": self.secret.row.id,
            "number": 1,
            "token_id": self.token_id,
            "refused_id": self.refused_id,
            "rollout_id": self.rollout_id or uuid4(),
            "connection_id": self.connection.connection.id,
            "delivery_id": self.delivery_id,
            "event_id": self.event_id,
            "template_id": self.template_id,
            "source_id": self.source_id,
            "page_id": self.page_id,
            "sid": "HX1",
            "reply_id": self.reply_id,
            "price_id": self.price_id,
            "tag_id": self.tag_id,
            "view_id": self.view_id,
            "mail_id": self.mail_id,
            "media_id": self.media_id,
            "recording_id": self.recording_id,
            "person_id": self.person_id,
            "note_id": self.note_id,
            "field_id": self.field_id,
            "merge_id": self.merge_id,
            "kind": "custom_webhook",
            "key": self.secret_key,
        }

    @property
    def user_token(self) -> str:
        """A good one."""
        return jwt.encode({"sub": "u-1", "exp": time.time() + 600}, self.secret.value, algorithm="HS256")

    def roll_out(self) -> None:
        """Start a rollout."""
        with tenant(self.workspace.id):
            row = self.deployment.deployment
            rollouts.start(factories.actor(self.workspace), row, Tried(theme={"primaryColor": "#0a6640"}), share=20)

    def take_back(self) -> None:
        """Start a rollout and take it back."""
        self.roll_out()
        with tenant(self.workspace.id):
            self.rollout_id = rollouts.undo(factories.actor(self.workspace), self.deployment.deployment).id

    @property
    def draft_seen(self) -> str:
        """How the forms name the draft as it is now."""
        with tenant(self.workspace.id):
            return Assistant.objects.get(id=self.deployment.deployment.assistant_id).draft_changed_at.isoformat()

    def publish_another(self) -> None:
        """Leave version 1 behind, so that there is something to restore."""
        who = factories.actor(self.workspace)
        with tenant(self.workspace.id):
            assistant = Assistant.objects.get(id=self.deployment.deployment.assistant_id)
            publishing.change_draft(who, assistant, scripted={"welcome": {"text": "Another welcome"}})
            publishing.publish(who, assistant.id, note="Another")

    def give_a_webhook(self) -> None:
        """Give the assistant a bot, whose secret can be rotated."""
        with tenant(self.workspace.id):
            assistant = Assistant.objects.get(id=self.deployment.deployment.assistant_id)
            publishing.change_draft(
                factories.actor(self.workspace), assistant, parts={"webhook": {"url": "https://bot.example/"}}
            )

    def block_person(self) -> None:
        """Bring the person to where they can be let in."""
        with tenant(self.workspace.id):
            Person.objects.filter(id=self.person_id).update(blocked_at=timezone.now())

    def wait_for_a_person(self) -> None:
        """Bring the conversation to where it can be handed back."""
        with tenant(self.workspace.id):
            handoff.request(conversations.lock(self.opened.session.conversation_id), "The visitor asked.")

    def call_by_telephone(self) -> None:
        """Make the conversation a call, so that a member can take it."""
        with tenant(self.workspace.id):
            PhoneCall.objects.filter(conversation_id=self.opened.session.conversation_id).delete()
            now = timezone.now()
            config = {"account_sid": "AC" + "0" * 32, "from_number": "+14155552671"}
            line = Connection.objects.create(kind="twilio_voice", name="Our line", config=config)
            PhoneCall.objects.create(
                connection=line,
                conversation_id=self.opened.session.conversation_id,
                sid="CA" + "0" * 32,
                caller="+14155550123",
                called="+14155552671",
                state="active",
                last_sign_at=now,
                ends_by=now + dt.timedelta(minutes=30),
                due_at=now + dt.timedelta(minutes=30),
            )

    def assign(self) -> None:
        """Give the conversation to a member, so that it can be taken from them."""
        with tenant(self.workspace.id):
            Conversation.objects.update(assigned_to=factories.owner_of(self.workspace))

    def has_embeddings(self) -> None:
        """Set an endpoint of embeddings, so that it can be left out."""
        with tenant(self.workspace.id):
            KnowledgeEmbedding.objects.create(
                assistant_id=self.deployment.deployment.assistant_id, base_url="https://api.example/v1", model="one"
            )

    def take_files(self) -> None:
        """Let the deployment's visitors send files."""
        with tenant(self.workspace.id):
            Deployment.objects.update(files={"on": True})

    def old_file(self) -> None:
        """A visitor's file with its message, from before yesterday."""
        factories.sent_file(self.opened, days_ago=2)

    def old_channel_file(self) -> None:
        """One as old, of a conversation of no deployment."""
        factories.sent_file(self.opened, days_ago=2)
        with tenant(self.workspace.id):
            Conversation.objects.filter(id=self.opened.session.conversation_id).update(deployment=None)

    def can_register(self) -> None:
        """Make the connection one of a kind whose provider can be told our addresses."""
        with tenant(self.workspace.id):
            Connection.objects.update(kind=Registering.kind)

    def can_call(self) -> None:
        """Make the connection one that calls people."""
        with tenant(self.workspace.id):
            Connection.objects.update(kind=Calling.kind)

    def can_text(self) -> None:
        """Make the connection one that reaches telephone numbers."""
        with tenant(self.workspace.id):
            Connection.objects.update(kind="twilio_sms", config=_NUMBER)

    def has_templates(self) -> None:
        """Make the connection one of a kind that has them, and the conversation one that runs over it."""
        with tenant(self.workspace.id):
            Connection.objects.update(kind=Windowed.kind)
            conversation_id = self.opened.session.conversation_id
            Conversation.objects.filter(id=conversation_id).update(channel="whatsapp")
            link = {"connection": self.connection.connection, "address": "room-2"}
            ConversationLink.objects.get_or_create(conversation_id=conversation_id, defaults=link)

    def speaks(self) -> None:
        """Make the connection one whose calls are kept."""
        with tenant(self.workspace.id):
            Connection.objects.update(kind="twilio_voice")

    def has_approved(self) -> None:
        """And its template is approved."""
        self.has_templates()
        with tenant(self.workspace.id):
            MessageTemplate.objects.update(approval="approved")

    def rehearse(self) -> None:
        """Make the connection one that talks with a stand-in."""
        with tenant(self.workspace.id):
            Connection.objects.update(is_rehearsal=True)
            Rehearsal.objects.create(connection=self.connection.connection)

    def rehearse_whatsapp(self) -> None:
        """And one whose screen has buttons beside those that speak."""
        with tenant(self.workspace.id):
            config = {"account_sid": f"AC{'0' * 32}", "from_number": "+14155552671"}
            Connection.objects.update(kind="twilio_whatsapp", config=config, credentials={})
        self.rehearse()

    def rehearse_sound(self) -> None:
        """And one whose calls go by sound."""
        with tenant(self.workspace.id):
            Connection.objects.update(kind="voice_gateway", config={"mode": "stream"}, credentials={})
        self.rehearse()

    def rehearse_desk(self) -> None:
        """And one that takes hand-overs, with a visitor."""
        with tenant(self.workspace.id):
            Connection.objects.update(kind="zendesk", config={"subdomain": "lamps", "mode": "tickets"}, credentials={})
        self.rehearse()

    def pause_connection(self) -> None:
        """Bring the connection to where it can be enabled."""
        with tenant(self.workspace.id):
            Connection.objects.update(state="paused")

    def pause(self) -> None:
        """Bring the deployment to where it can be resumed."""
        with tenant(self.workspace.id):
            Deployment.objects.update(paused_at=timezone.now())

    def rename_the_assistant(self) -> None:
        """Give it something to publish."""
        with tenant(self.workspace.id):
            Assistant.objects.update(name="Renamed")


Body = Mapping[str, Any] | Callable[[World], Mapping[str, Any]]


@dataclass(frozen=True)
class Call:
    """One good call of a route."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    body: Body | None = None
    before: Callable[[World], None] | None = None
    # Foreign ids that travel in the body, as a foreign caller would send them.
    ids_in_body: bool = False
    # What isn't there under the address's name is made in the caller's own workspace.
    makes_own: bool = False
    changes: bool = True
    # A read that is in the audit log: what it takes out is a person's.
    is_recorded: bool = False
    query: str = ""

    def data(self, world: World) -> Mapping[str, Any] | None:
        """The body for this world."""
        return self.body(world) if callable(self.body) else self.body

    @property
    def is_changing(self) -> bool:
        return self.is_recorded or (self.method != "GET" and self.changes)


GET = [Call("GET")]
_ONCE = {"once": "a form of the test"}
_CONNECTION_FORM = {
    "name": "Renamed bridge",
    "config-url": "https://bridge.example/hook",
    "config-events": ["message.created"],
    "once": "a form of the test",
}
_TEMPLATE = {"name": "new", "language": "en", "category": "UTILITY", "body": "Hello."}
_DEPLOYMENT = {"name": "New", "allowed_origins": ["https://a.example"]}
_DEPLOYMENT_FORM = {"name": "New", "allowed_origins": "https://a.example", "once": "a form of the test"}


_FIELD = {"key": "birthday", "label": "Birthday", "kind": "date"}
_BUDGET = {"measure": "messages", "per": "visitor", "most": 20}
_PRICE = {"model": "m-1", "price_in": 0.5, "price_out": 2, "valid_from": "2026-01-31"}
_CANNED = {"shortcut": "bye", "title": "Goodbye", "text": "Bye, {{visitor.name|dear visitor}}!"}
_ASSISTANT_FORM = {"op": "save-anyway", "name": "Renamed", "welcome.text": "Hi", "fallback.text": "Sorry"}
_IMPORT = {"name": "Imported", "scripted": {"welcome": {"text": "Ahoy"}}}
_FILE = json.dumps(_IMPORT)


def _kept_case(world: World) -> Mapping[str, Any]:
    """Something that was said while trying, to be kept as a test case."""
    turn: dict[str, Any] = {
        "text": "a parcel",
        "payload": None,
        "replies": [],
        "trace": {},
        "hand_over": None,
        "end": None,
    }
    return {"talk": Talk(turns=[turn]).packed(world.ids["assistant_id"]), "case": "0", "expected": ""}


# Signed-in pages: called by the cookie of a member.
PAGES: Mapping[str, list[Call]] = {
    "workspace": GET,
    "workspace_rename": [Call("POST", {"name": "Renamed"})],
    "api_key_create": [Call("POST", {"name": "CI", "scopes": ["assistants:read"], "once": "a form of the test"})],
    "api_key_revoke": [Call("GET"), Call("POST", {})],
    "secrets": GET,
    "secret_new": [Call("GET"), Call("POST", {"key": "another", "value": "its value"})],
    "secret_replace": [Call("GET"), Call("POST", {"value": "another value"})],
    # Where it is sent to is told in tests of its own.
    "secret_withdraw": [Call("GET", changes=False), Call("POST", {"host": "https://a.example"}, changes=False)],
    "secret_delete": [Call("GET"), Call("POST", {})],
    "assistants": GET,
    "assistant_new": [Call("GET"), Call("POST", {"name": "Bea", "template": "faq"})],
    "assistant": GET,
    "assistant_save": [Call("POST", _ASSISTANT_FORM)],
    "assistant_autosave": [Call("POST", lambda world: {**_ASSISTANT_FORM, "seen": world.draft_seen})],
    "assistant_delete": [Call("GET"), Call("POST", {})],
    "assistant_import_new": [Call("GET"), Call("POST", {"text": _FILE})],
    "duty": [Call("POST", {"away": "yes"})],
    "assistant_knowledge": GET,
    "assistant_knowledge_rows": GET,
    "assistant_knowledge_text": [Call("POST", {"title": "Hours", "text": "Open from nine to five."})],
    "assistant_knowledge_file": [Call("POST", lambda world: {"file": ContentFile(b"Open.", "hours.txt")})],
    "assistant_knowledge_web": [Call("POST", {"url": "https://another.example/", "kind": "page"})],
    "assistant_knowledge_ask": [Call("POST", {"ask": "when are you open"}, changes=False)],
    "assistant_knowledge_embeddings": [Call("POST", {"base_url": "https://api.example/v1", "model": "one"})],
    "assistant_knowledge_source": GET,
    "assistant_knowledge_page": GET,
    "assistant_knowledge_change": [Call("POST", {"title": "Renamed", "refetch_hours": "24"})],
    "assistant_knowledge_refetch": [Call("POST", {})],
    "assistant_knowledge_remove": [Call("GET"), Call("POST", {})],
    "assistant_answers": GET,
    "assistant_answers_save": [
        Call("POST", {"responder": "scripted", "failure-person": "on"}),
        Call("POST", {"op": "llm-add-http"}, changes=False),
    ],
    "webhook_secret": GET,
    "webhook_secret_rotate": [
        Call("POST", {"overlap": "0", "once": "a form of the test"}, before=World.give_a_webhook)
    ],
    "assistant_handoff": GET,
    "assistant_handoff_save": [
        Call("POST", {"on_request": "on", "wait": "5", "silence": "15", "keywords": "human"}),
        Call("POST", {"op": "preview"}, changes=False),
    ],
    "assistant_versions": GET,
    "assistant_compare": GET,
    "assistant_version": GET,
    "assistant_restore": [
        Call("POST", {"op": "draft"}, before=World.publish_another),
        Call("POST", {"op": "publish"}, before=World.publish_another),
    ],
    "assistant_export": GET,
    "assistant_import": [
        Call("GET"),
        Call("POST", {"text": _FILE, "op": "look"}, changes=False),
        Call("POST", lambda world: {"text": _FILE, "op": "replace", "seen": world.draft_seen}),
    ],
    "assistant_try": [Call("GET"), Call("POST", {"text": "hello"}, changes=False)],
    "assistant_try_case": [Call("POST", _kept_case)],
    "assistant_tests": GET,
    "assistant_tests_change": [Call("POST", {"utterance": "a parcel", "expected": ""})],
    "assistant_tests_publish": [Call("POST", {"op": "publish"}, before=World.rename_the_assistant)],
    "deploy": GET,
    "deployment_create": [Call("POST", _DEPLOYMENT_FORM)],
    "deployment": GET,
    "deployment_change": [Call("POST", _DEPLOYMENT_FORM)],
    "deployment_settings": GET,
    "deployment_files": GET,
    "deployment_files_delete": [Call("POST", {"days": "1", "sure": "on"}, before=World.old_file)],
    "channel_files": GET,
    "channel_files_delete": [Call("POST", {"days": "1", "sure": "on"}, before=World.old_channel_file)],
    "deployment_pause": [Call("POST", {})],
    "deployment_resume": [Call("POST", {}, before=World.pause)],
    "deployment_token_end": [Call("GET"), Call("POST", {"sure": "1"})],
    "origin_check": GET,
    "deployment_origins": GET,
    "deployment_origins_save": [Call("POST", _DEPLOYMENT_FORM)],
    "refused_origin_allow": [Call("POST", {"origin": "https://stranger.example"})],
    "refused_origin_forget": [Call("POST", {})],
    "refused_origins_forget": [Call("POST", {})],
    "deployment_rotate": [Call("POST", {"overlap": "0", "once": "a form of the test"})],
    "deployment_revoke": [Call("GET"), Call("POST", {})],
    "deployment_budgets": GET,
    "deployment_budgets_save": [Call("POST", {"messages_visitor": "20"})],
    "usage": GET,
    "usage_budgets_save": [Call("POST", {"messages_visitor": "20"})],
    "model_prices": GET,
    "model_price_add": [Call("POST", {name: str(value) for name, value in _PRICE.items()})],
    "model_price_delete": [Call("GET"), Call("POST", {})],
    "deployment_numbers": GET,
    "deployment_numbers_csv": GET,
    "deployment_rollout": GET,
    "deployment_rollout_start": [Call("POST", {"theme": '{"primaryColor": "#0a6640"}', "share": "20"})],
    "deployment_rollout_share": [Call("POST", {"share": "30"}, before=World.roll_out)],
    "deployment_rollout_keep": [Call("GET"), Call("POST", {}, before=World.roll_out)],
    "deployment_rollout_back": [Call("POST", lambda world: {"rollout": str(world.rollout_id)}, before=World.take_back)],
    "deployment_rollout_undo": [Call("POST", {}, before=World.roll_out)],
    "deployment_rollout_preview": [Call("POST", {"variant": "b"})],
    "deployment_install": GET,
    "deployment_install_fill": [Call("POST", lambda world: {"token": world.deployment.token}, changes=False)],
    "deployment_install_link": [Call("POST", {})],
    "deployment_install_check": [Call("POST", {"page": "http://127.0.0.1/"}, changes=False)],
    "deployment_install_allow": [Call("POST", {"origin": "https://b.example", "page": "https://b.example/"})],
    "deployment_appearance": GET,
    "deployment_appearance_save": [
        Call("POST", {"op": "json", "json": '{"radius": 4}', "seen": appearance_form.seen({})})
    ],
    "deployment_appearance_preview": GET,
    "deployment_identity": GET,
    "deployment_identity_require": [Call("POST", {"required": "1"})],
    "deployment_identity_secret_make": [Call("POST", {"overlap": "0", "once": "a form of the test"})],
    "deployment_identity_secret_end": [Call("POST", {})],
    "deployment_identity_check": [Call("POST", lambda world: {"user_token": world.user_token}, changes=False)],
    "people": GET,
    "person": GET,
    "person_edit": [Call("GET"), Call("POST", {"name": "Renamed"})],
    "person_note": [Call("POST", {"text": "Likes ships."})],
    "person_note_delete": [Call("POST", {})],
    "person_block": [Call("POST", {"reason": "Insults"})],
    "person_unblock": [Call("POST", {}, before=World.block_person)],
    "person_merge": [Call("GET"), Call("POST", lambda world: {"with": str(world.other_id)}, ids_in_body=True)],
    "person_merge_undo": [Call("POST", {})],
    "person_export_json": [Call("GET", is_recorded=True)],
    "person_export_zip": [Call("GET", is_recorded=True)],
    "person_erase": [Call("GET"), Call("POST", {"sure": "erase"})],
    "person_fields": GET,
    "person_field_new": [Call("GET"), Call("POST", _FIELD)],
    "person_field": [Call("GET"), Call("POST", {"label": "Tariff"})],
    "person_field_delete": [Call("GET"), Call("POST", {})],
    "conversations": GET,
    "conversations_rows": GET,
    "conversations_waiting": GET,
    "conversation_new": [
        Call("GET"),
        Call(
            "POST",
            lambda world: {"connection": str(world.ids["connection_id"]), "to": "+14155550123", "text": "Hi", **_ONCE},
            before=World.can_text,
            ids_in_body=True,
        ),
    ],
    "conversation_new_standing": [Call("POST", {"to": "+14155550123", "text": "Hi"}, changes=False)],
    "conversation": GET,
    "conversation_live": GET,
    "conversation_tags": [Call("POST", {"add": "urgent"}), Call("POST", lambda world: {"remove": str(world.tag_id)})],
    "conversation_snooze": [Call("POST", {"until": "hour"})],
    "tags": GET,
    "tag": [Call("GET"), Call("POST", {"name": "another"})],
    "tag_delete": [Call("GET"), Call("POST", {})],
    "saved_view_new": [Call("GET"), Call("POST", {"name": "Mine"})],
    "saved_view": [Call("GET"), Call("POST", {"name": "Renamed"})],
    "saved_view_delete": [Call("GET"), Call("POST", {})],
    "conversation_file_again": [Call("POST", {})],
    "call_recording_again": [Call("POST", {})],
    "conversation_reply": [Call("POST", {"text": "Hello", "client_id": "a"})],
    "conversation_mentions": GET,
    "conversation_replies": GET,
    "conversation_assign": [Call("POST", {"user": "me"})],
    "conversation_export_json": [Call("GET", is_recorded=True)],
    "conversation_export_txt": [Call("GET", is_recorded=True)],
    "conversation_export_pdf": [Call("GET", is_recorded=True)],
    "conversation_mail_again": [Call("POST", {})],
    "conversation_insert": [Call("POST", {"canned": "hello"}, changes=False)],
    "canned_replies": GET,
    "canned_reply_new": [Call("GET"), Call("POST", _CANNED)],
    "canned_reply": [Call("GET"), Call("POST", _CANNED)],
    "canned_reply_delete": [Call("GET"), Call("POST", {})],
    "conversation_take": [Call("POST", {})],
    "conversation_take_call": [Call("POST", {"number": "+14155550123"}, before=World.call_by_telephone)],
    "conversation_return": [Call("POST", {}, before=World.wait_for_a_person)],
    "conversation_resolve": [Call("POST", {})],
    "channels": GET,
    "channel_deployment_create": [
        Call(
            "POST",
            lambda world: {**_DEPLOYMENT_FORM, "assistant": str(world.ids["assistant_id"])},
            ids_in_body=True,
        )
    ],
    "connection_new": [
        Call("GET"),
        Call("POST", lambda world: {**_CONNECTION_FORM, "assistant": str(world.ids["assistant_id"])}, ids_in_body=True),
    ],
    "rehearsal_new": [
        Call("GET"),
        Call("POST", lambda world: {**_ONCE, "assistant": str(world.ids["assistant_id"])}, ids_in_body=True),
    ],
    "connection_rehearse": [Call("POST", _ONCE)],
    "rehearsal": [Call("GET", before=World.rehearse)],
    "rehearsal_live": [Call("GET", before=World.rehearse)],
    "rehearsal_say": [Call("POST", {"text": "hello"}, before=World.rehearse)],
    "rehearsal_ticket": [Call("POST", {}, before=World.rehearse_sound)],
    "rehearsal_visitor": [Call("POST", {"does": "say", "visitor_text": "hello"}, before=World.rehearse_desk)],
    "rehearsal_behave": [Call("POST", {"fault": "broken", "reports": "straight"}, before=World.rehearse)],
    "rehearsal_act": [Call("POST", {"act": "synchronise"}, before=World.rehearse_whatsapp)],
    "rehearsal_catch_up": [Call("POST", {}, before=World.rehearse, changes=False)],
    "rehearsal_start_over": [Call("POST", {}, before=World.rehearse)],
    "connection": GET,
    "connection_test": [Call("POST", {}, changes=False)],
    "connection_register": [Call("POST", {}, before=World.can_register)],
    "connection_call_me": [Call("POST", {"to": "+14155550123"}, before=World.can_call)],
    "connection_called": GET,
    "connection_try": [Call("POST", {"what": ""})],
    "connection_pause": [Call("POST", {})],
    "connection_enable": [Call("POST", {}, before=World.pause_connection)],
    "connection_settings": GET,
    "connection_change": [
        Call("POST", lambda world: {**_CONNECTION_FORM, "assistant": str(world.ids["assistant_id"])})
    ],
    "connection_rotate": [Call("POST", {"which": "inbound_secret", "overlap": "0", "once": "a form of the test"})],
    "connection_delete": [Call("GET"), Call("POST", {})],
    "connection_events": GET,
    "connection_events_rows": GET,
    "connection_event_retry": [Call("POST", {})],
    "connection_templates": [Call("GET", before=World.has_templates)],
    "connection_templates_rows": [Call("GET", before=World.has_templates)],
    "connection_templates_sync": [Call("POST", {}, before=World.has_templates)],
    "connection_template_new": [
        Call("GET", before=World.has_templates),
        Call("POST", {**_TEMPLATE, **_ONCE}, before=World.has_templates),
    ],
    "connection_template": [Call("GET", before=World.has_templates)],
    "connection_template_submit": [
        Call("POST", {"name": "one", "category": "UTILITY"}, before=World.has_templates),
    ],
    "connection_template_delete": [
        Call("GET", before=World.has_templates),
        Call("POST", {}, before=World.has_templates),
    ],
    "connection_template_window": [Call("POST", {"on": "yes"}, before=World.has_approved)],
    "conversation_template": [
        Call("GET", before=World.has_approved),
        Call("POST", {"template": "HX1", "v-1": "a", "client_id": "c"}, before=World.has_approved),
    ],
    "connection_calls": [Call("GET", before=World.speaks)],
    "connection_calls_rows": [Call("GET", before=World.speaks)],
    "connection_deliveries": GET,
    "connection_deliveries_rows": GET,
    "connection_deliveries_replay": [Call("POST", {"show": "dead"})],
    "connection_deliveries_dismiss": [Call("POST", {})],
    "connection_delivery": GET,
    "connection_delivery_live": GET,
    "connection_delivery_replay": [Call("POST", {})],
    "connection_delivery_dismiss": [Call("POST", {})],
}

# The admin API: called by a key.
API: Mapping[str, list[Call]] = {
    "api_me": GET,
    "api_assistants": [Call("GET"), Call("POST", {"name": "Bea"})],
    "api_assistant": [Call("GET"), Call("PATCH", {"name": "Renamed"}), Call("DELETE")],
    "api_publish": [Call("POST", {"note": "Now"}, before=World.rename_the_assistant)],
    "api_versions": GET,
    "api_version": GET,
    "api_diff": GET,
    "api_restore": [Call("POST", {"version": 1, "publish": True}, before=World.publish_another)],
    "api_export": GET,
    "api_import_new": [Call("POST", _IMPORT)],
    "api_import": [Call("POST", _IMPORT)],
    "api_try": [Call("POST", {"text": "hello"}, changes=False)],
    "api_tests": [Call("GET"), Call("PUT", {"cases": [{"utterance": "hello", "expected": ""}], "threshold": 50})],
    "api_tests_run": [Call("POST", {}, changes=False)],
    "api_knowledge": [Call("GET"), Call("POST", {"kind": "text", "title": "Hours", "text": "From nine."})],
    "api_knowledge_files": [Call("POST")],
    "api_knowledge_search": [Call("POST", {"text": "when are you open"}, changes=False)],
    "api_knowledge_embeddings": [
        Call("GET"),
        Call("PUT", {"base_url": "https://api.example/v1", "model": "one"}),
        Call("DELETE", before=World.has_embeddings),
    ],
    "api_knowledge_source": [Call("GET"), Call("PATCH", {"title": "Renamed"}), Call("DELETE")],
    "api_knowledge_refetch": [Call("POST", {})],
    "api_knowledge_pages": GET,
    "api_deployments": [Call("GET"), Call("POST", _DEPLOYMENT)],
    "api_deployment": [Call("GET"), Call("PATCH", {"name": "Renamed"})],
    "api_revoke": [Call("POST", {})],
    "api_files": GET,
    "api_files_delete": [Call("POST", {"older_than_days": 1}, before=World.old_file)],
    "api_pause": [Call("POST", {})],
    "api_resume": [Call("POST", {}, before=World.pause)],
    "api_tokens": GET,
    "api_token_end": [Call("POST", {})],
    "api_origins_check": [Call("POST", {"origin": "https://a.example/"}, changes=False)],
    "api_would_allow": [Call("GET", query="?origin=https://a.example")],
    "api_refused_origins": [Call("GET"), Call("DELETE")],
    "api_refused_origins_allow": [Call("POST", {"origin": "https://stranger.example"})],
    "api_refused_origin": [Call("DELETE")],
    "api_webhook_rotate": [Call("POST", {"overlap_seconds": 5}, before=World.give_a_webhook)],
    "api_rotate": [Call("POST", {"overlap_seconds": 5})],
    "api_theme_check": [Call("POST", {"theme": {"radius": 4}}, changes=False)],
    "api_numbers": GET,
    "api_deployment_budgets": [Call("GET"), Call("PUT", {"budgets": [_BUDGET]})],
    "api_budgets": [Call("GET"), Call("PUT", {"budgets": [_BUDGET]})],
    "api_usage": GET,
    "api_model_prices": [Call("GET"), Call("POST", _PRICE)],
    "api_model_price": [Call("DELETE")],
    "api_rollouts": [Call("GET"), Call("POST", {"theme": {"primaryColor": "#0a6640"}, "share": 20})],
    "api_rollout": [Call("PATCH", {"share": 30}, before=World.roll_out)],
    "api_rollout_back": [Call("POST", {}, before=World.take_back)],
    "api_rollout_keep": [Call("POST", {}, before=World.roll_out)],
    "api_rollout_undo": [Call("POST", {}, before=World.roll_out)],
    "api_snippets": GET,
    "api_test_link": [Call("POST", {})],
    "api_check_page": [Call("POST", {"url": "http://127.0.0.1/"}, changes=False)],
    "api_identity": GET,
    "api_identity_secrets": [Call("POST", {"overlap_seconds": 5})],
    "api_identity_secret_end": [Call("POST", {})],
    "api_identity_check": [Call("POST", lambda world: {"user_token": world.user_token}, changes=False)],
    "api_secrets": GET,
    "api_secret": [Call("GET"), Call("PUT", {"value": "a-new-value"}, makes_own=True), Call("DELETE")],
    "api_connections": [
        Call("GET"),
        Call(
            "POST",
            lambda world: {**_CONNECTION, "assistant_id": str(world.ids["assistant_id"])},
            ids_in_body=True,
        ),
    ],
    "api_connection": [Call("GET"), Call("PATCH", {"name": "Renamed"}), Call("DELETE")],
    "api_connection_test": [Call("POST", {}, changes=False)],
    "api_connection_call_me": [Call("POST", {"to": "+14155550123"}, before=World.can_call)],
    "api_connection_enable": [Call("POST", {}, before=World.pause_connection)],
    "api_connection_disable": [Call("POST", {})],
    "api_connection_rotate": [Call("POST", {"which": "inbound_secret"})],
    "api_connection_events": GET,
    "api_connection_deliveries": GET,
    "api_connection_calls": GET,
    "api_connection_latency": GET,
    "api_templates": [
        Call("GET", before=World.has_templates),
        Call("POST", _TEMPLATE, before=World.has_templates),
    ],
    "api_templates_sync": [Call("POST", {}, before=World.has_templates)],
    "api_template_submit": [Call("POST", {"category": "UTILITY"}, before=World.has_templates)],
    "api_delivery": GET,
    "api_delivery_replay": [Call("POST", {})],
    "api_delivery_dismiss": [Call("POST", {})],
    "api_people": GET,
    "api_person": [Call("GET"), Call("PATCH", {"name": "Renamed"}), Call("DELETE")],
    "api_person_merge": [Call("POST", lambda world: {"from": str(world.other_id)}, ids_in_body=True)],
    "api_person_block": [Call("POST", {"reason": "Insults"})],
    "api_person_unblock": [Call("POST", {}, before=World.block_person)],
    "api_person_export": [Call("POST", {}, is_recorded=True)],
    "api_person_notes": [Call("GET"), Call("POST", {"text": "Likes ships."})],
    "api_person_note": [Call("DELETE")],
    "api_person_merge_undo": [Call("POST", {})],
    "api_person_fields": [Call("GET"), Call("POST", _FIELD)],
    "api_person_field": [Call("GET"), Call("PATCH", {"label": "Tariff"}), Call("DELETE")],
    "api_conversations": [
        Call("GET"),
        Call(
            "POST",
            lambda world: {"connection_id": str(world.ids["connection_id"]), "to": "+14155550123", "text": "Hello"},
            before=World.can_text,
            ids_in_body=True,
        ),
    ],
    "api_conversation": [
        Call("GET"),
        Call("PATCH", {"assigned_to": None}, before=World.assign),
        Call("PATCH", {"tags": ["urgent"]}),
    ],
    "api_messages": [Call("GET"), Call("POST", {"text": "Hello"})],
    "api_conversation_files": [Call("POST")],
    "api_canned_replies": [Call("GET"), Call("POST", _CANNED)],
    "api_canned_reply": [Call("GET"), Call("PATCH", {"title": "Renamed"}), Call("DELETE")],
    "api_conversation_export": [Call("GET", is_recorded=True)],
    "api_notes": [Call("GET"), Call("POST", {"text": "Be kind"})],
    "api_handoff": [Call("POST", {})],
    "api_return": [Call("POST", {}, before=World.wait_for_a_person)],
    "api_resolve": [Call("POST", {})],
}

# The visitors' API by `cst_` token: what a visitor does to their own conversation is no act of the workspace.
VISITOR: Mapping[str, list[Call]] = {
    "runtime_session": GET,
    "runtime_messages": [Call("GET"), Call("POST", {"client_id": "a", "text": "hello"})],
    "runtime_stream": GET,
    "runtime_stop": [Call("POST", {})],
    "runtime_events": [Call("POST", {"type": "typing", "on": True})],
    "runtime_identify": [Call("POST", {"user": {"name": "Ada"}})],
    "runtime_files": [Call("POST", before=World.take_files)],
    "runtime_handoff": [Call("POST", {})],
    "runtime_end": [Call("POST", {})],
}

# The visitors' API by `cdp_` token.
DEPLOYMENT_TOKEN: Mapping[str, list[Call]] = {
    "runtime_config": GET,
    "runtime_sessions": [Call("POST", lambda world: {"agent_id": str(world.ids["assistant_id"])})],
}

# Called by providers, whose signature is the wall, or by bots, at an address that nobody can guess.
SIGNED: Mapping[str, str] = {
    "rehearsal_stand_in": "tests/channels/test_rehearsal.py",
    "rehearsal_stand_in_part": "tests/channels/test_rehearsal.py",
    "channel_webhook": "tests/channels/test_inbound.py",
    "channel_webhook_part": "tests/channels/test_inbound.py",
    "rehearsal_bot": "tests/models/test_stand_in_bot.py",
    "webhook_answer": "tests/models/test_webhook_at_the_door.py",
    "mail_tracking": "tests/runtime/test_mail_tracking.py",
}

SOCKETS = {
    "visitor_socket": "tests/widget/test_socket.py",
    "app_socket": "tests/security/test_app_socket.py",
    "rehearsal_telephone": "tests/security/test_telephone_socket.py",
    "relay_socket": "tests/channels/test_relay_socket.py",
    None: "refuses whatever it is asked",
}


@dataclass(frozen=True)
class Route:
    """One named route of the URL conf."""

    name: str
    pattern: str
    arguments: frozenset[str]
    callback: Any

    @property
    def names_an_object(self) -> bool:
        """Whether something of a workspace is named in its address; kinds of connections are everybody's."""
        return bool(self.arguments - {"kind"})


def routes() -> list[Route]:
    """Every route but Django admin's, whose wall is tested in tests/admin."""
    return list(_walk(get_resolver(), "", frozenset()))


def _walk(resolver: URLResolver, prefix: str, arguments: frozenset[str]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        inside = arguments | frozenset(getattr(entry.pattern, "converters", {}))
        if pattern.startswith("admin/"):
            continue
        if isinstance(entry, URLResolver):
            yield from _walk(entry, pattern, inside)
        elif isinstance(entry, URLPattern):
            yield Route(entry.name or pattern, pattern, inside, entry.callback)


# Their views cross into the database in threads of their own, which see only what is committed. Committing costs a test
# more than all the rest, so the others go without.
IN_THREADS = {"api_try", *VISITOR, *DEPLOYMENT_TOKEN}


def cases(table: Mapping[str, list[Call]]) -> list[Any]:
    """Every call of a table, as pytest takes parameters."""
    return [
        pytest.param(name, call, marks=[pytest.mark.django_db(transaction=True)] if name in IN_THREADS else [])
        for name, calls in table.items()
        for call in calls
    ]


def as_json(body: Mapping[str, Any] | None) -> bytes:
    """A body for the APIs."""
    return json.dumps(body).encode() if body is not None else b""
