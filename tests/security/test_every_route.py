"""The isolation matrix: every route of the URL conf against every caller who must not pass (R31), and every changing
route against permission and audit log."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import uuid
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from channels_app.providers import registry
from convoship.asgi import application
from convoship.lib import tokens
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import TenantManager, tenant
from convoship.sockets import websocket_urlpatterns
from deployments import deploying, live
from tests import factories
from tests.rolling_back import rolled_back
from tests.security import matrix
from tests.security.matrix import API, DEPLOYMENT_TOKEN, PAGES, PUBLIC, SIGNED, SOCKETS, VISITOR, Call, Route, World
from workspaces.models import AuditEvent
from workspaces.permissions import PERMISSIONS, SCOPES, Role

ROUTES = {route.name: route for route in matrix.routes()}
ORIGIN = {"Origin": factories.SHOP}


def arguments(route: Route, world: World, **instead: Any) -> dict[str, Any]:
    return {name: instead.get(name, world.ids[name]) for name in route.arguments}


def call_page(client: Client, name: str, call: Call, kwargs: dict[str, Any], world: World) -> Any:
    url = reverse(name, kwargs=kwargs)
    return client.get(url) if call.method == "GET" else client.post(url, call.data(world) or {})


def a_file() -> bytes:
    """A form with one."""
    return encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("a.txt", b"hello")})


def call_api(token: str | None, name: str, call: Call, kwargs: dict[str, Any], world: World) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = reverse(name, kwargs=kwargs) + call.query
    if name in {"api_conversation_files", "api_knowledge_files"}:
        return Client().generic(call.method, url, a_file(), content_type=MULTIPART_CONTENT, headers=headers)
    body = matrix.as_json(call.data(world))
    return Client().generic(call.method, url, body, content_type="application/json", headers=headers)


def call_runtime(token: str | None, name: str, call: Call, kwargs: dict[str, Any], world: World) -> Any:
    headers = ORIGIN | ({"Authorization": f"Bearer {token}"} if token else {})
    url = reverse(name, kwargs=kwargs)
    if name == "runtime_config":
        url += f"?agent_id={world.ids['assistant_id']}"
    if name == "runtime_stream":
        return asyncio.run(head_of_stream(url, headers))
    if name == "runtime_files":
        return Client().generic(call.method, url, a_file(), content_type=MULTIPART_CONTENT, headers=headers)
    body = matrix.as_json(call.data(world))
    return Client().generic(call.method, url, body, content_type="application/json", headers=headers)


async def head_of_stream(url: str, headers: dict[str, str]) -> Any:
    """How a stream begins, whose end would not come; or the whole of what it is refused by."""
    sent = {"Host": "127.0.0.1", **headers}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": url,
        "query_string": b"",
        "headers": [(header.lower().encode(), value.encode()) for header, value in sent.items()],
        "client": ["127.0.0.1", 4711],
    }
    caller = ApplicationCommunicator(application, scope)
    try:
        await caller.send_input({"type": "http.request", "body": b""})
        head = await caller.receive_output(10)
        first = await caller.receive_output(10)
        if first.get("more_body"):
            await caller.send_input({"type": "http.disconnect"})
        await caller.wait(10)
        found = {name.decode(): value.decode() for name, value in head["headers"]}
        answer: Any = HttpResponse(first["body"], status=head["status"], headers=found)
        answer.json = partial(json.loads, first["body"])
        return answer
    finally:
        async with asyncio.timeout(5):
            await live.Hub.get().close()


# What a read may note of itself.
NOTED = ["last_used_at", "last_used_origin", "expires_at"]


@cache
def rows_of_every_table() -> str:
    """One statement for all that a workspace can have: the wall shows it the rows of the workspace it is in."""
    tables = (model._meta for model in apps.get_models() if isinstance(model._default_manager, TenantManager))
    return " UNION ALL ".join(
        f"SELECT '{table.label}', jsonb_agg(to_jsonb(row) - %(noted)s::text[] ORDER BY row.\"{table.pk.column}\")::text"
        f' FROM "{table.db_table}" AS row'
        for table in tables
    )


def everything(world: World) -> dict[str, list[dict[str, Any]]]:
    """Every row of the workspace, to see that nothing moved. What a read may note of itself is left out."""
    with tenant(world.workspace.id), connection.cursor() as cursor:
        cursor.execute(rows_of_every_table(), {"noted": NOTED})
        return {label: json.loads(rows or "[]") for label, rows in cursor.fetchall()}


def audit_events(world: World) -> int:
    with tenant(world.workspace.id):
        return AuditEvent.objects.count()


@pytest.fixture(autouse=True)
def a_kind_that_can_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a route needs that no kind here may have."""
    for kind in (matrix.Registering, matrix.Windowed, matrix.Calling):
        monkeypatch.setitem(registry.PROVIDERS, kind.kind, kind)


