"""An object of another workspace is, byte for byte, as if it did not exist."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from convoship.lib.tenancy import tenant
from deployments.models import Assistant, Conversation, Deployment
from tests import factories
from tests.api.conftest import Program

pytestmark = pytest.mark.django_db

CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/assistants/{assistant}", None),
    ("PATCH", "/assistants/{assistant}", {"name": "Taken"}),
    ("DELETE", "/assistants/{assistant}", None),
    ("POST", "/assistants/{assistant}/publish", {}),
    ("GET", "/assistants/{assistant}/deployments", None),
    ("POST", "/assistants/{assistant}/deployments", {"name": "x", "allowed_origins": ["https://evil.example"]}),
    ("GET", "/deployments/{deployment}", None),
    ("PATCH", "/deployments/{deployment}", {"allowed_origins": ["https://evil.example"]}),
    ("POST", "/deployments/{deployment}/revoke", None),
    ("POST", "/deployments/{deployment}/rotate", {}),
    ("POST", "/deployments/{deployment}/pause", None),
    ("POST", "/deployments/{deployment}/resume", None),
    ("GET", "/deployments/{deployment}/tokens", None),
    ("GET", "/deployments/{deployment}/refused-origins", None),
    ("DELETE", "/deployments/{deployment}/refused-origins", None),
    ("POST", "/deployments/{deployment}/refused-origins/allow", {"origin": "https://evil.example"}),
    ("GET", "/conversations/{conversation}", None),
    ("GET", "/conversations/{conversation}/messages", None),
    ("POST", "/conversations/{conversation}/messages", {"text": "Hi"}),
    ("POST", "/conversations/{conversation}/handoff", {}),
    ("POST", "/conversations/{conversation}/return", None),
    ("POST", "/conversations/{conversation}/resolve", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_foreign_id_is_as_if_it_did_not_exist(
    api: Program, stranger: Program, method: str, path: str, body: Any
) -> None:
    new = factories.make_deployment(api.workspace)
    opened = factories.start_session(new)
    foreign = {
        "assistant": str(new.deployment.assistant_id),
        "deployment": str(new.deployment.id),
        "conversation": str(opened.session.conversation_id),
    }
    before = state(api)
    answer = stranger.call(method, path.format(**foreign), body)
    assert answer.status_code == 404
    for other in (str(uuid4()), "x", "1", "%00", foreign["assistant"].upper(), "0" * 32, "../me"):
        missing = stranger.call(method, path.format(assistant=other, deployment=other, conversation=other), body)
        if other == "../me":
            assert missing.status_code == 404
            continue
        assert (missing.status_code, missing.content) == (404, answer.content)
        assert dict(missing.headers) == dict(answer.headers)
    assert state(api) == before


def state(caller: Program) -> list[Any]:
    """All that a call could have changed."""
    with tenant(caller.workspace.id):
        return [list(model._default_manager.order_by("id").values()) for model in (Assistant, Deployment, Conversation)]


def test_lists_show_ones_own_only(api: Program, stranger: Program) -> None:
    factories.start_session(factories.make_deployment(api.workspace))
    assert stranger.get("/assistants").data["results"] == []
    assert stranger.get("/conversations").data["results"] == []
    assert len(api.get("/assistants").data["results"]) == 1
    assert len(api.get("/conversations").data["results"]) == 1


def test_an_unauthenticated_caller_learns_nothing_of_what_exists(api: Program) -> None:
    assistant = factories.make_assistant(api.workspace)
    nobody = Program(api.workspace, None)
    answers = [nobody.get(f"/assistants/{value}") for value in (assistant.id, uuid4(), "x")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_routes_of_later_issues_are_absent(api: Program) -> None:
    for path in ("/members", "/api-keys", "/connections/templates"):
        assert api.get(path).status_code == 404
