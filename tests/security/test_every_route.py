"""The isolation matrix: every route of the URL conf against every caller who must not pass (R31), and every changing
route against permission and audit log."""

from __future__ import annotations

import inspect
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from channels_app.providers import registry
from convoship.lib import tokens
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import TenantManager, tenant
from convoship.sockets import websocket_urlpatterns
from deployments import deploying
from tests import factories
from tests.security import matrix
from tests.security.matrix import API, DEPLOYMENT_TOKEN, PAGES, PUBLIC, SIGNED, SOCKETS, VISITOR, Call, Route, World
from workspaces.models import AuditEvent
from workspaces.permissions import PERMISSIONS, SCOPES, Role

pytestmark = pytest.mark.django_db

ROUTES = {route.name: route for route in matrix.routes()}
ORIGIN = {"Origin": factories.SHOP}


def arguments(route: Route, world: World, **instead: Any) -> dict[str, Any]:
    return {name: instead.get(name, world.ids[name]) for name in route.arguments}


def call_page(client: Client, name: str, call: Call, kwargs: dict[str, Any], world: World) -> Any:
    url = reverse(name, kwargs=kwargs)
    return client.get(url) if call.method == "GET" else client.post(url, call.data(world) or {})


def call_api(token: str | None, name: str, call: Call, kwargs: dict[str, Any], world: World) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = reverse(name, kwargs=kwargs) + call.query
    body = matrix.as_json(call.data(world))
    return Client().generic(call.method, url, body, content_type="application/json", headers=headers)


def call_runtime(token: str | None, name: str, call: Call, kwargs: dict[str, Any], world: World) -> Any:
    headers = ORIGIN | ({"Authorization": f"Bearer {token}"} if token else {})
    url = reverse(name, kwargs=kwargs)
    if name == "runtime_config":
        url += f"?agent_id={world.ids['assistant_id']}"
    body = matrix.as_json(call.data(world))
    return Client().generic(call.method, url, body, content_type="application/json", headers=headers)


def everything(world: World) -> dict[str, list[dict[str, Any]]]:
    """Every row of the workspace, to see that nothing moved. What a read may note of itself is left out."""
    noted = {"last_used_at", "last_used_origin", "expires_at"}
    with tenant(world.workspace.id):
        return {
            model._meta.label: [
                {key: value for key, value in row.items() if key not in noted}
                for row in model._default_manager.order_by("pk").values()
            ]
            for model in apps.get_models()
            if isinstance(model._default_manager, TenantManager)
        }


def audit_events(world: World) -> int:
    with tenant(world.workspace.id):
        return AuditEvent.objects.count()


