"""The visitors' API (CONTRACT section 4): thin doors over `sessions` and `visits`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from adrf.views import APIView
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib import limiting
from convoship.lib.problems import Problem, invalid
from convoship.lib.threads import in_thread
from deployments import embed_build, file_settings, handoff_rules, live, reading, sessions, theme, turns, visits
from deployments.api.bearer import caller_of, token_of, wait_of
from deployments.api.runtime import bodies, schema, streams
from deployments.entering import Visit
from deployments.following import log_failure
from deployments.left_answers import LeftAnswers
from deployments.models import Deployment, Message
from deployments.models.conversation import Control
from deployments.variants import Met
from deployments.visits import Posted
from deployments.wire import message_json, moment, session_json

P = ParamSpec("P")
R = TypeVar("R")
MOST_MESSAGES = 200
LONGEST_LOCALE = 35
READER_SECONDS = 10


class RuntimeView(APIView):
    """No cookies, no classes of authentication: the token and the origin are checked by the act itself."""

    authentication_classes = ()
    permission_classes = ()
    view_is_async = True
    http_method_names: ClassVar[list[str]] = ["get", "head", "post"]

    async def async_dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """As adrf's, without its hop to a thread: nothing before the handler touches the database here."""
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        self.format_kwarg = None
        asked = self.request = self.initialize_request(request, *args, **kwargs)
        try:
            asked.accepted_renderer, asked.accepted_media_type = self.perform_content_negotiation(asked)
            method = (request.method or "").lower()
            known = method in self.http_method_names
            handler = getattr(self, method, None) if known else None
            if handler is None:
                raise MethodNotAllowed(method.upper())
            response = await handler(asked, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 (every error leaves as a problem document)
            response = self.handle_exception(error)
        self.response = self.finalize_response(asked, response, *args, **kwargs)
        return self.response


def socket_url(session_id: UUID) -> str:
    """Where the widget opens its socket."""
    return settings.PUBLIC_BASE_URL.replace("http", "ws", 1) + f"{settings.RUNTIME_PATH}/sessions/{session_id}/socket"


def assistant_json(deployment: Deployment, met: Met) -> dict[str, str]:
    """What visitors may know of the assistant: the published name."""
    name = met.version.content["name"] if met.version else deployment.assistant.name
    return {"id": str(deployment.assistant_id), "name": name}


class ConfigView(RuntimeView):
    """What a widget asks before it draws its launcher."""

    @extend_schema(responses={200: schema.CONFIG}, parameters=schema.CONFIG_PARAMETERS, operation_id="runtime_config")
    async def get(self, request: Request) -> Response:
        """The assistant's name, the theme and what this deployment offers; with an ETag, and no rows made."""
        try:
            agent_id = bodies.parse_uuid(request.query_params.get("agent_id"))
        except ValueError:
            raise invalid({"agent_id": ["The assistant's id, a UUID."]}) from None
        visitor_id = bodies.visitor_id(request.query_params.get("visitor_id"))
        asked = await in_thread(sessions.read_config, token_of(request), caller_of(request), agent_id, visitor_id)
        version = asked.met.version
        may_ask = version is None or handoff_rules.of_version(version).on_request
        features: dict[str, Any] = {"handoff": may_ask, "identify": True, "languages": asked.deployment.languages}
        features["files"] = file_settings.of(asked.deployment.files).as_feature()
        features["file_script"] = f"{settings.PUBLIC_BASE_URL}/static/widget/{embed_build.build().file_script}"
        if asked.visitor_id:
            features["visitor_id"] = asked.visitor_id
        body = {
            "assistant": assistant_json(asked.deployment, asked.met),
            "theme": theme.resolved(
                asked.met.theme, request.query_params.get("locale", "")[:LONGEST_LOCALE], asked.deployment.languages
            ),
            "texts": {},
            "features": features,
        }
        etag = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
        headers = {"ETag": f'"{etag}"', "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match", "").removeprefix("W/") == headers["ETag"]:
            return Response(status=304, headers=headers)
        return Response(body | {"version": etag}, headers=headers)


class SessionsView(RuntimeView):
    """Session starts."""

    @extend_schema(
        request=schema.SESSION_REQUEST,
        responses={201: schema.SESSION_OPENED, 200: schema.SESSION_OPENED},
        operation_id="runtime_session_start",
    )
    async def post(self, request: Request) -> Response:
        """Start a session, resume one (200), or repeat a start that was not heard."""
        token, caller = token_of(request), caller_of(request)
        try:
            wanted = bodies.session_request(request.data)
        except Problem:
            # The checks' order is token, origin, agent, body: a bad body is said only to who passed the first two.
            await in_thread(sessions.check_before_body, token, caller)
            raise
        opened = await in_thread(sessions.start, token, caller, wanted)
        conversation = opened.session.conversation
        body = {
            "session": session_json(opened.session.id, conversation),
            "session_token": opened.token,
            "expires_at": moment(opened.session.expires_at),
            "socket_url": socket_url(opened.session.id),
            "assistant": assistant_json(opened.deployment, opened.met),
            "theme": theme.resolved(opened.met.theme, wanted.locale, opened.deployment.languages),
            "messages": [message_json(message) for message in opened.messages],
            "has_more": opened.has_more,
        }
        return Response(body, status=201 if opened.created else 200, headers={"Cache-Control": "no-store"})


class VisitView(RuntimeView):
    """What a `cst_` token opens."""

    async def visit(
        self,
        request: Request,
        session_id: UUID,
        act: Callable[Concatenate[Visit, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> tuple[Visit, R]:
        """The visit, or 401/404, and what comes of an act with it: one thread hop."""
        token = token_of(request)
        return await in_thread(lambda: visits.by_token(act, token, session_id, *args, **kwargs))


class SessionView(VisitView):
    """One session."""

    @extend_schema(responses={200: schema.SESSION}, operation_id="runtime_session")
    async def get(self, request: Request, session_id: UUID) -> Response:
        """Where the session stands; also how a widget learns why its socket was refused."""
        _, page = await self.visit(request, session_id, visits.read, caller_of(request), limit=0)
        return Response({"session": session_json(session_id, page.conversation)})


class EventsOrWhole(VisitView):
    """What may be answered by events."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """JSON, also for who takes events only: errors are never anything else."""
        return super().perform_content_negotiation(request, force=True)


class MessagesView(EventsOrWhole):
    """The messages of a session's conversation."""

    @extend_schema(
        responses={200: schema.MESSAGES}, parameters=schema.MESSAGES_PARAMETERS, operation_id="runtime_messages"
    )
    async def get(self, request: Request, session_id: UUID) -> Response:
        """Messages after a `seq`, or all that changed after a `rev`."""
        caller, query, most = caller_of(request), request.query_params, 2**31 - 1
        try:
            after = bodies.number(query.get("after"), "after", least=0, most=most, default=0)
            rev = bodies.number(query.get("rev"), "rev", least=0, most=most, default=-1)
            limit = bodies.number(query.get("limit"), "limit", least=1, most=MOST_MESSAGES, default=50)
        except Problem:
            await self.visit(request, session_id, visits.read, caller, limit=0)
            raise
        visit, (page, streaming) = await self.visit(
            request, session_id, visits.resume, caller, after=after, rev=None if rev < 0 else rev, limit=limit
        )
        if streaming:
            # Who reads an answer as it grows is there (`stopping.Presence`), by whatever way.
            session = str(visit.workspace_id), str(visit.session_id)
            await in_thread(lambda: limiting.take_socket(*session, "reader", seconds=READER_SECONDS))
        told = {message.id for message in page.messages}
        messages = [*page.messages, *(message for message in streaming if message.id not in told)]
        return Response(
            {
                "messages": [message_json(message) for message in messages],
                "head_seq": page.conversation.head_seq,
                "rev": page.next_rev if rev >= 0 else page.conversation.rev,
                "has_more": page.has_more,
            }
        )

    @extend_schema(
        request=schema.MESSAGE_REQUEST,
        responses={201: schema.MESSAGE_POSTED, 200: schema.MESSAGE_POSTED},
        operation_id="runtime_message_send",
    )
    async def post(self, request: Request, session_id: UUID) -> HttpResponseBase:
        """Send a message and wait for its answer, as long as `Prefer: wait=N` says; or see it come, as events."""
        caller = caller_of(request)
        try:
            wanted = bodies.visitor_message(request.data)
        except Problem:
            # A bad body is said only to who may write here.
            await self.visit(request, session_id, visits.read, caller, limit=0)
            raise
        if streams.are_wanted(request):
            return await streams.answered(token_of(request), caller, session_id, wanted)
        visit, posted = await self.visit(request, session_id, visits.post, caller, wanted)
        replies, pending = posted.replies, False
        if not posted.is_new:
            pending, replies = await in_thread(visits.answer_to, visit, posted.message)
        elif posted.claim is not None or (not replies and posted.conversation.control == Control.ASSISTANT):
            replies, pending = await _answer_within(visit, posted, wait_of(request))
        head = replies[-1] if replies else posted.message
        return Response(
            {
                "message": message_json(posted.message),
                "replies": [message_json(reply) for reply in replies],
                "head_seq": max(posted.conversation.head_seq, head.seq),
                "rev": max(posted.conversation.rev, head.rev),
                "pending": pending,
            },
            status=201 if posted.is_new else 200,
        )


async def _answer_within(visit: Visit, posted: Posted, seconds: int) -> tuple[list[Message], bool]:
    """The answer, if it comes in time; else it goes on without us and reaches the visitor as live frames."""
    ends = time.monotonic() + seconds
    if posted.claim is not None:
        answering = turns.in_background(posted.claim)
        answering.add_done_callback(log_failure)
        done, _ = await asyncio.wait({answering}, timeout=seconds)
        if not done:
            return [], True
        if not answering.cancelled() and answering.exception() is None and answering.result():
            return answering.result(), False
    if posted.left is not None:
        LeftAnswers.get().add(posted.left)
    # It waits for the answer to an earlier message, or is another process's to answer.
    with _changes(visit) as bell:
        pending, replies = await in_thread(visits.answer_to, visit, posted.message)
        while pending and (left := ends - time.monotonic()) > 0:
            await streams.rings(bell, min(left, streams.LOOK_EVERY_SECONDS))
            pending, replies = await in_thread(visits.answer_to, visit, posted.message)
    return ([] if pending else replies), pending


@contextmanager
def _changes(visit: Visit) -> Iterator[asyncio.Event]:
    """Rings when something changes in the conversation, as far as that is heard."""
    bell, hub = asyncio.Event(), live.Hub.get()
    group = live.conversation_group(visit.workspace_id, visit.conversation_id)

    def hear(event: Mapping[str, Any]) -> None:
        if event["type"] == "change":
            bell.set()

    hub.listen(group, hear)
    try:
        yield bell
    finally:
        hub.leave(group, hear)


class EventsView(VisitView):
    """Typing and read marks."""

    @extend_schema(request=schema.EVENT_REQUEST, responses={204: None}, operation_id="runtime_event")
    async def post(self, request: Request, session_id: UUID) -> Response:
        """`{type: "typing", on}` or `{type: "read", seq}`."""
        visit, _ = await self.visit(request, session_id, visits.read, caller_of(request), limit=0)
        body: Any = request.data
        kind = body.get("type") if isinstance(body, dict) else None
        if kind == "typing" and isinstance(body.get("on"), bool):
            live.tell_typing(visit.workspace_id, visit.conversation_id, {"kind": "visitor"}, on=body["on"])
        elif kind == "read" and type(body.get("seq")) is int and 0 <= body["seq"] < 2**31:
            await reading.Reads.get().note(visit.workspace_id, visit.conversation_id, body["seq"])
        else:
            raise invalid({"type": ['{"type": "typing", "on": true|false} or {"type": "read", "seq": N}.']})
        return Response(status=204)


class StreamView(EventsOrWhole):
    """What a socket would tell, for who can't open one."""

    @extend_schema(
        responses={(200, "text/event-stream"): schema.STREAM},
        parameters=schema.STREAM_PARAMETERS,
        operation_id="runtime_stream",
    )
    async def get(self, request: Request, session_id: UUID) -> HttpResponseBase:
        """The socket's server frames as events, from `after` and `rev` or from `Last-Event-ID` on."""
        caller, query, most = caller_of(request), request.query_params, 2**31 - 1
        try:
            after = bodies.number(query.get("after"), "after", least=0, most=most, default=0)
            rev = bodies.number(query.get("rev"), "rev", least=0, most=most, default=-1)
            last = bodies.number(request.headers.get("Last-Event-ID"), "Last-Event-ID", least=0, most=most, default=-1)
        except Problem:
            await self.visit(request, session_id, visits.read, caller, limit=0)
            raise
        rev = max(rev, last)
        return await streams.followed(token_of(request), caller, session_id, after, None if rev < 0 else rev)


class StopView(VisitView):
    """Wanting no more of an answer."""

    @extend_schema(request=schema.STOP_REQUEST, responses={200: schema.SESSION}, operation_id="runtime_stop")
    async def post(self, request: Request, session_id: UUID) -> Response:
        """Stop the answer under way, or only that message; where it has ended already, nothing happens."""
        caller = caller_of(request)
        try:
            message_id = bodies.stop(request.data)
        except Problem:
            await self.visit(request, session_id, visits.read, caller, limit=0)
            raise
        _, conversation = await self.visit(request, session_id, visits.stop, caller, message_id)
        return Response({"session": session_json(session_id, conversation)})


class HandoffView(VisitView):
    """Asking for a person."""

    @extend_schema(request=schema.HANDOFF_REQUEST, responses={202: schema.SESSION}, operation_id="runtime_handoff")
    async def post(self, request: Request, session_id: UUID) -> Response:
        """Ask for a person; asking twice is asking once."""
        caller = caller_of(request)
        try:
            reason = bodies.handoff_reason(request.data)
        except Problem:
            await self.visit(request, session_id, visits.read, caller, limit=0)
            raise
        _, conversation = await self.visit(request, session_id, visits.ask_for_person, caller, reason)
        return Response({"session": session_json(session_id, conversation)}, status=202)


class IdentifyView(VisitView):
    """Saying who the visitor is."""

    @extend_schema(request=schema.IDENTIFY_REQUEST, responses={200: schema.SESSION}, operation_id="runtime_identify")
    async def post(self, request: Request, session_id: UUID) -> Response:
        """Name the visitor of a running session, with a `user_token` as proof where there is one."""
        caller = caller_of(request)
        try:
            user, user_token = bodies.identity(request.data)
        except Problem:
            await self.visit(request, session_id, visits.read, caller, limit=0)
            raise
        _, conversation = await self.visit(request, session_id, visits.identify, caller, user, user_token)
        return Response({"session": session_json(session_id, conversation)})


class EndView(VisitView):
    """Ending the conversation."""

    @extend_schema(request=None, responses={200: schema.SESSION}, operation_id="runtime_end")
    async def post(self, request: Request, session_id: UUID) -> Response:
        """End the conversation; ending it twice is ending it once."""
        _, conversation = await self.visit(request, session_id, visits.end, caller_of(request))
        return Response({"session": session_json(session_id, conversation)})
