"""The Deploy page: tokens are shown once, origins are corrected in one click, revoking is at once."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments.deploying import NewDeployment
from deployments.models import Deployment
from tests import factories
from tests.pages.conftest import Browser, Form, form_of, text
from workspaces.models import AuditEvent, Workspace

TOKEN = re.compile(r"cdp_[0-9A-Za-z]{38}")


def new_form(member: Browser, assistant_id: object) -> Form:
    form = form_of(member.get(f"/app/assistants/{assistant_id}/deploy"), "/deploy/new")
    form["name"] = "Shop"
    form["allowed_origins"] = "https://shop.example\r\n\r\nhttps://www.shop.example"
    return form


def deployments_of(workspace: Workspace) -> list[Deployment]:
    with tenant(workspace.id):
        return list(Deployment.objects.order_by("created_at"))


def test_a_new_deployment_shows_its_token_once_with_both_snippets(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    form = new_form(member, assistant.id)
    made = member.send(form)
    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    (token,) = set(TOKEN.findall(text(made)))
    assert "window.ConvoshipQueue = window.ConvoshipQueue || [];" in text(made)
    assert "/embed/v1.js&quot; async&gt;" in text(made)
    assert "/embed/v1.js&quot;&gt;&lt;/script&gt;" in text(made)
    shown = NewDeployment(deployments_of(workspace)[0], token, "")
    assert factories.start_session(shown).created  # the token that was shown lets visitors in
    for page in (f"/app/assistants/{assistant.id}/deploy", "/app/channels/", made.request["PATH_INFO"]):
        assert not TOKEN.search(text(member.get(page)))
    assert token not in str(dict(member.client.session))


def test_beside_make_run_the_form_and_the_snippet_lead_to_the_strangers_site(
    member: Browser, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = new_form(member, factories.make_assistant(workspace).id)
    deploy = form.action.removesuffix("/new")
    assert "stranger" not in text(member.get(deploy))
    monkeypatch.setattr(settings, "STRANGER_SITE_URL", "http://127.0.0.1:8001/")
    assert "<code>http://127.0.0.1:8001</code>" in text(member.get(deploy))
    assert "stranger" not in text(member.send(form))  # its pages wouldn't let that snippet in
    form = new_form(member, factories.make_assistant(workspace).id)
    form["allowed_origins"] = "http://127.0.0.1:8001"
    assert 'href="http://127.0.0.1:8001/"' in text(member.send(form))


def test_sending_the_form_again_by_reloading_makes_and_shows_nothing(member: Browser, workspace: Workspace) -> None:
    form = new_form(member, factories.make_assistant(workspace).id)
    member.send(form)
    again = member.send(form)
    assert not TOKEN.search(text(again))
    assert "shown only once" in text(again)
    assert len(deployments_of(workspace)) == 1


def test_a_form_without_its_mark_makes_nothing(member: Browser, workspace: Workspace) -> None:
    form = new_form(member, factories.make_assistant(workspace).id)
    form["once"] = ""
    member.send(form)
    assert deployments_of(workspace) == []


def test_a_refused_origin_is_shown_with_its_correction_and_corrected_in_one_click(
    member: Browser, workspace: Workspace
) -> None:
    form = new_form(member, factories.make_assistant(workspace).id)
    form["allowed_origins"] = "https://ok.example\nHTTPS://Shop.example/\nnull"
    refused = member.send(form)
    assert refused.status_code == 422
    assert "An origin has no slash at its end." in text(refused)
    assert "“null” can never be allowed" in text(refused)
    again = form_of(refused, "/deploy/new")
    assert again["allowed_origins"] == "https://ok.example\nHTTPS://Shop.example/\nnull"
    assert again["name"] == "Shop"
    corrected = form_of(member.send(again, use="1"), "/deploy/new")
    assert corrected["allowed_origins"] == "https://ok.example\nhttps://shop.example\nnull"
    corrected["allowed_origins"] = "https://ok.example\nhttps://shop.example"
    assert TOKEN.search(text(member.send(corrected)))
    assert deployments_of(workspace)[0].allowed_origins == ["https://ok.example", "https://shop.example"]


def test_no_origin_at_all_is_refused_with_an_example(member: Browser, workspace: Workspace) -> None:
    form = new_form(member, factories.make_assistant(workspace).id)
    form["allowed_origins"] = " \n "
    assert "for example https://www.example.com" in text(member.send(form))


def test_the_list_says_prefix_origins_last_use_and_status(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    page = text(member.get(f"/app/assistants/{made.deployment.assistant_id}/deploy"))
    assert f"{made.token[:12]}…" in page
    assert "https://shop.example" in page
    assert "never" in page
    assert "Live" in page
    assert f"{made.token[:12]}_PASTE_YOUR_TOKEN" in page
    factories.start_session(made)
    page = text(member.get(f"/app/assistants/{made.deployment.assistant_id}/deploy"))
    assert "from <code>https://shop.example</code>" in page


def test_rotating_shows_a_new_token_once_and_says_how_long_the_old_one_lasts(
    member: Browser, workspace: Workspace
) -> None:
    made = factories.make_deployment(workspace)
    deploy = f"/app/assistants/{made.deployment.assistant_id}/deploy"
    form = form_of(member.get(deploy), "/rotate")
    form["overlap"] = "3600"
    rotated = member.send(form)
    (token,) = set(TOKEN.findall(text(rotated)))
    assert token != made.token
    assert "no-store" in rotated["Cache-Control"]
    assert "still works" in text(member.get(deploy))
    assert factories.start_session(made).created
    assert not TOKEN.search(text(member.send(form)))


def test_rotating_at_once_ends_the_old_token(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    member.send(form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/rotate"))
    with pytest.raises(Problem) as refused:
        factories.start_session(made)
    assert refused.value.code == "token_expired"


def test_an_overlap_that_nobody_offered_is_refused(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    form = form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/rotate")
    form["overlap"] = "9" * 12
    assert not TOKEN.search(text(member.send(form)))
    assert factories.start_session(made).created


def test_revoking_asks_first_and_then_holds_at_once(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    address = f"/app/deployments/{made.deployment.id}/revoke"
    asked = member.get(address)
    assert "Revoke Shop?" in text(asked)
    assert factories.start_session(made).created
    done = member.send(form_of(asked, address))
    assert "is revoked" in text(done)
    with pytest.raises(Problem) as refused:
        factories.start_session(made)
    assert refused.value.code == "token_revoked"
    with tenant(workspace.id):
        assert AuditEvent.objects.filter(action="deployment.revoked").count() == 1


def test_name_origins_and_server_callers_are_edited(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    form = form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/change")
    assert form["allowed_origins"] == "https://shop.example"
    form["name"] = "New shop"
    form["allowed_origins"] = "https://new.example"
    form["allow_server_callers"] = ["on"]
    saved = member.send(form)
    assert "Saved." in text(saved)
    row = deployments_of(workspace)[0]
    assert (row.name, row.allowed_origins, row.allow_server_callers) == ("New shop", ["https://new.example"], True)
    with pytest.raises(Problem) as refused:
        factories.start_session(made, origin="https://shop.example")
    assert refused.value.code == "origin_not_allowed"


def test_saving_without_a_change_writes_no_audit_line(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    member.send(form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/change"))
    with tenant(workspace.id):
        assert not AuditEvent.objects.filter(action="deployment.changed").exists()


def test_an_unpublished_assistant_is_said_to_answer_nothing(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, published=False)
    page = text(member.get(f"/app/assistants/{assistant.id}/deploy"))
    assert "This assistant is not published yet." in page


def test_channels_lists_deployments_by_assistant_and_makes_new_ones(member: Browser, workspace: Workspace) -> None:
    ada = factories.make_assistant(workspace, name="Ada")
    bob = factories.make_assistant(workspace, name="Bob")
    factories.make_deployment(workspace, bob, name="Blog")
    page = member.get("/app/channels/")
    assert "Blog" in text(page)
    form = form_of(page, "/app/channels/new-deployment")
    form["assistant"] = str(ada.id)
    form["name"] = "Shop"
    form["allowed_origins"] = "https://shop.example/"
    refused = form_of(member.send(form), "/new-deployment")
    corrected = form_of(member.send(refused, use="0"), "/new-deployment")
    assert corrected["allowed_origins"] == "https://shop.example"
    assert corrected["assistant"] == str(ada.id)
    assert TOKEN.search(text(member.send(corrected)))
    with tenant(workspace.id):
        assert Deployment.objects.get(name="Shop").assistant_id == ada.id


def test_channels_names_no_provider_yet(member: Browser) -> None:
    page = text(member.get("/app/channels/"))
    for word in ("Twilio", "Zendesk", "Genesys", "ServiceNow", "connection"):
        assert word not in page
