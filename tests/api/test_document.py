"""The OpenAPI document: complete, public, and true when it is tried with what Schemathesis thinks up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
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
from channels_app.models import Connection
from convoship import api_docs
from convoship.lib.actors import Actor
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
from deployments.models import Person, VisitorSession
from deployments.models.knowledge import SourceKind
from deployments.models.person import IdentityKind
from deployments.rollouts import Tried
from tests import factories
from tests.api.conftest import program

# A few for each call in each run, of which there are many; CONVOSHIP_EXAMPLES=100 looks longer.
EXAMPLES = int(os.environ.get("CONVOSHIP_EXAMPLES", "3"))
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


class Known:
    """A key, and ids that exist, so that calls get past 404: each made when it is asked for by its name in a path."""

    def __init__(self) -> None:
        self.caller = program()
        self.new = factories.make_deployment(self.caller.workspace)
        self.who = factories.actor(self.caller.workspace)
        self.token = str(self.caller.token)
        self.assistant_id = self.new.deployment.assistant_id
        self.deployment_id = self.new.deployment.id

    def make_all(self) -> None:
        """All of it, so that lists have something in them."""
        for name, made in vars(Known).items():
            if isinstance(made, cached_property):
                getattr(self, name)

    @contextmanager
    def _here(self) -> Iterator[Actor]:
        with tenant(self.caller.workspace.id):
            yield self.who

    @cached_property
    def _session(self) -> VisitorSession:
        return factories.start_session(self.new).session

    @cached_property
    def conversation_id(self) -> UUID:
        return self._session.conversation_id

    @cached_property
    def secret_id(self) -> UUID:
        with self._here() as who:
            return identity.make_secret(who, self.new.deployment).row.id

    @cached_property
    def token_id(self) -> UUID:
        with self._here() as who:
            deploying.rotate(who, self.new.deployment, overlap_seconds=3600)
            return self.new.deployment.tokens.earliest("created_at").id

    @cached_property
    def rollout_id(self) -> UUID:
        with self._here() as who:
            rollouts.start(who, self.new.deployment, Tried(theme={"primaryColor": "#0a6640"}), share=20)
            return rollouts.undo(who, self.new.deployment).id

    @cached_property
    def connection_id(self) -> UUID:
        with self._here() as who:
            return connections.create(
                who,
                kind="custom_webhook",
                name="Bridge",
                assistant_id=self.assistant_id,
                # Nothing is called: no site has this name.
                config={"url": "https://bridge.invalid/hook", "events": ["message.created"]},
                credentials={},
            ).connection.id

    @cached_property
    def delivery_id(self) -> UUID:
        connection_id = self.connection_id
        with self._here():
            bridge = Connection.objects.get(id=connection_id)
            return enqueueing.enqueue_alone(bridge, "message.created", {"type": "message.created", "data": {}}).id

    @cached_property
    def reply_id(self) -> UUID:
        with self._here() as who:
            return canned.create(who, shortcut="hello", title="Hello", text="Hello {{visitor.name}}").id

    @cached_property
    def person_id(self) -> UUID:
        session = self._session
        with self._here():
            return session.conversation.person.id

    @cached_property
    def note_id(self) -> UUID:
        person_id = self.person_id
        with self._here() as who:
            return person_changes.add_note(who, Person.objects.get(id=person_id), "Kind.").id

    @cached_property
    def field_id(self) -> UUID:
        with self._here() as who:
            return person_fields.create(who, key="plan", label="Plan", kind="text").id

    @cached_property
    def merge_id(self) -> UUID:
        person_id = self.person_id
        with self._here() as who:
            other = people.person_at([(IdentityKind.PHONE, "+15005550007")], {})
            return merging.merge(who, Person.objects.get(id=person_id), other).id

    @cached_property
    def source_id(self) -> UUID:
        with self._here() as who:
            assistant = self.new.deployment.assistant
            return sources.add_web(who, assistant, kind=SourceKind.PAGE, url="https://help.invalid/").id

    @cached_property
    def price_id(self) -> UUID:
        with self._here() as who:
            return budget_settings.add_price(who, model="m", price_in=1, price_out=2, valid_from="2026-01-31").id

    @cached_property
    def refused_id(self) -> UUID:
        return factories.refuse(self.new).id


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", _operations(), ids=lambda operation: operation.label)
def test_the_api_does_what_its_document_says(
    operation: Any, mode: GenerationMode, transactional_db: None, live_server: Any
) -> None:
    known = Known()
    if mode is GenerationMode.POSITIVE and operation.method.upper() == "GET":
        known.make_all()
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
                case.path_parameters[name] = str(getattr(known, name))
        headers = {"Authorization": f"Bearer {known.token}"}
        case.call_and_validate(base_url=live_server.url, headers=headers, excluded_checks=excluded, timeout=60)

    holds()


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
