"""Staged rollouts at the visitors' doors: who meets what, the same at every visit, and never changed within a talk."""

from __future__ import annotations

import copy
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convoship.lib.actors import SYSTEM
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import deploying, previewing, publishing, rollouts, sessions, variants
from deployments.deploying import NewDeployment
from deployments.models import Assistant, Conversation, Deployment, Message, Person, Rollout
from deployments.rollouts import Tried
from deployments.sessions import SessionRequest
from tests import factories
from tests.runtime.conftest import Site, act

BLUE, GREEN = {"primaryColor": "#2f54d6"}, {"primaryColor": "#0a6640"}
OLD, NEW = "Old welcome", "New welcome"


def write(assistant_id: uuid.UUID, welcome: str) -> None:
    """Change what the draft says first. Inside `tenant()`."""
    assistant = Assistant.objects.get(id=assistant_id)
    script = copy.deepcopy(assistant.draft["scripted"])
    script["welcome"] = {**script["welcome"], "text": welcome}
    publishing.change_draft(SYSTEM, assistant, scripted=script)


def begin(made: NewDeployment, share: int = 50, **tried: Any) -> Rollout:
    """Version 2 says OLD and is published; version 3 says NEW and is tried, with a green theme."""
    with tenant(made.deployment.workspace_id):
        made.deployment.theme = BLUE
        made.deployment.save(update_fields=["theme"])
        write(made.deployment.assistant_id, OLD)
        publishing.publish(SYSTEM, made.deployment.assistant_id)
        write(made.deployment.assistant_id, NEW)
        given: dict[str, Any] = {"draft": True, "theme": GREEN, **tried}
        return rollouts.start(SYSTEM, made.deployment, Tried(**given), share=share)


def someone(rollout: Rollout, variant: str, share: int | None = None) -> str:
    """A visitor who falls on this variant."""
    share = rollout.share if share is None else share
    ids = (str(uuid.uuid4()) for _ in iter(int, 1))
    return next(id_ for id_ in ids if (variants.place(rollout.id, id_) < share) == (variant == "b"))


def welcome_of(opened: Any) -> str:
    return str(opened["messages"][0]["text"])


def colour_of(answer: Any) -> str:
    return str(answer.data["theme"]["primaryColor"])


async def config(site: Site, visitor_id: str = "", **headers: str) -> Any:
    more = f"&visitor_id={visitor_id}" if visitor_id else ""
    return await site.call("GET", f"/config?agent_id={site.agent_id}{more}", site.token, **headers)


# --- Who meets what -----------------------------------------------------------------------------------------------


def test_the_share_is_met_within_what_chance_allows() -> None:
    rollout_id = uuid.UUID(int=7)
    for share in (1, 25, 99):
        found = sum(variants.place(rollout_id, f"visitor {number}") < share for number in range(10_000))
        assert abs(found / 100 - share) < 1.5, share


def test_raising_the_share_only_moves_visitors_from_a_to_b() -> None:
    rollout = Rollout(id=uuid.uuid4(), share=20)
    visitors = [str(uuid.uuid4()) for _ in range(500)]
    before = {id_: variants.chosen(rollout, id_) for id_ in visitors}
    rollout.share = 60
    after = {id_: variants.chosen(rollout, id_) for id_ in visitors}
    assert {id_ for id_ in visitors if before[id_] == "b"} < {id_ for id_ in visitors if after[id_] == "b"}


def test_two_rollouts_do_not_try_out_on_the_same_visitors() -> None:
    one, two = Rollout(id=uuid.uuid4(), share=50), Rollout(id=uuid.uuid4(), share=50)
    visitors = [str(uuid.uuid4()) for _ in range(1000)]
    both = sum(variants.chosen(one, id_) == variants.chosen(two, id_) == "b" for id_ in visitors)
    assert 180 < both < 320


@pytest.mark.asyncio
async def test_a_visitor_meets_one_variant_in_theme_and_words_at_every_visit(site: Site) -> None:
    rollout = await in_thread(begin, site.made)
    for variant, colour, welcome in (("a", "#2f54d6", OLD), ("b", "#0a6640", NEW)):
        visitor_id = someone(rollout, variant)
        for _ in range(3):
            assert colour_of(await config(site, visitor_id)) == colour
            opened = await site.start(visitor_id=visitor_id)
            assert (welcome_of(opened.data), colour_of(opened)) == (welcome, colour)


