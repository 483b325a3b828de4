"""The Origins tab: who may come in, whether a page would, and one click from refused to allowed."""

from __future__ import annotations

import datetime as dt
import html
from urllib.parse import quote

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import deploying, refused_origins, tallies
from deployments.deploying import NewDeployment
from deployments.models import Deployment, RefusedOrigin
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, forms_of, text
from workspaces.models import AuditEvent, Workspace
from workspaces.permissions import Role

STRANGER = "https://stranger.example"


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


@pytest.fixture
def tab(made: NewDeployment) -> str:
    return f"/app/deployments/{made.deployment.id}/origins"


def said(member: Browser, path: str) -> str:
    return html.unescape(text(member.get(path)))


def stored(workspace: Workspace) -> Deployment:
    with tenant(workspace.id):
        return Deployment.objects.get()


def refused_rows(workspace: Workspace) -> list[str]:
    with tenant(workspace.id):
        return sorted(RefusedOrigin.objects.values_list("origin", flat=True))


def edited(member: Browser, tab: str, *origins: str) -> Form:
    form = form_of(member.get(tab), "/origins/save")
    form["allowed_origins"] = origins
    return form


# --- Allowed origins ------------------------------------------------------------------------------------------------


def test_origins_and_server_callers_are_edited_and_hold_at_once(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    form = edited(member, tab, "https://new.example", "", "https://new.example")
    form["allow_server_callers"] = ["on"]
    assert "Saved." in text(member.send(form))
    row = stored(workspace)
    assert (row.allowed_origins, row.allow_server_callers) == (["https://new.example"], True)
    with pytest.raises(Problem) as refused:
        factories.start_session(made, origin="https://shop.example")
    assert refused.value.code == "origin_not_allowed"


def test_a_wildcard_is_saved_only_after_a_yes(member: Browser, workspace: Workspace, tab: str) -> None:
    asked = member.send(edited(member, tab, "https://shop.example", "https://*.example.com"))
    assert asked.status_code == 422
    page = html.unescape(text(asked))
    assert "Do you mean every sub-domain of example.com?" in page
    assert "Yes, every sub-domain of example.com" in page
    assert "https://shop.example.com" in page
    assert stored(workspace).allowed_origins == ["https://shop.example"]
    form = form_of(asked, "/origins/save")
    form["confirmed"] = ["https://*.example.org"]  # a yes to another one is none to this
    assert member.send(form).status_code == 422
    form["confirmed"] = ["https://*.example.com"]
    assert "Saved." in text(member.send(form))
    assert stored(workspace).allowed_origins == ["https://shop.example", "https://*.example.com"]
    # It was said once; other edits don't ask again.
    again = edited(member, tab, "https://*.example.com")
    assert "Saved." in text(member.send(again))


def test_each_wildcard_is_asked_about_at_its_own_row(member: Browser, tab: str) -> None:
    typed = ["https://*.example.com", "https://shop.example", "https://*.example.org", "https://last.example"]
    form = edited(member, tab, *typed)
    form["confirmed"] = ["https://*.example.org"]
    page = html.unescape(text(member.send(form)))
    rows = page.split("data-rows")[1].split("<template")[0].split('class="origin-row"')[1:]
    asked = ["Do you mean every sub-domain of example.com?" in row for row in rows]
    assert asked == [True, False, False, False]
    beneath = page.split('id="id_allowed_origins_error"')[1].split("</ul>")[0]
    assert "https://*.example.com still wants your yes" in beneath
    assert "example.org" not in beneath


def test_a_new_deployment_asks_about_a_wildcard_too(member: Browser, workspace: Workspace) -> None:
    deploy = f"/app/assistants/{factories.make_assistant(workspace).id}/deploy"
    form = form_of(member.get(deploy), "/deploy/new")
    form["name"] = "Everywhere"
    form["allowed_origins"] = "https://*.example.com"
    asked = member.send(form)
    assert asked.status_code == 422
    form = form_of(asked, "/deploy/new")
    form["confirmed"] = ["https://*.example.com"]
    assert "Everywhere is ready" in text(member.send(form))


def test_more_origins_than_there_may_be_are_refused_with_the_number(member: Browser, tab: str) -> None:
    form = edited(member, tab, *[f"https://s{number}.example" for number in range(51)])
    assert "At most 50 origins" in text(member.send(form))


@pytest.mark.parametrize("typed", ["\x00", "https://a.example\x00", "x" * 9000, "https://[::1]", "😀" * 300])
def test_nothing_that_is_typed_breaks_the_form(member: Browser, workspace: Workspace, tab: str, typed: str) -> None:
    answer = member.send(edited(member, tab, typed))
    assert answer.status_code == 422
    assert stored(workspace).allowed_origins == ["https://shop.example"]


# --- Checked while typed --------------------------------------------------------------------------------------------


def test_the_check_says_what_is_wrong_and_offers_the_correction(member: Browser) -> None:
    answer = said(member, f"/app/origins/check?row=2&origin={quote('HTTPS://Shop.Example/')}")
    assert "An origin has no slash at its end." in answer
    assert 'data-use="https://shop.example"' in answer
    assert 'value="2"' in answer


def test_the_check_gives_examples_of_what_is_let_in_and_what_not(member: Browser) -> None:
    answer = said(member, f"/app/origins/check?origin={quote('https://www.example.com')}")
    for example in ("https://example.com", "http://www.example.com", "https://www.example.com:8080"):
        assert f"<code>{example}</code>" in answer
    assert "confirmed" not in answer
    wildcard = said(member, f"/app/origins/check?origin={quote('https://*.example.com')}")
    assert 'name="confirmed"' in wildcard
    assert "<code>https://example.com</code>" in wildcard


@pytest.mark.parametrize("query", ["", "?origin=", "?origin=%00", "?origin=%ED%A0%80", "?row=%F0%9F%98%80&origin=x"])
def test_the_check_breaks_on_nothing(member: Browser, query: str) -> None:
    assert member.get(f"/app/origins/check{query}").status_code == 200


def test_the_check_shows_what_was_typed_as_text(member: Browser) -> None:
    answer = text(member.get("/app/origins/check?origin=https://%3Cb%3Ex%3C/b%3E.example"))
    assert "<b>" not in answer


# --- Would this page be let in? -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("https://shop.example/cart?x=1", "Yes. Pages of https://shop.example may open the chat."),
        ("http://shop.example", "allowed is https"),
        ("https://elsewhere.example", "The host elsewhere.example is not among the allowed origins"),
        ("null", "never allowed"),
    ],
)
def test_a_page_is_answered_with_yes_or_no_and_the_rule(member: Browser, tab: str, typed: str, words: str) -> None:
    assert words in said(member, f"{tab}?page={quote(typed)}")
    part = member.get(f"{tab}?page={quote(typed)}", headers={"HX-Request": "true"})
    assert words in html.unescape(text(part))
    assert "<html" not in text(part)


