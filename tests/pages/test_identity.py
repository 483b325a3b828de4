"""The Identity tab: a secret is shown once, verified identity can be required, and a token can be tried."""

from __future__ import annotations

import datetime as dt
import re

import jwt
import pytest
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import identity
from deployments.models import Deployment, IdentitySecret
from tests import factories
from tests.pages.conftest import Browser, form_of, text
from workspaces.models import Workspace

SECRET = re.compile(r"cis_[0-9A-Za-z]{38}")


@pytest.fixture
def made(workspace: Workspace) -> Deployment:
    return factories.make_deployment(workspace).deployment


def page_of(deployment: Deployment) -> str:
    return f"/app/deployments/{deployment.id}/identity"


def a_secret(workspace: Workspace, deployment: Deployment) -> str:
    with tenant(workspace.id):
        return identity.make_secret(factories.actor(workspace), deployment).value


def is_required(deployment: Deployment) -> bool:
    with tenant(deployment.workspace_id):
        return Deployment.objects.get(id=deployment.id).identity_required


def test_a_secret_is_shown_once_and_a_reload_of_its_page_makes_no_other(member: Browser, made: Deployment) -> None:
    form = form_of(member.get(page_of(made)), "/secrets")
    answer = member.send(form)
    assert "no-store" in answer["Cache-Control"]
    (secret,) = set(SECRET.findall(text(answer)))
    shown = text(member.send(form))
    assert "shown only once" in shown
    assert secret not in shown
    assert f"cis_…{secret[-4:]}" in shown
    with tenant(made.workspace_id):
        assert IdentitySecret.objects.count() == 1


def test_rotating_with_an_overlap_shows_both_and_ends_the_old_one_on_a_click(
    member: Browser, workspace: Workspace, made: Deployment
) -> None:
    old = a_secret(workspace, made)
    form = form_of(member.get(page_of(made)), "/secrets")
    form["overlap"] = "86400"
    (new,) = set(SECRET.findall(text(member.send(form))))
    shown = text(member.get(page_of(made)))
    assert old[-4:] in shown
    assert new[-4:] in shown
    shown = text(member.send(form_of(member.get(page_of(made)), "/end")))
    assert f"The secret that ends in {old[-4:]} is over." in shown
    assert f"cis_…{old[-4:]}" not in shown


def test_requiring_identity_needs_a_secret_first(member: Browser, workspace: Workspace, made: Deployment) -> None:
    form = form_of(member.get(page_of(made)), "/require")
    assert "Make a secret first" in text(member.send(form, required="1"))
    assert not is_required(made)
    a_secret(workspace, made)
    member.send(form, required="1")
    assert is_required(made)
    member.send(form_of(member.get(page_of(made)), "/require"))
    assert not is_required(made)


def test_a_token_that_is_tried_says_whom_it_names_or_what_is_wrong(
    member: Browser, workspace: Workspace, made: Deployment
) -> None:
    secret = a_secret(workspace, made)
    ends = timezone.now() + dt.timedelta(minutes=5)
    form = form_of(member.get(page_of(made)), "/check#check-title")
    form["user_token"] = jwt.encode({"sub": "u-<1>", "exp": ends, "name": "Jo"}, secret, algorithm="HS256")
    answer = member.send(form)
    assert "This token is good." in text(answer)
    assert "u-&lt;1&gt;" in text(answer)
    form["user_token"] = jwt.encode({"sub": "u-1", "exp": 1}, secret, algorithm="HS256")
    answer = member.send(form)
    assert answer.status_code == 422
    assert "user_token has expired." in text(answer)
    assert form["user_token"] in text(answer)  # nothing typed is lost
    with tenant(workspace.id):
        assert IdentitySecret.objects.get().last_used_at is None  # trying is no use


def test_the_page_shows_the_very_samples_that_the_tests_run(member: Browser, made: Deployment) -> None:
    shown = text(member.get(page_of(made)))
    for language in ("Python", "Node", "PHP", "Ruby"):
        assert f"<summary>{language}</summary>" in shown
    assert "OpenSSL::HMAC" in shown
    assert "hash_hmac" in shown


def test_a_lost_last_secret_is_said_where_identity_is_required(
    member: Browser, workspace: Workspace, made: Deployment
) -> None:
    a_secret(workspace, made)
    with tenant(workspace.id):
        Deployment.objects.update(identity_required=True)
        identity.end_secret(factories.actor(workspace), made, IdentitySecret.objects.get())
    assert "Visitors whom a page names are refused now" in text(member.get(page_of(made)))


def test_what_to_do_is_said_to_somebody_who_is_on_the_page(member: Browser, made: Deployment) -> None:
    address = f"/app/deployments/{made.id}/identity"

    def tried(secret: str) -> str:
        form = form_of(member.get(address), "/identity/check#check-title")
        form["user_token"] = jwt.encode({"sub": "u-1"}, secret)
        return text(member.send(form)).split('id="check-result"')[1].split("</section>")[0]

    assert "Make one above, and sign with it." in tried("another secret than ours" * 2)
    shown = SECRET.search(text(member.send(form_of(member.get(address), "/identity/secrets"))))
    assert shown is not None
    page = tried(shown[0])
    assert "the samples below" in page
    assert "tab" not in page


def test_what_a_secret_can_do_is_said_beside_it(member: Browser, made: Deployment) -> None:
    page = text(member.get(f"/app/deployments/{made.id}/identity"))
    assert "can speak as any person of this workspace" in page
