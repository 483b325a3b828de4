"""Trying an assistant, and its test cases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from adrf.views import APIView as AsyncAPIView
from channels.db import database_sync_to_async
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import invalid
from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from deployments import publishing, test_cases, testing, trying
from deployments.api.admin import schema_testing as schema
from deployments.api.admin.assistants import assistant_of
from deployments.api.admin.bodies import said
from deployments.models import Assistant
from deployments.responders.base import Line, Say
from deployments.trying import Setting, Tried
from workspaces.api import queries
from workspaces.api.base import WorkspaceView, ids_of
from workspaces.api.bodies import Body

_TRY = Body(schema.TRY)
_TESTS = Body(schema.NEW_TESTS)


class TryView(AsyncAPIView, WorkspaceView):
    """Trying an assistant. Asynchronous, so that no thread and no transaction waits for a slow responder."""

    # As the page: nothing is changed. What a model or a bot answers takes more (`trying.admit`).
    permissions = {"POST": "assistants.read"}
    view_is_async = True

    async def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """`WorkspaceView`'s order, with the handler outside of `tenant()`."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            handler = self.handler(self.request)
            await database_sync_to_async(self.admit, thread_sensitive=False)(self.request)
            response = await handler(self.request, **ids_of(kwargs))
        except Exception as error:  # noqa: BLE001 (as in WorkspaceView)
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    @extend_schema(operation_id="assistants_try", request=_TRY.documented, responses={200: schema.TRIED})
    async def post(self, request: Request, assistant_id: UUID) -> Response:
        """Let the draft or a version answer one message. Nothing is stored: `state` and `history` come from you.

        What a model or a bot answers may cost money: that takes `assistants:write`, and is limited (429).
        """
        await in_tenant(assistant_of)(self.workspace_id, assistant_id)
        wanted = _TRY.read(request)
        history = [_line(line) for line in wanted.get("history", ())]
        setting = await in_tenant(setting_of)(self.workspace_id, assistant_id, wanted)
        await in_thread(trying.admit, self.actor, self.workspace_id, setting)
        kind = setting.whole["responder"]
        state = trying.checked_state(wanted["state"], kind) if "state" in wanted else None
        tried = await trying.try_once(
            setting, said(wanted["text"]), payload=wanted.get("payload"), state=state, history=history
        )
        is_first = state is None and not history
        return Response(tried_json(tried) | ({"welcome": _says(trying.welcome(setting))} if is_first else {}))


def setting_of(assistant_id: UUID, wanted: dict[str, Any]) -> Setting:
    """What is tried: the draft, or the version that the body names. Inside `tenant()`."""
    visitor = {
        "channel": wanted.get("channel", trying.WEB),
        "locale": wanted.get("locale"),
        "visitor": wanted.get("user", {}),
    }
    assistant = assistant_of(assistant_id)
    if "version" not in wanted:
        return trying.of_draft(assistant, **visitor)
    version = assistant.versions.filter(number=wanted["version"]).first()
    if version is None:
        raise invalid({"version": [f"There is no version {wanted['version']}."]})
    return trying.of_version(version, **visitor)


def _line(line: dict[str, Any]) -> Line:
    return Line(author=line["author"], text=line["text"], payload=line.get("payload"), at=timezone.now())


def _says(says: list[Say]) -> list[dict[str, Any]]:
    return [{"text": say.text, "blocks": list(say.blocks)} for say in says]


def tried_json(tried: Tried) -> dict[str, Any]:
    """What was said and done."""
    quiet = tried.if_silent
    seen = {
        "state": tried.state,
        "hand_over": tried.hand_over,
        "end": tried.end,
        "if_silent": None
        if quiet is None
        else {"after_seconds": quiet.after_seconds, **_says([quiet.say])[0], "then": quiet.then},
    }
    done = {name: value for name, value in seen.items() if value is not None}
    return {"replies": _says(tried.replies), "trace": tried.trace, **done}


# --- Test cases ---------------------------------------------------------------------------------------------------


class TestsView(WorkspaceView):
    """An assistant's test cases."""

    permissions = {"GET": "assistants.read", "PUT": "assistants.write"}

    @extend_schema(operation_id="assistants_tests_read", responses={200: schema.TESTS})
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """What visitors say and which intent that should mean; how many have to pass for publishing."""
        queries.only(request)
        return Response(tests_json(assistant_of(assistant_id)))

    @extend_schema(operation_id="assistants_tests_change", request=_TESTS.documented, responses={200: schema.TESTS})
    def put(self, request: Request, assistant_id: UUID) -> Response:
        """Replace all test cases and the threshold."""
        assistant_of(assistant_id)
        wanted = _TESTS.read(request)
        testing.put_cases(self.actor, assistant_id, wanted["cases"])
        return Response(tests_json(testing.set_threshold(self.actor, assistant_id, wanted["threshold"])))


class TestsRunView(WorkspaceView):
    """Running them. No transaction waits for hundreds of cases."""

    permissions = {"POST": "assistants.read"}

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        response: Response = handler(request, **ids_of(kwargs))
        return response

    @extend_schema(operation_id="assistants_tests_run", request=None, responses={200: schema.TEST_REPORT})
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Run the test cases on the draft as it is saved. Nothing is stored or published."""
        with tenant(self.workspace_id):
            assistant = assistant_of(assistant_id)
        publishing.parsed_script(assistant.draft["scripted"])
        return Response(test_cases.run(assistant.content_of_draft(), assistant.test_cases).as_json())


def tests_json(assistant: Assistant) -> dict[str, Any]:
    """The cases and the threshold."""
    return {"cases": assistant.test_cases, "threshold": assistant.test_threshold}