@pytest.fixture(scope="module")
def kept(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[World, World]]:
    """Two workspaces for all cases whose writing can be rolled back: to make them takes longer than most cases."""
    with django_db_blocker.unblock(), rolled_back():
        made = World(), World()
        with django_db_blocker.block():
            yield made


@pytest.fixture
def world(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """A workspace as nobody touched it: rows by rolling back, what Python holds of it by copying.

    A case that needs its rows committed says so by its mark and has a workspace of its own.
    """
    if request.node.get_closest_marker("django_db"):
        yield World()
        return
    made = request.getfixturevalue("kept")[0]
    with django_db_blocker.unblock(), rolled_back():
        yield copy.deepcopy(made)


@pytest.fixture
def theirs(world: World) -> World:
    """Someone else's workspace."""
    return world


@pytest.fixture
def mine(request: pytest.FixtureRequest, theirs: World) -> World:
    """One's own workspace, beside someone else's."""
    if request.node.get_closest_marker("django_db"):
        return World()
    return copy.deepcopy(request.getfixturevalue("kept")[1])


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


# --- Nothing is forgotten -------------------------------------------------------------------------------------------


def test_every_route_has_an_entry_in_the_matrix() -> None:
    known = {*PUBLIC, *PAGES, *API, *VISITOR, *DEPLOYMENT_TOKEN, *SIGNED}
    assert set(ROUTES) == known


def test_every_socket_route_has_an_entry() -> None:
    assert {entry.name for entry in websocket_urlpatterns} == set(SOCKETS)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_names_a_permission_of_the_one_table(name: str) -> None:
    view = inspect.unwrap(ROUTES[name].callback, stop=lambda f: hasattr(f, "permission"))
    assert view.permission in PERMISSIONS


@pytest.mark.parametrize("name", API)
def test_every_api_method_names_a_permission_of_the_one_table(name: str) -> None:
    view = ROUTES[name].callback
    permissions = (getattr(view, "cls", None) or view.view_class).permissions
    assert {call.method for call in API[name]} == set(permissions)
    if name != "api_me":
        assert set(permissions.values()) <= set(PERMISSIONS)


# --- One's own ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), matrix.cases(PAGES))
def test_the_owner_passes_and_every_change_is_in_the_audit_log(world: World, name: str, call: Call) -> None:
    if call.before:
        call.before(world)
    before = audit_events(world)
    answer = call_page(signed_in(world.owner), name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code in {200, 302}, answer.content[:2000]
    assert (audit_events(world) > before) == call.is_changing


@pytest.mark.parametrize(("name", "call"), matrix.cases(API))
def test_a_key_passes_and_every_change_is_in_the_audit_log(world: World, name: str, call: Call) -> None:
    if call.before:
        call.before(world)
    before = audit_events(world)
    answer = call_api(world.key.token, name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code in {200, 201, 202, 204}, answer.content
    assert (audit_events(world) > before) == call.is_changing


@pytest.mark.parametrize(("name", "call"), matrix.cases(VISITOR))
def test_a_visitor_passes_with_their_own_token(world: World, name: str, call: Call) -> None:
    if call.before:
        call.before(world)
    answer = call_runtime(world.opened.token, name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code in {200, 201, 202, 204}, answer.content


# --- Someone else's -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), matrix.cases(PAGES))
def test_a_page_of_another_workspace_is_as_if_it_did_not_exist(
    theirs: World, mine: World, name: str, call: Call
) -> None:
    if not (ROUTES[name].names_an_object or call.ids_in_body):
        return
    before = everything(theirs)
    client = signed_in(mine.owner)
    answer = call_page(client, name, call, arguments(ROUTES[name], theirs), theirs)
    if call.ids_in_body:
        assert answer.status_code in {404, 422}
    else:
        nothing = {argument: uuid.uuid4() for argument in ROUTES[name].arguments}
        missing = call_page(client, name, call, nothing, theirs)
        assert (answer.status_code, missing.status_code) == (404, 404)
        assert _same(answer, missing)
    assert everything(theirs) == before


def _same(one: HttpResponse, other: HttpResponse) -> bool:
    """Equal but for what is random in every page."""
    import re

    random = re.compile(rb'(csrfmiddlewaretoken" value="|csrf-token" content="|X-CSRFToken[^,}]*)[^"]*')
    return random.sub(b"", one.content) == random.sub(b"", other.content)


@pytest.mark.parametrize(("name", "call"), matrix.cases(API))
def test_the_api_shows_nothing_of_another_workspace(theirs: World, mine: World, name: str, call: Call) -> None:
    if not ROUTES[name].arguments:
        return
    before = everything(theirs)
    answer = call_api(mine.key.token, name, call, arguments(ROUTES[name], theirs), theirs)
    if call.makes_own:
        assert answer.status_code == 201
        assert everything(theirs) == before
        return
    nothing = {argument: uuid.uuid4() for argument in ROUTES[name].arguments}
    missing = call_api(mine.key.token, name, call, nothing, theirs)
    assert answer.status_code == missing.status_code == 404
    assert answer.content == missing.content
    assert everything(theirs) == before


@pytest.mark.parametrize(("name", "call"), matrix.cases(VISITOR))
@pytest.mark.parametrize("whose", ["another workspace", "another visitor of this deployment"])
def test_a_visitor_reaches_no_other_conversation(theirs: World, name: str, call: Call, whose: str) -> None:
    other = World().opened if whose == "another workspace" else factories.start_session(theirs.deployment)
    before = everything(theirs)
    answer = call_runtime(other.token, name, call, arguments(ROUTES[name], theirs), theirs)
    missing = call_runtime(other.token, name, call, {"session_id": uuid.uuid4()}, theirs)
    assert answer.status_code == missing.status_code == 404
    assert answer.content == missing.content
    assert everything(theirs) == before


# --- Without the right ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), matrix.cases(PAGES))
def test_a_member_whose_role_may_not_is_refused_and_nothing_changes(world: World, name: str, call: Call) -> None:
    view = inspect.unwrap(ROUTES[name].callback, stop=lambda f: hasattr(f, "permission"))
    may = PERMISSIONS[view.permission]
    if call.before:
        call.before(world)
    for role in set(Role) - may:
        client = signed_in(factories.member(world.workspace, role))
        before = everything(world)
        answer = call_page(client, name, call, arguments(ROUTES[name], world), world)
        assert answer.status_code == 403, role
        assert everything(world) == before


@pytest.mark.parametrize(("name", "call"), matrix.cases(API))
def test_a_key_without_the_scope_is_refused_and_nothing_changes(world: World, name: str, call: Call) -> None:
    view = ROUTES[name].callback
    needed = (getattr(view, "cls", None) or view.view_class).permissions[call.method]
    if not needed:
        return
    others = [scope for scope in SCOPES if needed not in SCOPES[scope]]
    key = factories.make_api_key(world.workspace, others)
    before = everything(world)
    answer = call_api(key.token, name, call, arguments(ROUTES[name], world), world)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    after = everything(world)
    assert after == before


@pytest.mark.parametrize(("name", "call"), matrix.cases(PAGES))
def test_who_is_not_signed_in_is_sent_to_sign_in(world: World, name: str, call: Call) -> None:
    before = everything(world)
    answer = call_page(Client(), name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))
    assert everything(world) == before


@pytest.mark.parametrize(("name", "call"), [case for case in matrix.cases(PAGES) if case.values[1].method != "GET"])
def test_a_form_from_another_site_is_refused(world: World, name: str, call: Call) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.owner)
    before = everything(world)
    answer = call_page(client, name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code == 403
    assert everything(world) == before


@pytest.mark.parametrize(("name", "call"), matrix.cases({**API, **VISITOR, **DEPLOYMENT_TOKEN}))
def test_without_a_good_token_nothing_opens(world: World, name: str, call: Call) -> None:
    before = everything(world)
    kwargs = arguments(ROUTES[name], world)
    caller = call_api if name in API else call_runtime
    prefix: tokens.Prefix = "csk" if name in API else "cdp" if name in DEPLOYMENT_TOKEN else "cst"
    wrong_kind: tokens.Prefix = "cdp" if prefix != "cdp" else "csk"
    for token in (None, "x", tokens.make(wrong_kind).value, tokens.make(prefix).value):
        answer = caller(token, name, call, kwargs, world)
        assert answer.status_code == 401, (token, answer.content)
        assert answer["Content-Type"] == "application/problem+json"
    assert everything(world) == before


@pytest.mark.parametrize(("name", "call"), matrix.cases({**VISITOR, **DEPLOYMENT_TOKEN}))
def test_a_revoked_deployment_opens_nothing(world: World, name: str, call: Call) -> None:
    with tenant(world.workspace.id):
        deploying.revoke(SYSTEM, world.deployment.deployment)
    before = everything(world)
    token = world.deployment.token if name in DEPLOYMENT_TOKEN else world.opened.token
    answer = call_runtime(token, name, call, arguments(ROUTES[name], world), world)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    assert everything(world) == before


@pytest.mark.django_db
def test_a_token_of_wrong_form_costs_no_query(world: World, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        for name, call in (case.values for case in matrix.cases(API)):
            call_api("csk_" + "a" * 38, name, call, arguments(ROUTES[name], world), world)
    assert connection.alias == "default"
