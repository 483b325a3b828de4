"""The Deploy page: tokens are shown once, origins are corrected in one click, revoking is at once."""

from __future__ import annotations

import html
import re

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import deploying
from deployments.deploying import NewDeployment
from deployments.models import Deployment
from deployments.pages import deployment_cards, queries
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
    form["allowed_origins"] = ["https://ok.example", "HTTPS://Shop.example/", "null"]
    refused = member.send(form)
    assert refused.status_code == 422
    assert "An origin has no slash at its end." in text(refused)
    assert "“null” can never be allowed" in text(refused)
    again = form_of(refused, "/deploy/new")
    assert again.values["allowed_origins"] == ["https://ok.example", "HTTPS://Shop.example/", "null"]
    assert again["name"] == "Shop"
    corrected = form_of(member.send(again, use="1"), "/deploy/new")
    assert corrected.values["allowed_origins"] == ["https://ok.example", "https://shop.example", "null"]
    corrected = form_of(member.send(corrected, row="remove-2"), "/deploy/new")
    assert TOKEN.search(text(member.send(corrected)))
    assert deployments_of(workspace)[0].allowed_origins == ["https://ok.example", "https://shop.example"]


def test_rows_are_added_and_taken_out_without_a_script_and_without_complaints(
    member: Browser, workspace: Workspace
) -> None:
    form = form_of(member.get(f"/app/assistants/{factories.make_assistant(workspace).id}/deploy"), "/deploy/new")
    form["allowed_origins"] = "https://a.example"
    added = member.send(form, row="add")
    assert added.status_code == 200
    assert "Give it a name" not in text(added)
    form = form_of(added, "/deploy/new")
    assert form.values["allowed_origins"] == ["https://a.example", ""]
    form["allowed_origins"] = ["https://a.example", "https://b.example"]
    form = form_of(member.send(form, row="remove-0"), "/deploy/new")
    assert form.values["allowed_origins"] == ["https://b.example"]


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


