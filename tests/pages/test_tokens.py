"""Tokens on a deployment's page: who uses which, rotating with an overlap, and ending an old one."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
import time_machine
from django.utils import timezone

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import deploying, tallies
from deployments.deploying import NewDeployment
from deployments.models import DeploymentToken
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, forms_of, text
from workspaces.models import AuditEvent, Workspace

BLOG = "https://blog.example"


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace, origins=[factories.SHOP, BLOG])


@pytest.fixture
def overview(made: NewDeployment) -> str:
    return f"/app/deployments/{made.deployment.id}/"


def words(member: Browser, path: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text(member.get(path)))).split())


def rotate(workspace: Workspace, made: NewDeployment, hours: float = 48) -> NewDeployment:
    with tenant(workspace.id):
        return deploying.rotate(factories.actor(workspace), made.deployment, overlap_seconds=int(hours * 3600))


def use(made: NewDeployment, origin: str = factories.SHOP) -> None:
    """A visitor begins a conversation on a page that carries this token."""
    factories.start_session(made, origin=origin)
    tallies.flush()


def ends(member: Browser, overview: str) -> list[Form]:
    return [form for form in forms_of(member.get(overview)) if form.action.endswith("/end")]


def test_the_last_use_is_shown_with_time_origin_and_count_on_card_and_page(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str
) -> None:
    use(made)
    use(made, BLOG)
    with tenant(workspace.id):
        token_id = DeploymentToken.objects.get().id
    for _ in range(3):
        tallies.used(workspace.id, made.deployment.id, token_id, BLOG)
    tallies.flush()
    for path in (overview, f"/app/assistants/{made.deployment.assistant_id}/deploy"):
        assert "just now from https://blog.example 2 conversations, 3 page loads" in words(member, path)
    page = words(member, overview)
    assert "https://shop.example 0 loads, 1 conversation, just now" in page
    assert "https://blog.example 3 loads, 1 conversation, just now" in page


def test_after_a_rotation_the_page_says_who_still_uses_the_old_token(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str
) -> None:
    use(made)  # before the rotation: that says nothing of who still needs it
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=10)):
        new = rotate(workspace, made)
        member = browser_of(workspace, member.user)
        assert "Nobody has used the old one since 10 min ago : you can end it now." in words(member, overview)
        assert "in 2 days" in words(member, overview)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=20)):
        use(new)
        use(made)
        use(made, BLOG)
        page = words(browser_of(workspace, member.user), overview)
        assert "2 origins still load with the old token; last just now on https://blog.example" in page


def test_an_old_token_that_nobody_used_is_ended_by_one_click(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str
) -> None:
    new = rotate(workspace, made)
    assert "Nobody ever used the old one: you can end it now." in words(member, overview)
    (form,) = ends(member, overview)
    assert "is over" in text(member.send(form))
    with pytest.raises(Problem) as refused:
        factories.start_session(made)
    assert refused.value.code == "token_expired"
    assert factories.start_session(new).created
    assert ends(member, overview) == []
    with tenant(workspace.id):
        assert AuditEvent.objects.filter(action="deployment.token_ended").count() == 1


def test_one_that_was_used_in_the_last_day_is_asked_about_first(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str
) -> None:
    rotate(workspace, made)
    (blind,) = ends(member, overview)
    use(made)
    # The page that was open before it was used asks too.
    asked = member.send(blind)
    assert "1 origin still loads with the old token" in " ".join(text(asked).split())
    assert ends(member, overview) == []
    assert factories.start_session(made).created
    address = re.findall(r'href="(/app/deployments/[^"]+/end)"', text(member.get(overview)))[0]
    member.send(form_of(member.get(address), "/end"))
    with pytest.raises(Problem):
        factories.start_session(made)


def test_a_use_of_two_days_ago_asks_nothing(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str
) -> None:
    rotate(workspace, made, hours=700)
    use(made)
    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        later = browser_of(workspace, member.user)
        (form,) = ends(later, overview)
        assert "is over" in text(later.send(form))


def test_the_current_token_can_not_be_ended_by_a_made_up_request(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str
) -> None:
    new = rotate(workspace, made)
    (form,) = ends(member, overview)
    with tenant(workspace.id):
        current = DeploymentToken.objects.latest("created_at")
    form.action = f"{overview}tokens/{current.id}/end"
    assert "current token, which pages need" in html.unescape(text(member.send(form)))
    assert factories.start_session(new).created


@pytest.mark.parametrize("hours", ["36", " 1 ", "720"])
def test_an_overlap_of_ones_own_is_given_in_hours(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str, hours: str
) -> None:
    form = form_of(member.get(overview), "/rotate")
    form["overlap"], form["hours"] = "custom", hours
    assert "has a new token" in text(member.send(form))
    with tenant(workspace.id):
        old = DeploymentToken.objects.earliest("created_at")
    assert old.expires_at is not None
    assert abs(old.expires_at - timezone.now() - dt.timedelta(hours=int(hours))) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("hours", ["", "721", "-1", "1.5", "9" * 50, "²", "\x00"])
def test_another_overlap_is_refused_in_words(
    member: Browser, workspace: Workspace, made: NewDeployment, overview: str, hours: str
) -> None:
    form = form_of(member.get(overview), "/rotate")
    form["overlap"], form["hours"] = "custom", hours
    assert "A whole number from 0 to 720." in text(member.send(form))
    with tenant(workspace.id):
        assert DeploymentToken.objects.get().expires_at is None
