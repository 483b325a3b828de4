"""The OpenAPI document: complete, public, and true when it is tried with what Schemathesis thinks up."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import hypothesis
import pytest
import schemathesis
from django.conf import settings
from django.test import Client
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from channels_app import connections, enqueueing
from convoship import api_docs
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
    rollouts,
)
from deployments.knowledge import sources
from deployments.models.knowledge import SourceKind
from deployments.models.person import IdentityKind
from deployments.rollouts import Tried
from tests import factories
from tests.api.conftest import program

# A few for each call in each run, of which there are many; CONVOSHIP_EXAMPLES=100 looks longer.
EXAMPLES = int(os.environ.get("CONVOSHIP_EXAMPLES", "5"))
# What holds a whole script takes long to make up, and it is tried in full where an assistant is made.
FEWER = {"/v1/assistants/import": 3, "/v1/assistants/{assistant_id}/import": 3}
# What a schema can't say (a button that leads nowhere, an origin in another spelling) is refused with 422 all the same.
LEFT_OUT = {"positive_data_acceptance", "max_response_time"}


def test_the_document_is_public_and_has_an_address(client: Client) -> None:
    answer = client.get("/v1/openapi.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://127.0.0.1:8000"}]
    assert client.get("/v1/openapi.json", headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_every_operation_says_who_may_call_it_and_what_can_go_wrong() -> None:
    document = json.loads(api_docs.document()[0])
    names = {tag["name"] for tag in document["tags"]}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) > 20
    for operation in operations:
        assert operation["summary"]
        assert operation["security"]
        assert set(operation["tags"]) <= names
        assert {"401", "403", "default"} <= set(operation["responses"])


def test_what_is_not_built_is_not_in_it() -> None:
    paths = json.loads(api_docs.document()[0])["paths"]
    assert not [path for path in paths if path.startswith("/v1/members")]


def test_the_committed_document_is_what_the_code_says() -> None:
    """As `make lint` has it; `make openapi` writes it."""
    committed = json.loads((Path(settings.BASE_DIR) / "docs" / "openapi.json").read_text())
    served = json.loads(api_docs.document()[0])
    served.pop("servers")
    assert committed == served


def test_the_page_for_people_needs_nothing_but_files_of_our_own(client: Client) -> None:
    answer = client.get("/v1/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "<script>" not in page
    assert "style=" not in page
    assert "'unsafe" not in answer["Content-Security-Policy"]
    assert "//cdn" not in page


# --- Schemathesis -------------------------------------------------------------------------------------------------


def _operations() -> list[Any]:
    """The admin API's; the visitors' calls are tried in tests/runtime."""
    raw = json.loads(api_docs.document()[0])
    raw["paths"] = {path: calls for path, calls in raw["paths"].items() if not path.startswith(api_docs.RUNTIME)}
    found = schemathesis.openapi.from_dict(raw).get_all_operations()
    return [operation.ok() for operation in found if isinstance(operation, Ok)]


@pytest.fixture
def known(transactional_db: None) -> dict[str, str]:
    """A key, and ids that exist, so that the calls get past 404."""
    caller = program()
    new = factories.make_deployment(caller.workspace)
    opened = factories.start_session(new)
    who = factories.actor(caller.workspace)
    with tenant(caller.workspace.id):
        secret = identity.make_secret(who, new.deployment).row
        deploying.rotate(who, new.deployment, overlap_seconds=3600)
        token = new.deployment.tokens.earliest("created_at")
        rollouts.start(who, new.deployment, Tried(theme={"primaryColor": "#0a6640"}), share=20)
        rollout = rollouts.undo(who, new.deployment)
        connection = connections.create(
            who,
            kind="custom_webhook",
            name="Bridge",
            assistant_id=new.deployment.assistant_id,
            # Nothing is called: no site has this name.
            config={"url": "https://bridge.invalid/hook", "events": ["message.created"]},
            credentials={},
        ).connection
        reply = canned.create(who, shortcut="hello", title="Hello", text="Hello {{visitor.name}}")
        person = opened.session.conversation.person
        about = person_changes.add_note(who, person, "Kind.")
        plan = person_fields.create(who, key="plan", label="Plan", kind="text")
        merge = merging.merge(who, person, people.person_at([(IdentityKind.PHONE, "+15005550007")], {}))
        source = sources.add_web(who, new.deployment.assistant, kind=SourceKind.PAGE, url="https://help.invalid/")
        price = budget_settings.add_price(who, model="m", price_in=1, price_out=2, valid_from="2026-01-31")
        delivery = enqueueing.enqueue_alone(connection, "message.created", {"type": "message.created", "data": {}})
    return {
        "connection_id": str(connection.id),
        "delivery_id": str(delivery.id),
        "source_id": str(source.id),
        "price_id": str(price.id),
        "reply_id": str(reply.id),
        "person_id": str(person.id),
        "note_id": str(about.id),
        "field_id": str(plan.id),
        "merge_id": str(merge.id),
        "rollout_id": str(rollout.id),
        "token_id": str(token.id),
        "refused_id": str(factories.refuse(new).id),
        "secret_id": str(secret.id),
        "token": str(caller.token),
        "assistant_id": str(new.deployment.assistant_id),
        "deployment_id": str(new.deployment.id),
        "conversation_id": str(opened.session.conversation_id),
    }


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", _operations(), ids=lambda operation: operation.label)
def test_the_api_does_what_its_document_says(
    operation: Any, mode: GenerationMode, known: dict[str, str], live_server: Any
) -> None:
    excluded = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name in LEFT_OUT]

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=max(1, EXAMPLES // FEWER.get(operation.path, 1)),
        deadline=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def holds(case: Any) -> None:
        for name in case.path_parameters or {}:
            if _is_uuid(case.path_parameters[name]):
                case.path_parameters[name] = known[name]
        headers = {"Authorization": f"Bearer {known['token']}"}
        case.call_and_validate(base_url=live_server.url, headers=headers, excluded_checks=excluded, timeout=60)

    holds()


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