@pytest.mark.asyncio
async def test_each_variant_has_its_own_etag(site: Site) -> None:
    rollout = await in_thread(begin, site.made)
    a, b = someone(rollout, "a"), someone(rollout, "b")
    of_a, of_b = (await config(site, a))["ETag"], (await config(site, b))["ETag"]
    assert of_a != of_b
    assert (await config(site, a, **{"If-None-Match": of_a})).status_code == 304
    assert (await config(site, b, **{"If-None-Match": of_a})).status_code == 200
    assert (await config(site, b, **{"If-None-Match": of_b})).status_code == 304


@pytest.mark.asyncio
async def test_a_browser_without_an_id_is_given_one_while_a_rollout_runs_and_only_then(site: Site) -> None:
    assert "visitor_id" not in (await config(site)).data["features"]
    await in_thread(begin, site.made)
    for _ in range(4):
        first = await config(site)
        kept = first.data["features"]["visitor_id"]
        again = await config(site, kept)
        assert "visitor_id" not in again.data["features"]
        assert colour_of(again) == colour_of(first)
        opened = await site.start(visitor_id=kept)
        assert colour_of(opened) == colour_of(first)
    await act(site, rollouts.undo)
    assert "visitor_id" not in (await config(site)).data["features"]


@pytest.mark.asyncio
async def test_asking_for_the_configuration_stores_nothing_of_a_visitor(site: Site) -> None:
    rollout = await in_thread(begin, site.made)
    for visitor_id in ("", someone(rollout, "a"), someone(rollout, "b")):
        await config(site, visitor_id)

    def rows() -> list[int]:
        with tenant(site.workspace_id):
            return [model.objects.count() for model in (Person, Conversation, Message)]

    assert await in_thread(rows) == [0, 0, 0]


@pytest.mark.asyncio
@pytest.mark.parametrize("visitor_id", ["x" * 65, "%00" * 65])
async def test_an_id_that_is_too_long_is_refused_in_words(site: Site, visitor_id: str) -> None:
    answer = await config(site, visitor_id)
    assert (answer.status_code, list(answer.data["errors"])) == (422, ["visitor_id"])


@pytest.mark.asyncio
@pytest.mark.parametrize("visitor_id", ["%00", "%ED%A0%80", "a%0Ab", "%F0%9F%98%80", "0"])
async def test_any_other_id_is_only_a_number_to_the_rollout(site: Site, visitor_id: str) -> None:
    await in_thread(begin, site.made)
    assert (await config(site, visitor_id)).status_code == 200


@pytest.mark.django_db
def test_who_has_no_id_is_assigned_by_lot_and_the_conversation_keeps_it() -> None:
    made = factories.make_deployment(factories.make_workspace())
    begin(made, share=50)
    opened = [factories.start_session(made) for _ in range(24)]
    met = {one.session.conversation.variant for one in opened}
    assert met == {"a", "b"}
    for one in opened:
        for _ in range(2):
            again = factories.start_session(made, resume=one.token)
            assert again.session.conversation.variant == one.session.conversation.variant
            assert again.met.theme == one.met.theme


@pytest.mark.django_db
def test_a_theme_alone_and_a_version_alone_can_be_tried() -> None:
    made = factories.make_deployment(factories.make_workspace())
    rollout = begin(made, draft=False)
    opened = factories.start_session(made, visitor_id=someone(rollout, "b"))
    assert (opened.messages[0].text, opened.met.theme) == (OLD, GREEN)
    with tenant(made.deployment.workspace_id):
        rollouts.undo(SYSTEM, made.deployment)
        rollout = rollouts.start(SYSTEM, made.deployment, Tried(version=1), share=50)
    opened = factories.start_session(made, visitor_id=someone(rollout, "b"))
    assert opened.messages[0].text not in {OLD, NEW}
    assert opened.met.theme == BLUE


# --- Nobody changes in mid-conversation ---------------------------------------------------------------------------


ENDS = {
    "undo": lambda made: rollouts.undo(SYSTEM, made.deployment),
    "keep": lambda made: rollouts.keep(SYSTEM, made.deployment),
    "less": lambda made: rollouts.change_share(SYSTEM, made.deployment, 1),
    "more": lambda made: rollouts.change_share(SYSTEM, made.deployment, 99),
    "publish": lambda made: publishing.publish(SYSTEM, made.deployment.assistant_id),
}


