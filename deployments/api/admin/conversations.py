"""Conversations: found, read, tagged, put away, answered, handed over and back, resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.actors import Actor
from convoship.lib.problems import invalid, not_found
from deployments import calls, conversations, handoff, inbox, starting, template_sending
from deployments.api.admin import conversation_changes, schema
from deployments.api.admin.bodies import said
from deployments.api.admin.shapes import conversation_json, conversation_with_handoff_json, reply_mail_json
from deployments.models import Conversation, ConversationTag, Message, ReplyMail
from deployments.models.conversation import Channel, Control, Status
from deployments.starting import Wanted
from deployments.wire import whole_message_json
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.ids import parsed_id
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS
from workspaces.models import User

ORDER = Order("last_activity_at")
MOST_MAILS = 100
MESSAGE_ORDER = Order("seq", descending=False, of=int)

_MESSAGE = Body(schema.NEW_MESSAGE)
_STARTED = Body(schema.STARTED)
_CHANGES = Body(conversation_changes.SCHEMA)
_HANDOFF = Body(schema.HANDOFF)
_RETURN = Body(schema.RETURN)


def conversation_of(conversation_id: UUID) -> Conversation:
    """The workspace's conversation; else 404."""
    try:
        return shown(Conversation.objects.all()).get(id=conversation_id)
    except Conversation.DoesNotExist:
        raise not_found() from None


def found(request: Request, actor: Actor) -> QuerySet[Conversation]:
    """The conversations that the filters leave."""
    rows = Conversation.objects.filter(is_test=False)
    wanted: dict[str, Any] = {
        "status": queries.choice(request, "status", Status.values),
        "control": queries.choice(request, "control", Control.values),
        "channel": queries.choice(request, "channel", Channel.values),
        "assistant_id": queries.an_id(request, "assistant"),
        "deployment_id": queries.an_id(request, "deployment"),
        "person_id": queries.an_id(request, "person"),
    }
    rows = rows.filter(**{column: value for column, value in wanted.items() if value is not None})
    tag, member = queries.an_id(request, "tag"), _assigned(request, actor)
    if tag is not None:
        rows = rows.filter(inbox.tagged(tag))
    if member is not None:
        rows = rows.filter(member)
    match queries.choice(request, "snoozed", ("true", "false")):
        case "true":
            rows = rows.filter(inbox.snoozed())
        case "false":
            rows = rows.filter(inbox.awake())
    text = queries.words(request, "q")
    return shown(inbox.found(rows, text) if text else rows)


