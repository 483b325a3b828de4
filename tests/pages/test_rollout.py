"""The Rollout tab: starting with everything that can be wrong, chance, changing the share, keeping, taking back."""

from __future__ import annotations

import html
import re
from collections import OrderedDict
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import current_workspace_id, tenant
from deployments import deploying, publishing, rollouts, test_cases, testing, visits
from deployments.deploying import NewDeployment
from deployments.models import Assistant, AssistantVersion, Conversation, Deployment, Rollout
from deployments.rollouts import Tried
from deployments.visits import VisitorMessage
from tests import factories
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text
from workspaces.models import AuditEvent, Workspace
from workspaces.permissions import Role

GREEN = '{"primaryColor": "#0a6640"}'


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    """A deployment whose assistant has two versions, the second published, and a draft beyond them."""
    made = factories.make_deployment(workspace, theme={"primaryColor": "#2f54d6"})
    with tenant(workspace.id):
        rename(made, "Bea")
        publishing.publish(SYSTEM, made.deployment.assistant_id, note="Friendlier")
        rename(made, "Cleo")
    return made


def rename(made: NewDeployment, name: str) -> None:
    publishing.change_draft(SYSTEM, Assistant.objects.get(id=made.deployment.assistant_id), name=name)


def tab(made: NewDeployment, more: str = "") -> str:
    return f"/app/deployments/{made.deployment.id}/rollout{more}"


