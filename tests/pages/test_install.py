"""The Install tab: every form of the snippet, where it has been seen, a link to the test page, Check a page."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.outbound import Fetched
from convoship.lib.tenancy import NoTenant, tenant
from deployments import deploying, page_check, page_reading, test_links
from deployments.deploying import NewDeployment
from deployments.models import Deployment, PreviewToken, TokenUse
from deployments.page_check import Look
from deployments.page_reading import Page
from deployments.snippets import variants
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, text
from workspaces.models import Membership, Workspace
from workspaces.permissions import Role

SITE = "https://shop.example"


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


@pytest.fixture
def tab(made: NewDeployment) -> str:
    return f"/app/deployments/{made.deployment.id}/install"


def link_on(page: str) -> str:
    found = re.search(r'id="link"[^>]*>http://127\.0\.0\.1:8000(/test/[^<]+)<', page)
    assert found is not None, page
    return found[1]


def make_link(member: Browser, tab: str) -> str:
    """The path of a fresh link to the test page."""
    return link_on(text(member.send(form_of(member.get(tab), "/install/link#test-link"))))


# --- Snippets ---------------------------------------------------------------------------------------------------------


def test_every_form_is_there_with_a_stand_in_for_the_token(member: Browser, made: NewDeployment, tab: str) -> None:
    page = text(member.get(tab))
    for name in ("HTML", "Plain HTML", "HTML, pinned", "React", "Vue", "WordPress", "Google Tag Manager"):
        assert f">{name}" in page
    assert page.count(f"{made.token[:12]}_PASTE_YOUR_TOKEN") == 7
    assert made.token not in page


def test_a_token_that_is_pasted_is_filled_in_and_with_it_the_policys_hashes(
    member: Browser, made: NewDeployment, tab: str
) -> None:
    before = member.get(tab)
    assert "sha256-" not in text(before)
    form = form_of(before, "/install/fill")
    form["token"] = f"  {made.token}\n"
    answer = member.send(form)
    assert text(answer).count(f"token: &#x27;{made.token}&#x27;") == 7
    assert "PASTE_YOUR_TOKEN" not in text(answer)
    assert text(answer).count("&#x27;sha256-") == 2
    assert answer["Cache-Control"].startswith("max-age=0, no-cache, no-store")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "Paste the token"),
        ("cdp_short", "is no deployment token"),
        pytest.param(tokens.make("cdp").value, "is not a token of this workspace", id="another's"),
        ("cdp_AbCd1234_PASTE_YOUR_TOKEN", "still has the stand-in"),
    ],
)
def test_a_token_that_is_not_its_own_is_refused_with_the_reason(
    token: str, words: str, member: Browser, tab: str
) -> None:
    form = form_of(member.get(tab), "/install/fill")
    form["token"] = token
    answer = member.send(form)
    assert answer.status_code == 422
    assert words in text(answer)
    assert f'value="{token}"' in text(answer) or not token


def test_it_says_where_the_snippet_has_been_seen_and_with_an_old_token(
    member: Browser, made: NewDeployment, tab: str, workspace: Workspace
) -> None:
    assert "Nowhere yet" in text(member.get(tab))
    now = timezone.now()
    with tenant(workspace.id):
        old = made.deployment.tokens.get()
        TokenUse.objects.create(
            deployment=made.deployment, token=old, origin=SITE, loads=7, sessions=3, first_used_at=now, last_used_at=now
        )
    page = text(member.get(tab))
    assert "Nowhere yet" not in page
    assert re.search(rf"<code>{SITE}</code>.*Page loads\">7<.*Conversations\">3<", page, re.DOTALL)
    assert "old token" not in page
    with tenant(workspace.id):
        deploying.rotate(factories.actor(workspace), made.deployment, overlap_seconds=60)
    assert f"still with the old token <code>{made.token[:12]}…" in text(member.get(tab))


def test_a_revoked_deployment_has_no_snippet_to_copy(
    member: Browser, made: NewDeployment, tab: str, workspace: Workspace
) -> None:
    with tenant(workspace.id):
        Deployment.objects.update(revoked_at=timezone.now())
    page = text(member.get(tab))
    assert "This deployment is revoked" in page
    assert "ConvoshipQueue" not in page
    assert "Make a test link" not in page


# --- The test page ----------------------------------------------------------------------------------------------------


def test_a_link_opens_the_chat_for_somebody_who_is_not_signed_in(
    member: Browser, made: NewDeployment, tab: str, workspace: Workspace
) -> None:
    link = make_link(member, tab)
    answer = Client().get(link)
    page = text(answer)
    assert answer.status_code == 200
    assert re.search(r'data-token="cpt_[0-9A-Za-z]{38}"', page)
    assert f'data-agent="{made.deployment.assistant_id}"' in page
    assert not answer.cookies
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert '<meta name="robots" content="noindex' in page
    with tenant(workspace.id):
        assert PreviewToken.objects.get().made_by == member.user


def test_each_visit_has_a_token_of_its_own(member: Browser, tab: str) -> None:
    link = make_link(member, tab)
    found = [re.search(r'data-token="(\w+)"', text(Client().get(link))) for _ in range(2)]
    assert found[0]
    assert found[1]
    assert found[0][1] != found[1][1]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("https://shop.example", "Yes. Pages of https://shop.example may open the chat."),
        (
            "https://shop.example/help?x=1#y",
            "A browser on that page sends the origin <code>https://shop.example</code>",
        ),
        ("shop.example", "Yes. Pages of https://shop.example"),
        ("http://shop.example", "the page came by http, allowed is https"),
        ("https://www.shop.example", "The host www.shop.example is not among the allowed origins"),
        ("https://shop.example:8443", "the page&#x27;s port is 8443"),
        ("null", "“null” is never allowed"),
        ("<script>", "is not an origin of a web page"),
    ],
)
def test_it_says_of_any_origin_whether_it_would_be_let_in(typed: str, words: str, member: Browser, tab: str) -> None:
    link = make_link(member, tab)
    whole = Client().get(f"{link}/origin", {"origin": typed})
    part = Client().get(f"{link}/origin", {"origin": typed}, headers={"HX-Request": "true"})
    assert words in text(whole)
    assert "data-own-chat" in text(whole)
    assert words in text(part)
    assert "<html" not in text(part)
    assert "<script>" not in text(part)


def test_a_part_of_the_page_makes_no_token(member: Browser, tab: str, workspace: Workspace) -> None:
    link = make_link(member, tab)
    Client().get(f"{link}/origin", {"origin": SITE}, headers={"HX-Request": "true"})
    with tenant(workspace.id):
        assert not PreviewToken.objects.exists()


def test_a_link_that_is_over_says_so_and_how_to_get_another(
    member: Browser, made: NewDeployment, tab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = make_link(member, tab)
    monkeypatch.setattr(test_links, "LIFETIME", dt.timedelta(seconds=-1))
    answer = Client().get(link)
    assert answer.status_code == 410
    assert "works for 15 minutes, and this one is older" in text(answer)
    assert "Make a test link" in text(answer)
    assert f'href="{tab}"' in text(answer)
    assert "cpt_" not in text(answer)


@pytest.mark.parametrize("change", [lambda it: it[:-1], lambda it: it[:6] + "AAAA" + it[10:], lambda it: "/test/x"])
def test_a_link_that_was_changed_opens_nothing(change: Any, member: Browser, tab: str) -> None:
    answer = Client().get(change(make_link(member, tab)))
    assert answer.status_code == 404
    assert "not whole" in text(answer)


def test_a_link_goes_with_who_made_it(member: Browser, made: NewDeployment, tab: str, workspace: Workspace) -> None:
    developer = browser_of(workspace, factories.member(workspace, Role.DEVELOPER))
    link = make_link(developer, tab)
    assert Client().get(link).status_code == 200
    with tenant(workspace.id):
        Membership.objects.filter(user=developer.user).delete()
    answer = Client().get(link)
    assert answer.status_code == 410
    assert "has left the workspace" in text(answer)


def test_a_link_goes_with_the_right_to_make_one(tab: str, workspace: Workspace) -> None:
    developer = browser_of(workspace, factories.member(workspace, Role.DEVELOPER))
    link = make_link(developer, tab)
    with tenant(workspace.id):
        Membership.objects.filter(user=developer.user).update(role=Role.VIEWER)
    answer = Client().get(link)
    assert answer.status_code == 410
    assert "cpt_" not in text(answer)


def test_a_link_to_a_deployment_that_was_revoked_meanwhile_says_so(
    member: Browser, tab: str, workspace: Workspace
) -> None:
    link = make_link(member, tab)
    with tenant(workspace.id):
        Deployment.objects.update(revoked_at=timezone.now())
    answer = Client().get(link)
    assert "This deployment is revoked, so there is no chat to test" in text(answer)
    assert "cpt_" not in text(answer)


def test_test_pages_are_limited_and_say_when_to_come_back(member: Browser, tab: str, settings: Any) -> None:
    link = make_link(member, tab)
    settings.LIMITS = {**settings.LIMITS, "test_pages": "2/60"}
    answers = [Client().get(link, REMOTE_ADDR="198.51.100.77") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) <= 61
    assert "Try again in" in text(answers[2])


def test_who_may_only_read_makes_no_links(workspace: Workspace, tab: str) -> None:
    viewer = browser_of(workspace, factories.member(workspace, Role.VIEWER))
    page = viewer.get(tab)
    assert page.status_code == 200
    assert "Make a test link" not in text(page)
    assert viewer.client.post(f"{tab}/link").status_code == 403


# --- Check a page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages that were looked at; the network is far away."""
    asked: list[str] = []

    def look(address: str) -> Look:
        with pytest.raises(NoTenant):  # nothing of the workspace is held while a stranger's server takes its time
            Deployment.objects.exists()
        asked.append(address)
        return Look(address, Page(url=address, asked=address))

    monkeypatch.setattr(page_check, "look", look)
    return asked


