"""A helpdesk's connection: what its pages say of how it is set up, who hands over to it, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from channels_app import accounts, connections
from channels_app.models import Connection
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.models import Assistant, Conversation
from tests import factories
from tests.pages.conftest import Browser, words
from workspaces import secret_store
from workspaces.models import Workspace

SIGNED = "calls Convoship, by POST and signed."
WITH_SECRET = "calls Convoship, by POST, with the secret of this connection in a header."
CREDENTIALS = {
    "zendesk": ("client_id", "client_secret", "webhook_secret"),
    "servicenow": ("username", "password", "webhook_secret"),
}
TICKETS = {"subdomain": "acme", "mode": "tickets"}
MESSAGING = {"subdomain": "acme", "mode": "messaging", "app_id": "a1", "integration_id": "i1"}


def make(workspace: Workspace, kind: str, config: dict[str, str]) -> Connection:
    who, assistant = factories.actor(workspace), factories.make_assistant(workspace)
    with tenant(workspace.id):
        keys = {field: f"{kind}-{field.replace('_', '-')}" for field in CREDENTIALS[kind]}
        for key in keys.values():
            secret_store.write(who, key, "s" * 40)
        return connections.create(
            who, kind=kind, name="The desk", assistant_id=assistant.id, config=config, credentials=keys
        ).connection


def page_of(member: Browser, connection: Connection) -> str:
    return words(member.get(f"/app/channels/{connection.id}/"))


@pytest.mark.parametrize(
    ("kind", "config", "how"),
    [
        ("zendesk", TICKETS, SIGNED),
        ("zendesk", MESSAGING, WITH_SECRET),
        ("servicenow", {"instance": "acme", "mode": "incident"}, SIGNED),
        ("servicenow", {"instance": "acme", "mode": "virtual_agent"}, WITH_SECRET),
    ],
)
def test_how_it_proves_who_calls_is_said_as_it_is(
    member: Browser, workspace: Workspace, kind: str, config: dict[str, str], how: str
) -> None:
    assert how in page_of(member, make(workspace, kind, config))


@pytest.mark.parametrize(("poll", "is_said"), [("no", True), ("yes", False)])
def test_an_address_that_servicenow_can_not_reach_is_said_unless_nobody_has_to_call_it(
    member: Browser, workspace: Workspace, settings: Any, poll: str, is_said: bool
) -> None:
    settings.PUBLIC_BASE_URL = "http://convoship.example"
    connection = make(workspace, "servicenow", {"instance": "acme", "mode": "incident", "poll": poll})
    said = "ServiceNow can't reach this address from outside: it is not https."
    assert page_of(member, connection).count(said) == int(is_said)
    settings.PUBLIC_BASE_URL = "https://convoship.example"
    assert said not in page_of(member, connection)


def test_who_hands_over_to_it_is_named_and_what_is_still_to_be_published(member: Browser, workspace: Workspace) -> None:
    connection = make(workspace, "servicenow", {"instance": "acme", "mode": "virtual_agent"})
    assert "Add The desk to them under Ada, Hand-over , and publish." in page_of(member, connection)
    who = factories.actor(workspace)
    with tenant(workspace.id):
        assistant = Assistant.objects.get(name="Ada")
        assistant.draft = {**assistant.draft, "handoff": {"desks": [str(connection.id)]}}
        assistant.save()
    page = page_of(member, connection)
    assert "Ada has it among the desks of the draft: publish, and visitors are handed over to it." in page
    with tenant(workspace.id):
        publishing.publish(who, assistant.id)
    page = page_of(member, connection)
    assert "Ada hands over to it." in page
    assert "Add The desk" not in page


def test_in_messaging_nothing_has_to_be_added_and_by_hand_is_said_for_messaging(
    member: Browser, workspace: Workspace
) -> None:
    connection = make(workspace, "zendesk", MESSAGING)
    page = page_of(member, connection)
    assert "handed over to the people there before anybody else" in page
    assert "Add The desk" not in page
    made = words(member.get(f"/app/assistants/{connection.assistant_id}/handoff"))
    assert "The desk (takes only who writes over it)" in made


def test_by_hand_is_said_as_the_mode_wants_it(workspace: Workspace) -> None:
    with tenant(workspace.id):
        tickets, messaging = (
            accounts.to_plan(make(workspace, "zendesk", config)).by_hand for config in (TICKETS, MESSAGING)
        )
    assert "Add trigger" in tickets
    assert "trigger" not in messaging
    assert "conversation:message" in messaging


def test_a_wrong_base_url_is_said_with_all_else_that_is_wrong(workspace: Workspace) -> None:
    config = {"instance": "acme", "api_base_url": "https://evil.example"}
    with tenant(workspace.id), pytest.raises(Problem) as refused:
        connections.create(
            factories.actor(workspace), kind="servicenow", name="x", assistant_id=None, config=config, credentials={}
        )
    errors = refused.value.errors or {}
    assert "credentials.username" in errors
    (said,) = errors["config.api_base_url"]
    assert "https://service-now.com or https://servicenowservices.com (or below one of them) only." in said


def test_a_test_has_no_deployment_and_says_why(member: Browser, workspace: Workspace) -> None:
    row = factories.start_session(factories.make_deployment(workspace)).session.conversation
    path = f"/app/conversations/{row.id}/"
    with tenant(workspace.id):
        Conversation.objects.filter(id=row.id).update(is_test=True, deployment=None, origin="")
    page = words(member.get(path))
    assert "Deployment none: it is a test" in page
    assert "Origin none: it is a test" in page
    with tenant(workspace.id):
        Conversation.objects.filter(id=row.id).update(is_test=False)
    assert "Deployment deleted" in words(member.get(path))