def plain(answer: Any) -> str:
    """The page's words in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text(answer))).replace("\N{NO-BREAK SPACE}", " ").split())


def running(made: NewDeployment) -> Rollout | None:
    with tenant(made.deployment.workspace_id):
        return rollouts.running(made.deployment)


def run(made: NewDeployment, share: int = 20, **tried: Any) -> Rollout:
    with tenant(made.deployment.workspace_id):
        return rollouts.start(SYSTEM, made.deployment, Tried(**(tried or {"draft": True})), share=share)


def test_it_offers_the_draft_and_every_version_but_the_live_one(member: Browser, made: NewDeployment) -> None:
    page = text(member.get(tab(made)))
    options = dict(re.findall(r'<option value="(\w*)"[^>]*>([^<]+)</option>', page))
    assert options == {
        "": "Version 2 as now, another theme",
        "draft": "The draft as it is now",
        "1": "Version 1",
    }
    assert "&quot;primaryColor&quot;: &quot;#2f54d6&quot;" in page


def test_the_draft_is_tried_as_a_version_that_nobody_else_meets(member: Browser, made: NewDeployment) -> None:
    form = form_of(member.get(tab(made)), "/start")
    form["version"], form["share"] = "draft", "35"
    page = plain(member.send(form))
    assert "Started: 35 % of the visitors meet what is tried from now on." in page
    assert "Now version 2 with the deployment's theme Tried version 3 with the deployment's theme" in page
    rollout = running(made)
    assert rollout is not None
    assert rollout.version is not None
    assert (rollout.share, rollout.version.number, rollout.base_version.number) == (35, 3, 2)
    with tenant(made.deployment.workspace_id):
        assert (rollout.version.content["name"], rollout.theme) == ("Cleo", None)
        assistant = Assistant.objects.select_related("published").get()
        assert assistant.published is not None
        assert assistant.published.number == 2
        line = AuditEvent.objects.get(action="deployment.rollout_started")
    assert (line.data["version"], line.data["share"]) == (3, 35)
    assert line.actor_label == member.user.email


def test_a_theme_alone_is_tried(member: Browser, made: NewDeployment) -> None:
    form = form_of(member.get(tab(made)), "/start")
    form["theme"] = GREEN
    page = plain(member.send(form))
    assert "Now version 2 with the deployment's theme Tried version 2 with a theme of its own" in page
    assert "The theme that is tried" in page
    rollout = running(made)
    assert rollout is not None
    assert (rollout.version, rollout.theme) == (None, {"primaryColor": "#0a6640"})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose a version or a theme to try, or both."),
        ({"share": ""}, "A whole number from 1 to 99."),
        ({"share": "0", "version": "1"}, "A whole number from 1 to 99."),
        ({"share": "9" * 400, "version": "1"}, "A whole number from 1 to 99."),
        ({"share": "a\x00b", "version": "1"}, "A whole number from 1 to 99."),
        ({"version": "9"}, "There is no such version."),
        ({"version": "\u00b2"}, "There is no such version."),
        ({"theme": "{"}, "This is not valid JSON"),
        ({"theme": "[" * 20_000}, "nested more than"),
        ({"theme": "NaN"}, "NaN is not JSON."),
        ({"theme": '{"greeting": "\\u0000"}'}, "NUL"),
        ({"theme": '{"greeting": "\\ud800"}'}, "surrogate"),
        ({"theme": "9" * 6000}, "This is not valid JSON"),
        ({"theme": "3"}, "object"),
        ({"theme": '{"launcher": {"color": "red"}, "size": 1}'}, "launcher.color: Use a colour such as #2f54d6."),
        ({"theme": '{"primaryColor": "#2f54d6"}'}, "This is the theme that visitors meet already."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    fields: dict[str, str], words: str, member: Browser, made: NewDeployment
) -> None:
    form = form_of(member.get(tab(made)), "/start")
    for name, value in fields.items():
        form[name] = value
    answer = member.send(form)
    assert answer.status_code == 422
    assert words in plain(answer)
    again = form_of(answer, "/start")
    kept = {name: value for name, value in fields.items() if name == "theme"}
    assert {name: again[name] for name in kept} == kept
    assert running(made) is None


def test_a_second_one_is_refused_in_words(member: Browser, made: NewDeployment) -> None:
    form = form_of(member.get(tab(made)), "/start")
    form["version"] = "1"
    run(made)
    page = plain(member.send(form))
    assert "A rollout is running on this deployment already." in page


def test_the_share_is_changed_and_a_wrong_one_said(member: Browser, made: NewDeployment) -> None:
    run(made)
    form = form_of(member.get(tab(made)), "/share")
    assert form["share"] == "20"
    form["share"] = "60"
    assert "60 % of the visitors meet what is tried from now on." in plain(member.send(form))
    form["share"] = "100"
    wrong = member.send(form)
    assert (wrong.status_code, form_of(wrong, "/share")["share"]) == (422, "100")
    assert "A whole number from 1 to 99." in plain(wrong)
    rollout = running(made)
    assert rollout is not None
    assert rollout.share == 60


def test_one_click_takes_it_back(member: Browser, made: NewDeployment) -> None:
    run(made)
    page = plain(member.send(form_of(member.get(tab(made)), "/undo")))
    assert "Taken back" in page
    assert "Earlier rollouts" in page
    assert running(made) is None
    with tenant(made.deployment.workspace_id):
        assert AuditEvent.objects.filter(action="deployment.rollout_undone").count() == 1


def test_keeping_asks_first_and_names_what_it_reaches(
    member: Browser, made: NewDeployment, workspace: Workspace
) -> None:
    assistant = made.deployment.assistant
    blog, shut = (factories.make_deployment(workspace, assistant=assistant, name=name) for name in ("Blog", "Old site"))
    busy = factories.make_deployment(workspace, assistant=assistant, name="Its own rollout")
    with tenant(workspace.id):
        deploying.revoke(SYSTEM, shut.deployment)
    run(busy)
    run(made, version=3, theme={"primaryColor": "#0a6640"})
    asked = member.get(tab(made, "/keep"))
    page = plain(asked)
    assert "Version 3 of Cleo becomes the published one." in page
    assert "The theme that was tried becomes the theme of Shop." in page
    assert f"/app/deployments/{blog.deployment.id}/" in text(asked)
    assert "Old site" not in page
    assert "Its own rollout" not in page
    assert running(made) is not None
    assert "Kept: every visitor" in plain(member.send(form_of(asked, "/keep")))
    with tenant(workspace.id):
        row = Deployment.objects.select_related("assistant__published").get(id=made.deployment.id)
        assert row.assistant.published is not None
        assert (row.assistant.published.number, row.theme) == (3, {"primaryColor": "#0a6640"})
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"deployment.rollout_kept", "assistant.published"} <= actions


def test_keeping_one_that_is_over_says_so(member: Browser, made: NewDeployment) -> None:
    assert "No rollout is running on this deployment." in plain(member.get(tab(made, "/keep")))


def test_what_is_published_meanwhile_is_told_with_both_ways_out(
    member: Browser, made: NewDeployment, workspace: Workspace
) -> None:
    run(made)
    with tenant(workspace.id):
        rename(made, "Dora")
        publishing.publish(SYSTEM, made.deployment.assistant_id)
        line = render_to_string("deployments/rollout_line.html", {"rollout": rollouts.running(made.deployment)})
    page = plain(member.get(tab(made)))
    assert "Version 4 has been published meanwhile, and visitors of this deployment don't meet it yet" in page
    assert "Take the rollout back, and everybody here meets version 4." in page
    assert "Keep it, and version 3 replaces version 4." in page
    assert "It replaces version 4" in plain(member.get(tab(made, "/keep")))
    assert "Version 4, which is published, waits for its end." in line


def test_both_variants_stand_side_by_side_with_what_the_difference_is_worth(
    member: Browser, made: NewDeployment, workspace: Workspace
) -> None:
    rollout = run(made, share=50)
    opened = factories.start_session(made)
    visit = visits.resolve(opened.token, opened.session.id)
    visits.post(visit, factories.caller(), VisitorMessage("m", "hello"))
    visits.end(visit, factories.caller())
    few = plain(member.get(tab(made)))
    assert re.search(r"Too few conversations to say: [01] and [01], and about 30 of each are needed", few)

    with tenant(workspace.id):
        row = Conversation.objects.get()
        Conversation.objects.filter(id=row.id).delete()
        for variant, asked_for in (("a", 40), ("b", 4)):
            for number in range(60):
                row.pk, row._state.adding = Conversation().id, True
                row.rollout_id, row.variant = rollout.id, variant
                row.person_wanted_at = row.started_at if number < asked_for else None
                row.save()
    page = plain(member.get(tab(made)))
    assert "Answered without a person 33 % (20 of 60) 93 % (56 of 60) Hardly chance: the tried one is better" in page
    assert "With an error 0 % (0 of 60) 0 % (0 of 60) Could be chance" in page
    assert "Visitors 1 1" in page


WORDS = {
    "a": "This is what stands now, and all other visitors meet: version 2 with the deployment's theme.",
    "b": "This is what is tried, and 20 % of the visitors meet: version 3 with the deployment's theme.",
}


def test_each_variant_can_be_looked_at(member: Browser, made: NewDeployment) -> None:
    run(made)
    page = member.get(tab(made))
    for form in [form for form in forms_of(page) if form.action.endswith("/preview")]:
        shown = member.send(form)
        assert WORDS[form["variant"]] in plain(shown)
        assert "data-own-chat" in text(shown)


def test_who_may_only_look_sees_the_numbers_and_no_buttons(made: NewDeployment, workspace: Workspace) -> None:
    viewer = browser_of(workspace, factories.member(workspace, Role.VIEWER))
    assert "No rollout is running." in plain(viewer.get(tab(made)))
    run(made)
    page = viewer.get(tab(made))
    assert "A rollout is running" in plain(page)
    assert [form for form in forms_of(page) if "/rollout" in form.action] == []


def test_an_assistant_that_is_not_published_has_nothing_to_compare_with(member: Browser, workspace: Workspace) -> None:
    fresh = factories.make_deployment(workspace, assistant=factories.make_assistant(workspace, published=False))
    assert "Nothing to compare with yet" in plain(member.get(tab(fresh)))


def test_a_revoked_deployment_says_that_nobody_is_there(member: Browser, made: NewDeployment) -> None:
    run(made)
    with tenant(made.deployment.workspace_id):
        deploying.revoke(SYSTEM, made.deployment)
    page = member.get(tab(made))
    assert "no visitor meets either of the two any more" in plain(page)
    assert [form.action.rsplit("/", 1)[1] for form in forms_of(page) if "/rollout" in form.action] == ["undo"]
    assert "there is nobody to try anything on" in plain(member.send(form_of(page, "/undo")))


def test_versions_of_another_assistant_are_not_offered(
    member: Browser, made: NewDeployment, workspace: Workspace
) -> None:
    other = factories.make_assistant(workspace)
    with tenant(workspace.id):
        for number in range(6):
            publishing.change_draft(SYSTEM, Assistant.objects.get(id=other.id), name=f"Other {number}")
            publishing.publish(SYSTEM, other.id)
        assert AssistantVersion.objects.filter(assistant=other).count() == 7
    assert 'value="6"' not in text(member.get(tab(made)))


# --- A draft whose test cases fail --------------------------------------------------------------------------------


@pytest.fixture
def held_back(made: NewDeployment) -> NewDeployment:
    """With a test case that fails, and all that have to pass."""
    assistant_id = made.deployment.assistant_id
    with tenant(made.deployment.workspace_id):
        testing.put_cases(SYSTEM, assistant_id, [{"utterance": "is it raining on mars", "expected": "Gone"}])
        testing.set_threshold(SYSTEM, assistant_id, 100)
    return made


def test_a_draft_that_fails_its_tests_is_refused_with_all_that_was_chosen_and_started_on_purpose(
    member: Browser, held_back: NewDeployment
) -> None:
    form = form_of(member.get(tab(held_back)), "/start")
    form["version"], form["share"], form["theme"] = "draft", "35", GREEN
    refused = member.send(form)
    assert refused.status_code == 422
    errors = re.findall(r'id="id_version_error"(.*?)</ul>', text(refused), re.DOTALL)
    assert "0 of 1 test cases pass (0 %), 100 % are needed, so this is not tried on visitors." in html.unescape(
        errors[0]
    )
    assert running(held_back) is None
    again = form_of(refused, "/start")
    assert (again["share"], again["theme"]) == ("35", GREEN)
    assert '<option value="draft" selected>' in text(refused)
    page = member.send(again, op="start-anyway")
    assert "Started: 35 % of the visitors meet what is tried from now on." in plain(page)
    with tenant(held_back.deployment.workspace_id):
        line = AuditEvent.objects.get(action="deployment.rollout_started")
    assert (line.data["despite_tests"], line.data["tests_passed"], line.data["tests_total"]) == (True, 0, 1)


def test_the_drafts_cases_are_run_before_the_transaction_that_freezes_it(
    member: Browser, held_back: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    run_case = test_cases._result

    def noted(*given: Any) -> test_cases.Result:
        inside.append(current_workspace_id() is not None)
        return run_case(*given)

    monkeypatch.setattr(test_cases, "_kept", OrderedDict())
    monkeypatch.setattr(test_cases, "_result", noted)
    form = form_of(member.get(tab(held_back)), "/start")
    form["version"] = "draft"
    assert member.send(form).status_code == 422
    assert inside == [False]


# --- The way back -------------------------------------------------------------------------------------------------


def live(made: NewDeployment) -> tuple[int, dict[str, Any]]:
    """What visitors meet: the version's number, and the theme."""
    with tenant(made.deployment.workspace_id):
        row = Deployment.objects.select_related("assistant__published").get(id=made.deployment.id)
        assert row.assistant.published is not None
        return row.assistant.published.number, row.theme