def test_a_page_is_checked_and_what_was_typed_stays(member: Browser, tab: str, looked: list[str]) -> None:
    form = form_of(member.get(tab), "/install/check#check")
    form["page"] = "https://shop.example/help"
    page = text(member.send(form))
    assert looked == ["https://shop.example/help"]
    assert "The chat doesn’t work on this page yet." in page.replace("&#x27;", "’")
    assert "The snippet is not on this page" in page
    assert 'value="https://shop.example/help"' in page


def test_nothing_typed_is_said_at_the_field(member: Browser, tab: str, looked: list[str]) -> None:
    answer = member.send(form_of(member.get(tab), "/install/check#check"))
    assert (answer.status_code, looked) == (422, [])
    assert "Type the address of a page" in text(answer)


def test_checks_are_limited(member: Browser, tab: str, looked: list[str], settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "page_checks": "1/60"}
    form = form_of(member.get(tab), "/install/check#check")
    form["page"] = "https://shop.example/"
    assert member.send(form).status_code == 200
    refused = member.send(form)
    assert refused.status_code == 429
    assert "Too many checks" in text(refused)
    assert 'value="https://shop.example/"' in text(refused)


def test_an_origin_that_is_refused_is_one_click_from_allowed(
    member: Browser, made: NewDeployment, tab: str, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    code = variants(made.deployment.assistant_id, made.token)[0].code
    fetched = Fetched("https://new.example/a", 200, [("content-type", "text/html")], code.encode(), "utf-8")
    seen = Look("https://new.example/a", page_reading.read(fetched, "https://new.example/a"))
    monkeypatch.setattr(page_check, "look", lambda address: seen)
    form = form_of(member.get(tab), "/install/check#check")
    form["page"] = "https://new.example/a"
    report = member.send(form)
    assert "Allow https://new.example" in text(report)
    answer = member.send(form_of(report, "/install/allow"))
    assert "https://new.example is allowed from now on" in text(answer)
    assert 'value="https://new.example/a"' in text(answer)
    with tenant(workspace.id):
        assert Deployment.objects.get().allowed_origins == ["https://shop.example", "https://new.example"]
    assert "https://new.example is an allowed origin" in text(member.send(form))


def test_what_is_no_origin_can_not_be_allowed_by_a_form_that_was_made_up(member: Browser, tab: str) -> None:
    member.client.handler.enforce_csrf_checks = False
    answer = member.post(f"{tab}/allow", {"origin": "https://*"})
    assert "Not every site can be allowed at once" in text(answer)