def shown(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """With what `conversation_json` tells."""
    tags = Prefetch("tagged", queryset=ConversationTag.objects.select_related("tag").order_by("tag__name"))
    return rows.select_related("person", "assigned_to").prefetch_related(tags)


def _assigned(request: Request, actor: Actor) -> Q | None:
    """Whose conversations: a member's by id, those of the member who asks, or nobody's; None: everybody's."""
    value = request.query_params.get("assigned_to")
    if value is None:
        return None
    if value == "none":
        return Q(assigned_to=None)
    if value == "me":
        # A key is no member, so no conversation is its own.
        return Q(assigned_to=actor.id) if actor.kind == "user" else Q(pk__in=[])
    member = parsed_id(value)
    if member is None:
        raise invalid({"assigned_to": ["A member's id, `me` or `none`."]})
    return Q(assigned_to=member)


class ConversationsView(WorkspaceView):
    """All conversations of the workspace."""

    permissions = {"GET": "conversations.read", "POST": "conversations.write"}

    @extend_schema(
        operation_id="conversations_list",
        responses={200: schema.CONVERSATIONS},
        parameters=schema.CONVERSATION_FILTERS,
    )
    def get(self, request: Request) -> Response:
        """The conversations, the last one that moved first."""
        filters = ("status", "control", "channel", "assistant", "deployment", "person", "tag", "assigned_to")
        queries.only(request, *filters, "snoozed", "q", *PARAMETERS)
        return page(request, found(request, self.actor), ORDER, conversation_json)

    @extend_schema(
        operation_id="conversations_start",
        request=_STARTED.documented,
        responses={201: schema.CONVERSATION_STARTED},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Write to somebody first, over a connection that reaches telephone numbers.

        Consent, the 24-hour window and the connection's countries are checked here; what may be sent in an hour or a
        day, and quiet hours, when the message leaves: its `status`, `reason` and `remedy` say what became of it.
        """
        asked = _STARTED.read(request)
        user = _user(self)
        control: Literal["assistant", "human"] = asked.get("control") or ("human" if user else "assistant")
        wanted = Wanted(
            connection_id=_connection_id(asked["connection_id"]),
            to=asked["to"],
            text=said(asked.get("text", "")),
            template=said(asked.get("template", ""), "template"),
            variables={str(name): said(value, "variables") for name, value in asked.get("variables", {}).items()},
            consent=said(asked.get("consent", ""), "consent"),
            control=control,
        )
        started = starting.start(self.actor, user, wanted)
        conversation = conversation_json(conversation_of(started.conversation.id))
        return Answer({**conversation, "message": whole_message_json(started.message)}, status=201)


def _connection_id(value: str) -> UUID:
    found = parsed_id(value)
    if found is None:
        raise invalid({"connection_id": ["An id of one of the workspace's connections."]})
    return found


class ConversationView(WorkspaceView):
    """One conversation."""

    permissions = {"GET": "conversations.read", "PATCH": "conversations.write"}

    @extend_schema(operation_id="conversations_read", responses={200: schema.CONVERSATION_IN_FULL})
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """The conversation without its messages: with the hand-over that goes on, its mails, and its telephone call."""
        queries.only(request)
        conversation = conversation_of(conversation_id)
        mails = ReplyMail.objects.filter(conversation=conversation).order_by("-created_at")[:MOST_MAILS]
        whole = conversation_with_handoff_json(conversation)
        call = calls.as_json(conversation) if conversation.channel == Channel.VOICE else None
        return Response({**whole, "mails": [reply_mail_json(mail) for mail in mails], "call": call})

    @extend_schema(
        operation_id="conversations_change", request=_CHANGES.documented, responses={200: schema.CONVERSATION}
    )
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        """Change what is named."""
        conversation = conversations.lock(conversation_id)
        conversation_changes.apply(self.actor, conversation, _CHANGES.read(request))
        return Response(conversation_json(conversation_of(conversation_id)))


class ConversationMessagesView(WorkspaceView):
    """A conversation's messages."""

    permissions = {"GET": "conversations.read", "POST": "conversations.write"}

    @extend_schema(
        operation_id="conversation_messages_list", responses={200: schema.MESSAGES}, parameters=PAGE_PARAMETERS
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """The messages, in their order."""
        conversation = conversation_of(conversation_id)
        queries.only(request, *PARAMETERS)
        return page(request, Message.objects.filter(conversation=conversation), MESSAGE_ORDER, whole_message_json)

    @extend_schema(
        operation_id="conversation_messages_send",
        request=_MESSAGE.documented,
        responses={201: schema.MESSAGE, 200: schema.MESSAGE},
    )
    @idempotent
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Answer as a person; the assistant is silent from then on, until the conversation is returned to it.

        On WhatsApp a template goes out whether or not they wrote within 24 hours; a text waits until they write.
        """
        conversation = conversations.lock(conversation_id)
        wanted = _MESSAGE.read(request)
        before = conversation.head_seq
        message = self._answered(conversation, wanted)
        return Answer(whole_message_json(message), status=201 if message.seq > before else 200)

    def _answered(self, conversation: Conversation, wanted: Mapping[str, Any]) -> Message:
        if "template" not in wanted:
            if more := [name for name in ("variables", "instead_of") if name in wanted]:
                raise invalid({name: ["Only with a template."] for name in more})
            text, files = said(wanted.get("text", "")), _files(wanted.get("attachments", []))
            if not text and not files:
                raise invalid({"text": ["Write something, name a file in attachments, or give a template."]})
            return handoff.reply(self.actor, _user(self), conversation, text, wanted.get("client_id"), files)
        if beside := [name for name in ("text", "attachments") if wanted.get(name)]:
            raise invalid({name: ["Not beside a template, which has its own words."] for name in beside})
        values = {name: said(value, f"variables.{name}") for name, value in wanted.get("variables", {}).items()}
        return template_sending.send(
            self.actor,
            _user(self),
            conversation,
            wanted["template"],
            values,
            client_id=wanted.get("client_id"),
            instead_of=wanted.get("instead_of"),
        )


class ConversationActView(WorkspaceView):
    """Something that is done to a conversation, and answers with it."""

    def done(self, conversation: Conversation) -> Response:
        """The conversation as it is now."""
        return Response(conversation_with_handoff_json(conversation_of(conversation.id)))


class ConversationHandoffView(ConversationActView):
    """Asking for a person."""

    permissions = {"POST": "conversations.write"}

    @extend_schema(
        operation_id="conversations_handoff",
        request=_HANDOFF.documented,
        responses={200: schema.CONVERSATION_WITH_HANDOFF},
    )
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Ask the members for a person; asking twice is asking once."""
        conversation = conversations.lock(conversation_id)
        reason = _HANDOFF.read(request).get("reason") or f"Asked for by {self.actor.label}."
        handoff.request_by(self.actor, conversation, reason)
        return self.done(conversation)


class ConversationReturnView(ConversationActView):
    """Handing back."""

    permissions = {"POST": "conversations.write"}

    @extend_schema(
        operation_id="conversations_return",
        request=_RETURN.documented,
        responses={200: schema.CONVERSATION_WITH_HANDOFF},
    )
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Hand the conversation back to the assistant, which may read the summary."""
        conversation = conversations.lock(conversation_id)
        handoff.give_back(self.actor, conversation, said(_RETURN.read(request).get("summary", ""), "summary"))
        return self.done(conversation)


class ConversationResolveView(ConversationActView):
    """Resolving."""

    permissions = {"POST": "conversations.write"}

    @extend_schema(
        operation_id="conversations_resolve", request=None, responses={200: schema.CONVERSATION_WITH_HANDOFF}
    )
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """End the conversation; resolving an ended one changes nothing."""
        conversation = conversations.lock(conversation_id)
        user = _user(self)
        handoff.resolve(self.actor, user.public_name if user else self.actor.shown_as, conversation)
        return self.done(conversation)


def _files(ids: list[str]) -> list[UUID]:
    parsed = [parsed_id(value) for value in ids]
    wrong = {f"attachments[{place}]": ["A file's id."] for place, value in enumerate(parsed) if value is None}
    if wrong:
        raise invalid(wrong)
    return [value for value in parsed if value is not None]


def _user(view: WorkspaceView) -> User | None:
    """The member who acts, if it is one: visitors see their name."""
    return User.objects.get(id=str(view.actor.id)) if view.actor.kind == "user" else None