def test_what_was_kept_is_told_and_one_click_brings_back_what_it_replaced(
    member: Browser, made: NewDeployment, workspace: Workspace
) -> None:
    factories.make_deployment(workspace, assistant=made.deployment.assistant, name="Blog")
    run(made, version=1, theme={"primaryColor": "#0a6640"})
    page = member.send(form_of(member.get(tab(made, "/keep")), "/keep"))
    assert live(made) == (1, {"primaryColor": "#0a6640"})
    told = plain(page)
    assert "Decided last Kept for everybody" in told
    assert f"by {member.user}: version 1 with a theme of its own, which 20 % of the visitors met." in told
    assert "It replaced version 2 and the theme." in told
    assert "on 1 other deployment of Cleo too" in told
    back = member.send(form_of(page, "/back"))
    assert live(made) == (2, {"primaryColor": "#2f54d6"})
    assert "Back: who begins a conversation meets what stood before." in plain(back)
    assert "What it replaced stands again." in plain(back)
    assert "Go back" not in plain(back)
    with tenant(workspace.id):
        assert AuditEvent.objects.get(action="deployment.rollout_gone_back").data["version"] == 2
    # The same click again changes nothing.
    assert "What it replaced stands again." in plain(member.send(form_of(page, "/back")))
    assert live(made) == (2, {"primaryColor": "#2f54d6"})


