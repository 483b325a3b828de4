"""Who may call the admin API, and what they are told when they may not."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.tenancy import tenant
from tests import factories
from tests.api.conftest import Program, program
from workspaces import api_keys
from workspaces.api.base import WorkspaceView
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db


def signed_in(user, csrf: bool = True) -> Program:
    client = Client(enforce_csrf_checks=csrf, raise_request_exception=False)
    client.force_login(user)
    return Program(None, None, client)  # type: ignore[arg-type]


def test_me_tells_whose_key_it_is_where_it_works_and_what_it_may_do() -> None:
    caller = program(("assistants:read", "conversations:write"))
    answer = caller.get("/me")
    assert answer.status_code == 200
    assert answer.data["workspace"] == {"id": str(caller.workspace.id), "name": "Acme"}
    assert answer.data["scopes"] == ["assistants:read", "conversations:write"]
    assert answer.data["api_key"]["prefix"] == str(caller.token)[:12]
    assert str(caller.token) not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "token_missing"),
        ("Basic YTpi", "token_malformed"),
        ("Bearer", "token_malformed"),
        ("Bearer csk_short", "token_malformed"),
        pytest.param("Bearer " + tokens.make("cdp").value, "token_malformed", id="a deployment's"),
        pytest.param("Bearer " + tokens.make("csk").value, "token_unknown", id="nobody's"),
    ],
)
def test_a_wrong_key_is_refused_with_the_reason(header: str, code: str) -> None:
    answer = Program(None, None).get("/me", Authorization=header)  # type: ignore[arg-type]
    assert (answer.status_code, answer.data["code"]) == (401, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_wrong_checksum_costs_no_query(django_assert_num_queries) -> None:
    token = tokens.make("csk").value
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    with django_assert_num_queries(0):
        assert Program(None, wrong).get("/me").data["code"] == "token_malformed"  # type: ignore[arg-type]


def test_a_revoked_and_an_expired_key_say_so() -> None:
    workspace = factories.make_workspace()
    revoked = factories.make_api_key(workspace)
    with tenant(workspace.id):
        api_keys.revoke(factories.actor(workspace), revoked.key)
    expired = factories.make_api_key(workspace, expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert Program(workspace, revoked.token).get("/me").data["code"] == "token_revoked"
    assert Program(workspace, expired.token).get("/me").data["code"] == "token_expired"


def test_a_missing_scope_is_named_and_nothing_is_done() -> None:
    caller = program(("assistants:read",))
    answer = caller.post("/assistants", {"name": "Ada"})
    assert (answer.status_code, answer.data["code"], answer.data["scope"]) == (403, "scope_missing", "assistants:write")
    assert "assistants:write" in answer.data["detail"]
    assert caller.get("/assistants").data["results"] == []


def test_a_member_may_what_their_role_may() -> None:
    workspace = factories.make_workspace()
    viewer = signed_in(factories.member(workspace, "viewer"), csrf=False)
    assert viewer.get("/me").data["user"]["role"] == "viewer"
    assert viewer.get("/assistants").status_code == 200
    refused = viewer.post("/assistants", {"name": "Ada"})
    assert (refused.status_code, refused.data["code"]) == (403, "scope_missing")
    editor = signed_in(factories.member(workspace, "editor"), csrf=False)
    made = editor.made("/assistants", {"name": "Ada"})
    with tenant(workspace.id):
        assert AuditEvent.objects.get(target_id=made["id"]).actor_kind == "user"


def test_a_signed_in_browser_without_csrf_token_changes_nothing() -> None:
    workspace = factories.make_workspace()
    browser = signed_in(factories.owner_of(workspace))
    assert browser.get("/assistants").status_code == 200
    refused = browser.post("/assistants", {"name": "Ada"})
    assert (refused.status_code, refused.data["code"]) == (403, "csrf_failed")
    refused = browser.post("/assistants", {"name": "Ada"}, **{"X-CSRFToken": "a" * 32})
    assert (refused.status_code, refused.data["code"]) == (403, "csrf_failed")
    assert browser.get("/assistants").data["results"] == []


def test_a_signed_in_browser_with_its_csrf_token_may() -> None:
    workspace = factories.make_workspace()
    browser = signed_in(factories.owner_of(workspace))
    token = "a" * 32
    browser.client.cookies["csrftoken"] = token
    assert browser.post("/assistants", {"name": "Ada"}, **{"X-CSRFToken": token}).status_code == 201


def test_a_header_picks_one_of_the_users_workspaces_and_no_other() -> None:
    user = factories.make_user()
    first, second = factories.make_workspace(user, "First"), factories.make_workspace(user, "Second")
    foreign = factories.make_workspace()
    browser = signed_in(user)
    assert browser.get("/me").data["workspace"]["name"] == "First"
    assert browser.get("/me", **{"X-Workspace-Id": str(second.id)}).data["workspace"]["name"] == "Second"
    assert browser.get("/me", **{"X-Workspace-Id": str(first.id)}).data["workspace"]["name"] == "First"
    answers = [
        browser.get("/me", **{"X-Workspace-Id": value})
        for value in (str(foreign.id), "00000000-0000-4000-8000-000000000000", "x", str(second.id).upper())
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_a_user_without_a_workspace_is_told_so() -> None:
    answer = signed_in(factories.make_user()).get("/me")
    assert (answer.status_code, answer.data["code"]) == (403, "scope_missing")


def test_a_key_in_the_header_wins_over_the_browsers_session() -> None:
    caller = program()
    caller.client = signed_in(factories.make_user()).client
    assert caller.post("/assistants", {"name": "Ada"}).status_code == 201


def test_an_unknown_method_is_405_with_the_known_ones(api: Program) -> None:
    answer = api.call("PUT", "/assistants", {})
    assert (answer.status_code, answer.data["code"]) == (405, "method_not_allowed")
    assert answer["Allow"] == "GET, POST, HEAD"
    assert api.call("OPTIONS", "/assistants").status_code == 405
    assert api.call("HEAD", "/assistants").status_code == 200


def test_there_is_no_cors(api: Program) -> None:
    answer = api.get("/me", Origin="https://shop.example")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_view_that_names_no_permission_can_not_be_written() -> None:
    with pytest.raises(TypeError, match="post"):

        class Forgetful(WorkspaceView):
            permissions = {"GET": "assistants.read"}

            def get(self, request): ...

            def post(self, request): ...
