"""Deployments over the API: made, changed, rotated, revoked."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import deploying, sessions
from deployments.deploying import NewDeployment
from deployments.models import Deployment
from deployments.sessions import SessionRequest
from tests import factories
from tests.api.conftest import Program, program
from workspaces.models import AuditEvent, Workspace

pytestmark = pytest.mark.django_db

NEW = {"name": "Shop", "allowed_origins": ["https://shop.example"]}


@pytest.fixture
def path(api: Program) -> str:
    """The deployments of a published assistant."""
    return f"/assistants/{factories.make_assistant(api.workspace).id}/deployments"


def opens(token: str, assistant_id: str, origin: str = "https://shop.example") -> str:
    """`opened`, or the code of the refusal."""
    from uuid import UUID

    try:
        sessions.start(token, factories.caller(origin), SessionRequest(agent_id=UUID(assistant_id)))
    except Problem as problem:
        return problem.code
    return "opened"


def test_a_new_deployment_shows_its_token_once_and_its_snippet(api: Program, path: str) -> None:
    made = api.made(path, NEW)
    deployment = made["deployment"]
    assert set(made) == {"deployment", "token", "embed_snippet"}
    assert set(deployment) == {
        "id",
        "name",
        "assistant_id",
        "token_prefix",
        "allowed_origins",
        "theme",
        "label",
        "limits",
        "languages",
        "files",
        "hours_text",
        "expires_at",
        "allow_server_callers",
        "identity_required",
        "paused_at",
        "status",
        "last_used_at",
        "last_used_origin",
        "created_at",
        "revoked_at",
    }
    assert made["token"].startswith(deployment["token_prefix"])
    assert made["token"] in made["embed_snippet"]
    assert deployment["assistant_id"] in made["embed_snippet"]
    again = api.get(f"/deployments/{deployment['id']}")
    assert again.data == deployment
    assert made["token"] not in again.content.decode()
    assert made["token"] not in api.get(path).content.decode()
    assert opens(made["token"], deployment["assistant_id"]) == "opened"
    used = api.get(f"/deployments/{deployment['id']}").data
    assert used["last_used_origin"] == "https://shop.example"
    assert used["last_used_at"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"allowed_origins": ["https://shop.example/"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["null"]}, "allowed_origins[0]"),
        ({"allowed_origins": []}, "allowed_origins"),
        ({"allowed_origins": "https://shop.example"}, "allowed_origins"),
        ({"allowed_origins": [5]}, "allowed_origins[0]"),
        ({"theme": {"primaryColour": "#fff"}}, "theme.primaryColour"),
        ({"theme": []}, "theme"),
        ({"allow_server_callers": "yes"}, "allow_server_callers"),
        ({"token": "cdp_x"}, "token"),
        ({"assistant_id": "x"}, "assistant_id"),
        ({"name": ""}, "name"),
    ],
)
def test_what_can_not_be_taken_is_named(api: Program, path: str, change: Any, field: str) -> None:
    answer = api.post(path, NEW | change)
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert field in answer.data["errors"]
    made = api.made(path, NEW)["deployment"]
    answer = api.patch(f"/deployments/{made['id']}", change)
    assert answer.status_code == 422
    assert field in answer.data["errors"]
    assert api.get(f"/deployments/{made['id']}").data == made


def test_a_refused_origin_comes_with_the_corrected_value(api: Program, path: str) -> None:
    answer = api.post(path, NEW | {"allowed_origins": ["HTTPS://Shop.example:443/x/"]})
    assert "https://shop.example" in answer.data["errors"]["allowed_origins[0]"][0]


def test_a_change_of_origins_counts_at_once(api: Program, path: str) -> None:
    made = api.made(path, NEW)
    where = f"/deployments/{made['deployment']['id']}"
    assistant_id = made["deployment"]["assistant_id"]
    changed = api.patch(where, {"allowed_origins": ["https://other.example"], "name": "Other", "theme": {"radius": 4}})
    assert changed.status_code == 200
    assert (changed.data["name"], changed.data["theme"]) == ("Other", {"radius": 4})
    assert opens(made["token"], assistant_id) == "origin_not_allowed"
    assert opens(made["token"], assistant_id, "https://other.example") == "opened"
    assert api.patch(where, {}).data["allowed_origins"] == ["https://other.example"]


def test_a_revoked_deployment_is_dead_at_once_and_for_good(api: Program, path: str) -> None:
    made = api.made(path, NEW)
    where = f"/deployments/{made['deployment']['id']}"
    revoked = api.post(f"{where}/revoke")
    assert revoked.status_code == 200
    assert revoked.data["status"] == "revoked"
    assert revoked.data["revoked_at"]
    assert opens(made["token"], made["deployment"]["assistant_id"]) == "token_revoked"
    assert api.post(f"{where}/revoke").data == revoked.data
    refused = api.post(f"{where}/rotate")
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")


@pytest.fixture
def opening(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewDeployment]:
    """A deployment of which a session is being opened: the transaction is under way for another half second."""
    made = factories.make_deployment(factories.make_workspace())
    is_open, note_use = threading.Event(), sessions._note_use

    def note_late(*arguments: Any) -> None:
        is_open.set()
        time.sleep(0.5)
        note_use(*arguments)

    def start() -> None:
        try:
            factories.start_session(made)
        finally:
            connection.close()

    monkeypatch.setattr(sessions, "_note_use", note_late)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start)
        assert is_open.wait(10)
        yield made
        starting.result()


def test_a_revoke_gets_through_while_a_session_is_being_opened(opening: NewDeployment) -> None:
    path = f"/deployments/{opening.deployment.id}/revoke"
    assert program(workspace=workspace_of(opening)).post(path).status_code == 200
    with pytest.raises(Problem, match="revoked"):
        factories.start_session(opening)


def test_so_does_deleting_the_assistant(opening: NewDeployment) -> None:
    path = f"/assistants/{opening.deployment.assistant_id}"
    assert program(workspace=workspace_of(opening)).call("DELETE", path).status_code == 204
    with pytest.raises(Problem, match="No such token"):
        factories.start_session(opening)


def workspace_of(made: NewDeployment) -> Workspace:
    with tenant(made.deployment.workspace_id):
        return Workspace.objects.get()


def test_two_rotations_at_once_leave_one_token(transactional_db: None) -> None:
    workspace = factories.make_workspace()
    made = factories.make_deployment(workspace)
    who, together = factories.actor(workspace), threading.Barrier(2)

    def rotate(_: int) -> str:
        try:
            with tenant(workspace.id):
                row = Deployment.objects.get(id=made.deployment.id)
                together.wait(10)
                token = deploying.rotate(who, row).token
                time.sleep(0.2)
                return token
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        values = list(pool.map(rotate, range(2)))
    answers = [opens(value, str(made.deployment.assistant_id)) for value in (made.token, *values)]
    assert sorted(answers) == ["opened", "token_expired", "token_expired"]


def test_rotating_with_an_overlap_keeps_the_earlier_token_for_that_long(api: Program, path: str) -> None:
    made = api.made(path, NEW)
    assistant_id = made["deployment"]["assistant_id"]
    rotated = api.post(f"/deployments/{made['deployment']['id']}/rotate", {"overlap_seconds": 60})
    assert rotated.status_code == 201
    token = rotated.data["token"]
    assert token != made["token"]
    assert rotated.data["deployment"]["token_prefix"] == token[:12]
    assert opens(made["token"], assistant_id) == opens(token, assistant_id) == "opened"
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=61), tick=False):
        assert opens(made["token"], assistant_id) == "token_expired"
        assert opens(token, assistant_id) == "opened"


def test_rotating_without_one_ends_it_at_once(api: Program, path: str) -> None:
    made = api.made(path, NEW)
    api.post(f"/deployments/{made['deployment']['id']}/rotate")
    assert opens(made["token"], made["deployment"]["assistant_id"]) == "token_expired"


@pytest.mark.parametrize("overlap", [-1, 1.5, "60", True, None, 10**9, 1e300])
def test_an_overlap_is_a_whole_number_of_seconds(api: Program, path: str, overlap: Any) -> None:
    made = api.made(path, NEW)
    answer = api.post(f"/deployments/{made['deployment']['id']}/rotate", {"overlap_seconds": overlap})
    assert answer.status_code == 422
    assert "overlap_seconds" in answer.data["errors"]


def test_who_may_write_assistants_may_not_deploy_them(api: Program, path: str) -> None:
    writer = program(("assistants:write",), api.workspace)
    assert writer.post(path, NEW).data["code"] == "scope_missing"
    assert writer.get(path).data["code"] == "scope_missing"


def test_every_change_leaves_a_line_in_the_audit_log_without_the_token(api: Program, path: str) -> None:
    made = api.made(path, NEW)
    where = f"/deployments/{made['deployment']['id']}"
    api.patch(where, {"name": "Other"})
    rotated = api.post(f"{where}/rotate").data
    api.post(f"{where}/revoke")
    with tenant(api.workspace.id):
        lines = list(AuditEvent.objects.filter(action__startswith="deployment.").order_by("created_at"))
    assert [line.action.split(".")[1] for line in lines] == ["created", "changed", "rotated", "revoked"]
    for line in lines:
        assert made["token"] not in str(line.data)
        assert rotated["token"] not in str(line.data)