@pytest.mark.django_db
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("variant", ["a", "b"])
def test_no_visitor_changes_version_in_mid_conversation(how: str, variant: str) -> None:
    made = factories.make_deployment(factories.make_workspace())
    rollout = begin(made)
    # One whom the change of the share would move, if it moved anybody.
    visitor_id = someone(rollout, variant)
    before = factories.start_session(made, visitor_id=visitor_id)
    with tenant(made.deployment.workspace_id):
        write(made.deployment.assistant_id, "Newest welcome")
        ENDS[how](made)
    after = factories.start_session(made, visitor_id=visitor_id, resume=before.token)
    assert not after.created
    assert after.session.conversation.version_id == before.session.conversation.version_id
    assert after.met.version is not None
    assert after.met.version.id == before.session.conversation.version_id
    assert after.session.conversation.variant == variant
    if variant == "b" or how != "keep":
        assert after.met.theme == before.met.theme


@pytest.mark.django_db
def test_undone_everybody_who_begins_meets_a_again() -> None:
    made = factories.make_deployment(factories.make_workspace())
    rollout = begin(made)
    visitor_id = someone(rollout, "b")
    assert factories.start_session(made, visitor_id=visitor_id).messages[0].text == NEW
    with tenant(made.deployment.workspace_id):
        rollouts.undo(SYSTEM, made.deployment)
    opened = factories.start_session(made, visitor_id=visitor_id)
    assert (opened.messages[0].text, opened.met.theme) == (OLD, BLUE)
    assert opened.session.conversation.rollout_id is None


@pytest.mark.django_db
def test_kept_everybody_who_begins_meets_b() -> None:
    workspace = factories.make_workspace()
    made = factories.make_deployment(workspace)
    other = factories.make_deployment(workspace, assistant=made.deployment.assistant)
    rollout = begin(made)
    with tenant(made.deployment.workspace_id):
        rollouts.keep(SYSTEM, made.deployment)
    opened = factories.start_session(made, visitor_id=someone(rollout, "a"))
    assert (opened.messages[0].text, opened.met.theme) == (NEW, GREEN)
    # The version is the assistant's, the theme the deployment's.
    elsewhere = factories.start_session(other)
    assert (elsewhere.messages[0].text, elsewhere.met.theme) == (NEW, {})


@pytest.mark.django_db
def test_what_is_published_meanwhile_waits_on_this_deployment_alone() -> None:
    workspace = factories.make_workspace()
    made = factories.make_deployment(workspace)
    other = factories.make_deployment(workspace, assistant=made.deployment.assistant)
    rollout = begin(made)
    with tenant(made.deployment.workspace_id):
        write(made.deployment.assistant_id, "Newest welcome")
        publishing.publish(SYSTEM, made.deployment.assistant_id)
    assert factories.start_session(made, visitor_id=someone(rollout, "a")).messages[0].text == OLD
    assert factories.start_session(made, visitor_id=someone(rollout, "b")).messages[0].text == NEW
    assert factories.start_session(other).messages[0].text == "Newest welcome"
    with tenant(made.deployment.workspace_id):
        rollouts.undo(SYSTEM, made.deployment)
    assert factories.start_session(made).messages[0].text == "Newest welcome"


# --- Previews -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("asked", "welcome", "theme"), [({}, OLD, BLUE), ({"variant": "b"}, NEW, GREEN)])
def test_a_preview_shows_what_stands_unless_it_asks_for_b(
    asked: dict[str, Any], welcome: str, theme: dict[str, str], settings: Any
) -> None:
    workspace = factories.make_workspace()
    made = factories.make_deployment(workspace)
    rollout = begin(made, share=99)
    with tenant(workspace.id):
        preview = previewing.mint(factories.actor(workspace), made.deployment, **asked)
    caller = factories.caller(settings.PUBLIC_BASE_URL)
    for visitor_id in ("", someone(rollout, "b")):
        request = SessionRequest(agent_id=made.deployment.assistant_id, visitor_id=visitor_id)
        opened = sessions.start(preview.token, caller, request)
        assert (opened.messages[0].text, opened.met.theme) == (welcome, theme)
        told = sessions.read_config(preview.token, caller, made.deployment.assistant_id, visitor_id)
        assert (told.met.theme, told.visitor_id) == (theme, "")