@pytest.fixture(autouse=True)
def a_kind_that_can_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a route needs that no kind here may have."""
    monkeypatch.setitem(registry.PROVIDERS, matrix.Registering.kind, matrix.Registering)


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
def test_the_owner_passes_and_every_change_is_in_the_audit_log(name: str, call: Call) -> None:
    world = World()
    if call.before:
        call.before(world)
    before = audit_events(world)
    answer = call_page(signed_in(world.owner), name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code in {200, 302}, answer.content[:2000]
    assert (audit_events(world) > before) == call.is_changing


@pytest.mark.parametrize(("name", "call"), matrix.cases(API))
def test_a_key_passes_and_every_change_is_in_the_audit_log(name: str, call: Call) -> None:
    world = World()
    if call.before:
        call.before(world)
    before = audit_events(world)
    answer = call_api(world.key.token, name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code in {200, 201, 202, 204}, answer.content
    assert (audit_events(world) > before) == call.is_changing


@pytest.mark.parametrize(("name", "call"), matrix.cases(VISITOR))
def test_a_visitor_passes_with_their_own_token(name: str, call: Call) -> None:
    world = World()
    answer = call_runtime(world.opened.token, name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code in {200, 201, 202, 204}, answer.content


# --- Someone else's -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), matrix.cases(PAGES))
def test_a_page_of_another_workspace_is_as_if_it_did_not_exist(name: str, call: Call) -> None:
    if not (ROUTES[name].names_an_object or call.ids_in_body):
        return
    theirs, mine = World(), World()
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
def test_the_api_shows_nothing_of_another_workspace(name: str, call: Call) -> None:
    if not ROUTES[name].arguments:
        return
    theirs, mine = World(), World()
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
def test_a_visitor_reaches_no_other_conversation(name: str, call: Call, whose: str) -> None:
    theirs = World()
    other = World().opened if whose == "another workspace" else factories.start_session(theirs.deployment)
    before = everything(theirs)
    answer = call_runtime(other.token, name, call, arguments(ROUTES[name], theirs), theirs)
    missing = call_runtime(other.token, name, call, {"session_id": uuid.uuid4()}, theirs)
    assert answer.status_code == missing.status_code == 404
    assert answer.content == missing.content
    assert everything(theirs) == before


# --- Without the right ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), matrix.cases(PAGES))
def test_a_member_whose_role_may_not_is_refused_and_nothing_changes(name: str, call: Call) -> None:
    view = inspect.unwrap(ROUTES[name].callback, stop=lambda f: hasattr(f, "permission"))
    may = PERMISSIONS[view.permission]
    world = World()
    if call.before:
        call.before(world)
    for role in set(Role) - may:
        client = signed_in(factories.member(world.workspace, role))
        before = everything(world)
        answer = call_page(client, name, call, arguments(ROUTES[name], world), world)
        assert answer.status_code == 403, role
        assert everything(world) == before


@pytest.mark.parametrize(("name", "call"), matrix.cases(API))
def test_a_key_without_the_scope_is_refused_and_nothing_changes(name: str, call: Call) -> None:
    view = ROUTES[name].callback
    needed = (getattr(view, "cls", None) or view.view_class).permissions[call.method]
    if not needed:
        return
    world = World()
    others = [scope for scope in SCOPES if needed not in SCOPES[scope]]
    key = factories.make_api_key(world.workspace, others)
    before = everything(world)
    answer = call_api(key.token, name, call, arguments(ROUTES[name], world), world)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    after = everything(world)
    assert after == before


@pytest.mark.parametrize(("name", "call"), matrix.cases(PAGES))
def test_who_is_not_signed_in_is_sent_to_sign_in(name: str, call: Call) -> None:
    world = World()
    before = everything(world)
    answer = call_page(Client(), name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))
    assert everything(world) == before


@pytest.mark.parametrize(("name", "call"), [case for case in matrix.cases(PAGES) if case.values[1].method != "GET"])
def test_a_form_from_another_site_is_refused(name: str, call: Call) -> None:
    world = World()
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.owner)
    before = everything(world)
    answer = call_page(client, name, call, arguments(ROUTES[name], world), world)
    assert answer.status_code == 403
    assert everything(world) == before


@pytest.mark.parametrize(("name", "call"), matrix.cases({**API, **VISITOR, **DEPLOYMENT_TOKEN}))
def test_without_a_good_token_nothing_opens(name: str, call: Call) -> None:
    world = World()
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
def test_a_revoked_deployment_opens_nothing(name: str, call: Call) -> None:
    world = World()
    with tenant(world.workspace.id):
        deploying.revoke(SYSTEM, world.deployment.deployment)
    before = everything(world)
    token = world.deployment.token if name in DEPLOYMENT_TOKEN else world.opened.token
    answer = call_runtime(token, name, call, arguments(ROUTES[name], world), world)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    assert everything(world) == before


def test_a_token_of_wrong_form_costs_no_query(django_assert_num_queries: Any) -> None:
    world = World()
    with django_assert_num_queries(0):
        for name, call in (case.values for case in matrix.cases(API)):
            call_api("csk_" + "a" * 38, name, call, arguments(ROUTES[name], world), world)
    assert connection.alias == "default"