def test_rotating_leaves_pages_a_day_unless_at_once_is_chosen(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    member.send(form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/rotate"))
    assert factories.start_session(made).created
    made = factories.make_deployment(workspace)
    form = form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/rotate")
    form["overlap"] = "0"
    member.send(form)
    with pytest.raises(Problem) as refused:
        factories.start_session(made)
    assert refused.value.code == "token_expired"


def test_an_overlap_that_nobody_offered_is_refused(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    form = form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/rotate")
    form["overlap"] = "9" * 12
    assert not TOKEN.search(text(member.send(form)))
    assert factories.start_session(made).created


@pytest.mark.parametrize("hours", ["", "721", "soon", "1.5"])
def test_hours_that_are_none_are_refused_at_their_field_and_nothing_is_lost(
    member: Browser, workspace: Workspace, hours: str
) -> None:
    made = factories.make_deployment(workspace)
    form = form_of(member.get(f"/app/assistants/{made.deployment.assistant_id}/deploy"), "/rotate")
    form["overlap"], form["hours"] = "custom", hours
    refused = member.send(form)
    assert refused.status_code == 422
    page = text(refused)
    assert not TOKEN.search(page)
    assert '<details class="menu" open>' in page
    assert "For how many hours? A whole number from 0 to 720." in page
    again = form_of(refused, "/rotate")
    assert (again["overlap"], again["hours"]) == ("custom", hours)
    again["hours"] = "36"
    assert TOKEN.search(text(member.send(again)))


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
    form["label"] = "staging"
    refused = form_of(member.send(form), "/new-deployment")
    corrected = form_of(member.send(refused, use="0"), "/new-deployment")
    assert corrected["label"] == "staging"
    assert corrected["allowed_origins"] == "https://shop.example"
    assert corrected["assistant"] == str(ada.id)
    assert TOKEN.search(text(member.send(corrected)))
    with tenant(workspace.id):
        assert Deployment.objects.get(name="Shop").assistant_id == ada.id


# --- Paused, and many of them -----------------------------------------------------------------------------------------


def test_pausing_lets_nobody_in_says_so_everywhere_and_resuming_undoes_it(
    member: Browser, workspace: Workspace
) -> None:
    made = factories.make_deployment(workspace)
    deploy, overview = (
        f"/app/assistants/{made.deployment.assistant_id}/deploy",
        f"/app/deployments/{made.deployment.id}/",
    )
    done = member.send(form_of(member.get(deploy), "/pause"))
    assert done.request["PATH_INFO"] == deploy
    assert "Shop is paused." in text(done)
    with pytest.raises(Problem) as refused:
        factories.start_session(made)
    assert refused.value.extra["reason"] == "paused"
    for path in (deploy, overview):
        page = text(member.get(path))
        assert "Nobody can chat: visitors read that the chat is paused." in page
        assert '<span class="badge warn">Paused</span>' in page
    assert "Paused" in text(member.get("/app/channels/"))
    done = member.send(form_of(member.get(overview), "/resume"))
    assert done.request["PATH_INFO"] == overview
    assert factories.start_session(made).created
    with tenant(workspace.id):
        found = AuditEvent.objects.filter(action__in=["deployment.paused", "deployment.resumed"])
        assert found.count() == 2


def test_a_revoked_one_can_be_neither_paused_nor_resumed(member: Browser, workspace: Workspace) -> None:
    made = factories.make_deployment(workspace)
    form = form_of(member.get(f"/app/deployments/{made.deployment.id}/"), "/pause")
    revoke = f"/app/deployments/{made.deployment.id}/revoke"
    member.send(form_of(member.get(revoke), revoke))
    assert "is revoked, so it can&#x27;t be paused." in text(member.send(form))
    assert "/pause" not in text(member.get(f"/app/deployments/{made.deployment.id}/"))


def shown_names(member: Browser, path: str) -> set[str]:
    return set(re.findall(r'<a class="title-link"[^>]*>([^<]+)</a>', text(member.get(path))))


def test_many_deployments_are_filtered_by_environment_and_status(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    deploy = f"/app/assistants/{assistant.id}/deploy"
    for name, label in (("A", "production"), ("B", "staging"), ("C", "staging")):
        factories.make_deployment(workspace, assistant, name=name, label=label)
    assert "Every environment" not in text(member.get(deploy))  # three are seen at a glance
    made = factories.make_deployment(workspace, assistant, name="D")
    with tenant(workspace.id):
        deploying.pause(factories.actor(workspace), made.deployment)
    assert shown_names(member, deploy) == {"A", "B", "C", "D"}
    assert shown_names(member, f"{deploy}?label=staging") == {"B", "C"}
    assert shown_names(member, f"{deploy}?status=paused") == {"D"}
    assert shown_names(member, f"{deploy}?status=paused&label=staging") == set()
    assert "None of them is both." in text(member.get(f"{deploy}?status=paused&label=staging"))
    assert shown_names(member, f"{deploy}?label=%00&status=broken") == {"A", "B", "C", "D"}


def test_a_long_list_of_deployments_asks_the_database_no_more_often_than_a_short_one(
    member: Browser, workspace: Workspace
) -> None:
    assistant = factories.make_assistant(workspace)
    deploy = f"/app/assistants/{assistant.id}/deploy"

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            member.get(deploy)
        return len(captured)

    factories.refuse(factories.make_deployment(workspace, assistant))
    few = count()
    for _ in range(5):
        factories.refuse(factories.make_deployment(workspace, assistant))
    assert count() == few


def test_a_long_list_of_deployments_comes_in_pages_that_keep_the_filter(
    member: Browser, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_cards, "PAGE_SIZE", 2)
    assistant = factories.make_assistant(workspace)
    deploy = f"/app/assistants/{assistant.id}/deploy"
    for name, label in (("A", "staging"), ("B", ""), ("C", "staging"), ("D", "staging"), ("E", "")):
        factories.make_deployment(workspace, assistant, name=name, label=label)
    assert shown_names(member, deploy) == {"E", "D"}
    seen = []
    path = f"{deploy}?label=staging"
    while path:
        page = text(member.get(path))
        seen.append(re.findall(r'<a class="title-link"[^>]*>([^<]+)</a>', page))
        older = re.search(r'href="([^"]+)">Older</a>', page)
        path = deploy + html.unescape(older[1]) if older else ""
    assert seen == [["D", "C"], ["A"]]
    assert 'href="?label=staging&amp;status=">Newest</a>' in page
    assert shown_names(member, f"{deploy}?after=nobody") == {"E", "D"}


def test_revoked_deployments_stand_on_pages_of_their_own(
    member: Browser, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_cards, "PAGE_SIZE", 1)
    assistant = factories.make_assistant(workspace)
    deploy = f"/app/assistants/{assistant.id}/deploy"
    for name in ("A", "B", "C"):
        made = factories.make_deployment(workspace, assistant, name=name)
        if name != "A":
            with tenant(workspace.id):
                deploying.revoke(factories.actor(workspace), made.deployment)
    assert shown_names(member, deploy) == {"A"}
    assert 'href="?show=revoked">Revoked (2)</a>' in text(member.get(deploy))
    first = text(member.get(f"{deploy}?show=revoked"))
    assert shown_names(member, f"{deploy}?show=revoked") == {"C"}
    older = re.search(r'href="([^"]+)">Older</a>', first)
    assert older
    assert shown_names(member, deploy + html.unescape(older[1])) == {"B"}


def test_an_assistants_draft_is_read_once_for_all_its_deployments(workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    for _ in range(3):
        factories.make_deployment(workspace, assistant)
    with tenant(workspace.id):
        rows = list(queries.deployments(assistant))
    assert len(rows) == 3
    assert len({id(row.assistant) for row in rows}) == 1


def test_an_environment_is_one_however_it_is_capitalised(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    deploy = f"/app/assistants/{assistant.id}/deploy"
    for name, label in (("A", "Production"), ("B", "staging"), ("C", "production"), ("D", "PRODUCTION")):
        factories.make_deployment(workspace, assistant, name=name, label=label)
    page = text(member.get(deploy))
    chips = page.split('aria-label="By environment"')[1].split("</nav>")[0]
    assert re.findall(r">([^<]+)</a>", chips) == ["Every environment", "PRODUCTION 3", "staging 1"]
    assert shown_names(member, f"{deploy}?label=production") == {"A", "C", "D"}
    assert page.count('<option value="PRODUCTION">') == 1
    assert '<option value="Production">' not in page