def test_what_was_taken_back_starts_again_by_one_click(member: Browser, made: NewDeployment) -> None:
    first = run(made, version=1, theme={"primaryColor": "#0a6640"}, share=35)
    page = member.send(form_of(member.get(tab(made)), "/undo"))
    assert "Decided last Taken back" in plain(page)
    again = member.send(form_of(page, "/back"))
    assert "Started again: 35 % of the visitors meet what is tried from now on." in plain(again)
    rollout = running(made)
    assert rollout is not None
    assert rollout.version is not None
    assert (rollout.version.number, rollout.theme, rollout.share) == (1, {"primaryColor": "#0a6640"}, 35)
    assert rollout.id != first.id
    assert "This isn't the last rollout any more." in plain(member.send(form_of(page, "/back")))


def test_where_something_was_published_since_there_is_no_click_and_it_says_why(
    member: Browser, made: NewDeployment, workspace: Workspace
) -> None:
    run(made, version=1)
    page = member.send(form_of(member.get(tab(made, "/keep")), "/keep"))
    with tenant(workspace.id):
        rename(made, "Dora")
        publishing.publish(SYSTEM, made.deployment.assistant_id)
    told = plain(member.get(tab(made)))
    assert "Something else has been published since. Every version can be brought back on Versions ." in told
    refused = member.send(form_of(page, "/back"))
    assert "Something else has been published since." in plain(refused)
    assert live(made)[0] == 3
    form = form_of(page, "/back")
    form["rollout"] = "no\x00thing"
    assert "This isn't the last rollout any more." in plain(member.send(form))


def test_what_versions_say_is_not_read_for_a_list_of_rollouts(workspace: Workspace, made: NewDeployment) -> None:
    run(made)
    with tenant(workspace.id):
        rollouts.undo(SYSTEM, made.deployment)
    run(made, theme={"primaryColor": "#0a6640"})
    with tenant(workspace.id), CaptureQueriesContext(connection) as asked:
        (now,) = rollouts.running_of([made.deployment.id]).values()
        (over,) = rollouts.earlier(made.deployment)
        assert rollouts.published_meanwhile(now) is None
        assert over.version is not None
        assert over.version.number > over.base_version.number
    assert len(asked) == 2
    assert not any(column in query["sql"] for query in asked for column in ('"content"', '"draft"'))
