"""Workspaces: made, chosen, renamed; members are listed; API keys are shown once."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, text
from workspaces import api_keys, members
from workspaces.models import ApiKey, Workspace

KEY = re.compile(r"csk_[0-9A-Za-z]{38}")


def key_form(member: Browser) -> Form:
    form = form_of(member.get("/app/workspace/"), "/api-keys/new")
    form["name"] = "Reports"
    form["scopes"] = ["conversations:read"]
    return form


def test_who_has_no_workspace_makes_one_first(db: None) -> None:
    user = factories.make_user()
    client = Client()
    client.force_login(user)
    page = client.get("/", follow=True)
    assert "Name your workspace" in text(page)
    done = client.post("/app/new-workspace/", {"name": "Fjord"}, follow=True)
    assert "Three steps to the first answer" in text(done)
    assert "Fjord" in text(done)
    assert client.post("/app/new-workspace/", {"name": ""}).status_code == 422


def test_one_switches_between_ones_own_workspaces_only(member: Browser) -> None:
    assert "Switch" not in text(member.get("/"))
    second = members.create_workspace(member.user, "Second")
    foreign = factories.make_workspace(name="Foreign")
    page = member.get("/app/workspaces/")
    assert "Second" in text(page)
    assert "Foreign" not in text(page)
    form = form_of(page, "/app/workspaces/")
    form.values["workspace"] = [str(foreign.id)]
    assert "You don&#x27;t belong to that workspace." in text(member.send(form))
    form.values["workspace"] = [str(second.id)]
    assert "Second" in text(member.send(form))


def test_the_workspace_is_renamed(member: Browser, workspace: Workspace) -> None:
    form = form_of(member.get("/app/workspace/"), "/app/workspace/name")
    form["name"] = "New name"
    assert "New name" in text(member.send(form))


def test_members_are_listed_with_their_roles(member: Browser, workspace: Workspace) -> None:
    lea = factories.member(workspace, "agent", factories.make_user("lea@example.com", name="Lea"))
    page = text(member.get("/app/workspace/"))
    assert lea.email in page
    assert "Agent" in page


def test_a_key_is_shown_once_and_works(member: Browser, workspace: Workspace) -> None:
    form = key_form(member)
    made = member.send(form)
    (token,) = set(KEY.findall(text(made)))
    assert "no-store" in made["Cache-Control"]
    assert api_keys.authenticate(token, "10.0.0.1")[0] == workspace.id
    again = member.send(form)
    assert not KEY.search(text(again))
    assert not KEY.search(text(member.get("/app/workspace/")))
    assert f"{token[:12]}…" in text(member.get("/app/workspace/"))
    with tenant(workspace.id):
        assert ApiKey.objects.count() == 1


def test_a_revoked_key_is_refused(member: Browser, workspace: Workspace) -> None:
    new = factories.make_api_key(workspace)
    asked = member.get(f"/app/workspace/api-keys/{new.key.id}/revoke")
    assert api_keys.authenticate(new.token, "10.0.0.1")
    assert "is revoked" in text(member.send(form_of(asked, "/revoke")))
    with pytest.raises(Problem):
        api_keys.authenticate(new.token, "10.0.0.1")


def test_a_key_needs_a_name_and_a_scope(member: Browser) -> None:
    form = form_of(member.get("/app/workspace/"), "/api-keys/new")
    refused = member.send(form)
    assert refused.status_code == 422
    assert "Choose at least one scope." in text(refused)
    assert "Name the key after what will use it." in text(refused)


def test_nobody_gives_a_key_more_than_they_may_do(workspace: Workspace) -> None:
    developer = browser_of(workspace, factories.member(workspace, "developer"))
    page = developer.get("/app/workspace/")
    assert "workspace:write" not in text(page)
    form = form_of(page, "/api-keys/new")
    form["name"] = "Sly"
    form["scopes"] = ["workspace:write"]
    assert "more than you may do yourself" in text(developer.send(form))


def test_keys_are_hidden_from_who_may_not_read_them(workspace: Workspace) -> None:
    factories.make_api_key(workspace, name="Hidden key")
    agent = browser_of(workspace, factories.member(workspace, "agent"))
    page = text(agent.get("/app/workspace/"))
    assert "Hidden key" not in page
    assert "Save the name" not in page


def test_a_key_can_end_by_itself(member: Browser, workspace: Workspace) -> None:
    form = form_of(member.get("/app/workspace/"), "/api-keys/new")
    form["name"] = "Short"
    form["scopes"] = ["assistants:read"]
    form["expires"] = "30"
    member.send(form)
    with tenant(workspace.id):
        assert ApiKey.objects.get().expires_at is not None