# --- What it costs, and what is refused ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_rollout_costs_a_visitor_no_statement() -> None:
    made = factories.make_deployment(factories.make_workspace())

    def statements(visitor_id: str) -> tuple[int, int]:
        with CaptureQueriesContext(connection) as starting:
            opened = factories.start_session(made, visitor_id=visitor_id)
        with CaptureQueriesContext(connection) as asking:
            sessions.read_config(made.token, factories.caller(), made.deployment.assistant_id, visitor_id)
        assert opened.created
        return len(starting), len(asking)

    statements("somebody")
    without = statements("somebody")
    rollout = begin(made)
    for variant in ("a", "b"):
        visitor_id = someone(rollout, variant)
        statements(visitor_id)  # reads the version, once in the life of a process
        assert statements(visitor_id) == without


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tried", "share", "paths"),
    [
        ({}, 50, ["version"]),
        ({"version": 1}, 50, ["version"]),
        ({"version": 99}, 50, ["version"]),
        ({"version": 2**70}, 50, ["version"]),
        ({"version": -1}, 50, ["version"]),
        ({"version": 1, "draft": True}, 50, ["version"]),
        ({"draft": True}, 50, ["version"]),
        ({"theme": {}}, 50, ["theme"]),
        (
            {"theme": {"primaryColor": "blue", "launcher": {"size": 3}}},
            50,
            ["theme.launcher.size", "theme.primaryColor"],
        ),
        ({"theme": GREEN}, 0, ["share"]),
        ({"theme": GREEN}, 100, ["share"]),
        ({"version": 7, "theme": 3}, 10**30, ["share", "theme", "version"]),
    ],
)
def test_what_can_not_be_tried_is_refused_by_its_path(tried: dict[str, Any], share: int, paths: list[str]) -> None:
    made = factories.make_deployment(factories.make_workspace())
    with tenant(made.deployment.workspace_id), pytest.raises(Problem) as refused:
        rollouts.start(SYSTEM, made.deployment, Tried(**tried), share=share)
    assert refused.value.code == "invalid"
    assert sorted(refused.value.errors) == paths


@pytest.mark.django_db
def test_one_rollout_at_a_time_and_none_on_what_nobody_meets() -> None:
    workspace = factories.make_workspace()
    made = factories.make_deployment(workspace)
    begin(made)
    unpublished = factories.make_deployment(workspace, assistant=factories.make_assistant(workspace, published=False))
    with tenant(workspace.id):
        for row, words in ((made.deployment, "running"), (unpublished.deployment, "not been published")):
            with pytest.raises(Problem, match=words) as refused:
                rollouts.start(SYSTEM, row, Tried(theme=GREEN), share=50)
            assert refused.value.code == "conflict"
        rollouts.undo(SYSTEM, made.deployment)
        for late in (rollouts.undo, rollouts.keep, lambda who, row: rollouts.change_share(who, row, 5)):
            with pytest.raises(Problem, match="No rollout is running"):
                late(SYSTEM, made.deployment)


@pytest.mark.django_db
def test_a_revoked_deployment_starts_none_and_its_own_can_still_be_taken_back() -> None:
    made = factories.make_deployment(factories.make_workspace())
    begin(made)
    with tenant(made.deployment.workspace_id):
        deploying.revoke(SYSTEM, made.deployment)
        for act_ in (rollouts.keep, lambda who, row: rollouts.change_share(who, row, 5)):
            with pytest.raises(Problem, match="revoked"):
                act_(SYSTEM, made.deployment)
        rollouts.undo(SYSTEM, made.deployment)
        with pytest.raises(Problem, match="revoked"):
            rollouts.start(SYSTEM, made.deployment, Tried(version=1), share=5)


@pytest.mark.django_db
def test_an_assistant_is_deleted_with_its_rollouts() -> None:
    made = factories.make_deployment(factories.make_workspace())
    rollout = begin(made)
    factories.start_session(made, visitor_id=someone(rollout, "b"))
    with tenant(made.deployment.workspace_id):
        publishing.delete_assistant(SYSTEM, made.deployment.assistant)
        assert not Rollout.objects.exists()
        assert not Deployment.objects.exists()