# --- Refused --------------------------------------------------------------------------------------------------------


def test_a_refused_origin_is_listed_with_its_rule_count_and_page(
    member: Browser, made: NewDeployment, tab: str
) -> None:
    assert "Nobody was refused." in text(member.get(tab))
    factories.refuse(made)
    factories.refuse(made, page="https://stranger.example/socks?size=4")
    page = said(member, tab)
    assert "The host stranger.example is not among the allowed origins" in page
    assert "2 times, last" in page
    assert "<code>https://stranger.example/socks?size=4</code>" in page


def test_one_click_allows_it_forgets_the_refusals_and_is_on_record(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    factories.refuse(made, STRANGER)
    done = member.send(form_of(member.get(tab), "/refused/allow"))
    assert f"{STRANGER} is allowed from now on" in text(done)
    assert stored(workspace).allowed_origins == ["https://shop.example", STRANGER]
    assert refused_rows(workspace) == []
    assert factories.start_session(made, origin=STRANGER).created
    with tenant(workspace.id):
        line = AuditEvent.objects.get(action="deployment.changed")
    assert line.data["after"]["allowed_origins"] == ["https://shop.example", STRANGER]


def test_a_refusal_that_is_counted_late_is_said_to_be_allowed_and_asks_for_nothing(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    factories.refuse(made, STRANGER)
    tallies.refused(workspace.id, made.deployment.id, STRANGER, "host_not_listed", "")
    member.send(form_of(member.get(tab), "/refused/allow"))
    tallies.flush()
    page = member.get(tab)
    assert "Allowed by now" in text(page)
    assert not [form for form in forms_of(page) if form.action.endswith("/refused/allow")]
    assert "refused this week" not in text(member.get("/"))


@pytest.mark.parametrize(
    ("origin", "offered", "words"),
    [
        ("http://shop.example", "http://shop.example", "Without https anyone on the way can change the page."),
        ("https://shop.example:8443", "https://shop.example:8443", "Better open the page as https://shop.example."),
        ("https://Big.Example", "https://big.example", "is not written as a browser writes an origin"),
        ("https://shop.example/", None, "ends in a slash"),
        ("null", None, "“null” is never allowed"),
        (None, None, "turn on Allow server callers"),
        ("https://[::1]", None, "Open the page by a host name"),
        ("capacitor://localhost", None, "Let the app's web view open a page of your own site"),
        ("https://" + "a" * 250 + ".example", None, "…"),
        ("*", None, "counted together"),
    ],
)
def test_each_kind_of_refusal_is_explained_and_offers_exactly_what_can_be_allowed(
    member: Browser,
    workspace: Workspace,
    made: NewDeployment,
    tab: str,
    origin: str | None,
    offered: str | None,
    words: str,
) -> None:
    if origin == "*":
        tallies.refused(workspace.id, made.deployment.id, "*", "host_not_listed", "")
        tallies.flush()
    else:
        factories.refuse(made, origin)
    page = member.get(tab)
    assert words in html.unescape(text(page))
    offers = [form["origin"] for form in forms_of(page) if form.action.endswith("/refused/allow")]
    assert offers == ([offered] if offered else [])


def test_what_is_not_an_exact_origin_is_not_allowed_by_a_made_up_request(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    factories.refuse(made, STRANGER)
    for origin in ("null", "https://*.example.com", "https://stranger.example/", "", "\x00"):
        form = form_of(member.get(tab), "/refused/allow")
        form["origin"] = origin
        assert "is allowed from now on" not in text(member.send(form))
    assert stored(workspace).allowed_origins == ["https://shop.example"]


def test_turning_server_callers_on_clears_the_programs_that_were_refused(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    factories.refuse(made, None)
    form = form_of(member.get(tab), "/origins/save")
    form["allow_server_callers"] = ["on"]
    member.send(form)
    assert refused_rows(workspace) == []


def test_rows_are_forgotten_one_by_one_and_all_at_once(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    for name in "abc":
        factories.refuse(made, f"https://{name}.example")
    row = factories.refuse(made, "https://b.example")
    member.send(form_of(member.get(tab), f"/{row.id}/forget"))
    assert refused_rows(workspace) == ["https://a.example", "https://c.example"]
    member.send(form_of(member.get(tab), "/refused/forget"))
    assert refused_rows(workspace) == []
    with tenant(workspace.id):
        kept = AuditEvent.objects.filter(action__startswith="deployment.refusal").order_by("created_at")
        assert [line.data for line in kept] == [{"origin": "https://b.example", "count": 2}, {"origins": 2}]


def test_the_deploy_page_and_the_dashboard_lead_to_what_was_refused_this_week(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    factories.refuse(made, STRANGER)
    factories.refuse(made, "https://second.example")
    factories.refuse(made, None)  # nothing that a click could allow
    for path in (
        "/",
        f"/app/assistants/{made.deployment.assistant_id}/deploy",
        f"/app/deployments/{made.deployment.id}/",
    ):
        page = text(member.get(path))
        assert "2 origins were refused this week on Shop" in page
        assert f'href="{tab}#refused"' in page
    with time_machine.travel(timezone.now() + dt.timedelta(days=8)):
        assert "refused this week" not in text(browser_of(workspace, member.user).get("/"))


def test_a_revoked_deployment_asks_for_nothing_and_allows_nothing(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    factories.refuse(made, STRANGER)
    form = form_of(member.get(tab), "/refused/allow")
    with tenant(workspace.id):
        deploying.revoke(factories.actor(workspace), made.deployment)
    assert "refused this week" not in text(member.get("/"))
    assert "it lets nobody in" in html.unescape(text(member.send(form)))
    assert stored(workspace).allowed_origins == ["https://shop.example"]


def test_who_may_only_read_sees_the_list_without_buttons(workspace: Workspace, made: NewDeployment, tab: str) -> None:
    factories.refuse(made, STRANGER)
    page = browser_of(workspace, factories.member(workspace, Role.VIEWER)).get(tab)
    assert "stranger.example" in text(page)
    assert not [form for form in forms_of(page) if "/refused/" in form.action or form.action.endswith("/save")]


@pytest.mark.django_db(transaction=True)
def test_forgetting_waits_for_no_count_that_is_being_written(workspace: Workspace, made: NewDeployment) -> None:
    """Two that lock many rows in orders of their own would wait for each other in a circle."""
    for name in ("a", "b", "c"):
        factories.refuse(made, f"https://{name}.example")
    counting = connection.copy()  # another process, in the middle of writing what it counted
    try:
        who = factories.actor(workspace)
        with tenant(workspace.id), connection.cursor() as cursor:
            counting.set_autocommit(False)
            with counting.cursor() as other:
                other.execute("SELECT set_config('app.workspace_id', %s, true)", [str(workspace.id)])
                other.execute(
                    "UPDATE deployments_refusedorigin SET count = count + 1 WHERE origin = 'https://b.example'"
                )
                assert other.rowcount == 1
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            assert refused_origins.forget_all(who, made.deployment) == 2
        counting.commit()
    finally:
        counting.close()
    assert refused_rows(workspace) == ["https://b.example"]
