"""What is counted of tokens in use and of origins refused."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import deploying, tallies
from deployments.models import Deployment, RefusedOrigin, TokenUse
from tests import factories
from tests.runtime.conftest import Site


async def config(site: Site, **headers: str) -> Any:
    return await site.call("GET", f"/config?agent_id={site.agent_id}", site.token, **headers)


async def test_loads_and_sessions_of_a_token_are_counted_by_origin(site: Site) -> None:
    for _ in range(3):
        await config(site)
    session = (await site.start()).data
    await site.start(resume=session["session_token"])
    await in_thread(tallies.flush)
    await config(site)
    await in_thread(tallies.flush)

    def look() -> None:
        with tenant(site.workspace_id):
            use = TokenUse.objects.get()
            assert (use.origin, use.loads, use.sessions) == ("https://shop.example", 4, 2)
            assert use.token.prefix == site.token[:12]
            assert use.first_used_at < use.last_used_at

    await in_thread(look)


async def test_refused_origins_are_counted_with_the_rule_and_the_page(site: Site) -> None:
    site.origin = "https://other.example"
    await config(site)
    await config(site, Referer="https://user:secret@other.example/page?q=1#part")
    named = f"/config?agent_id={site.agent_id}&page=%2Fshop%2Fsocks%3Fsize%3D4%23here"
    site.origin = "https://named.example"
    await site.call("GET", named, site.token, Referer="https://named.example/")
    site.origin = "null"
    await site.call("GET", named, site.token)
    site.origin = None
    await config(site)
    await in_thread(tallies.flush)

    def look() -> None:
        with tenant(site.workspace_id):
            none, named, other, null = RefusedOrigin.objects.order_by("origin")
            assert (named.page, null.origin, null.page) == ("https://named.example/shop/socks?size=4", "null", "")
            assert (none.origin, none.rule, none.count) == ("", "origin_missing", 1)
            assert (other.origin, other.rule, other.count) == ("https://other.example", "host_not_listed", 2)
            assert other.page == "https://other.example/page?q=1"

    await in_thread(look)


async def test_an_origin_that_a_running_chat_loses_is_counted_too(site: Site) -> None:
    session = (await site.start()).data
    site.origin = "https://other.example"
    await site.say(session, "hello")
    await in_thread(tallies.flush)

    def look() -> int:
        with tenant(site.workspace_id):
            return RefusedOrigin.objects.get(origin="https://other.example").count

    assert await in_thread(look) == 1


def knock(made: Deployment, origin: str, times: int = 1) -> None:
    for _ in range(times):
        tallies.refused(made.workspace_id, made.id, origin, "host_not_listed", f"{origin}/page")


def refused_at(made: Deployment) -> dict[str, int]:
    with tenant(made.workspace_id):
        return dict(RefusedOrigin.objects.filter(deployment=made).values_list("origin", "count"))


@pytest.fixture
def five_rows_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MOST_ORIGINS", 5)


@pytest.mark.parametrize("flushes", [1, 20])
def test_a_stranger_with_a_thousand_origins_fills_no_table(db: None, five_rows_at_most: None, flushes: int) -> None:
    made = factories.make_deployment(factories.make_workspace()).deployment
    for round_ in range(flushes):
        for number in range(100 // flushes):
            knock(made, f"https://{round_}-{number}.example")
        tallies.flush()
    found = refused_at(made)
    assert len(found) == 6
    assert (sum(found.values()), found[tallies.OTHERS]) == (100, 95)


def test_a_flood_at_one_deployment_hides_nothing_of_another(
    db: None, five_rows_at_most: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    flooded, other = (factories.make_deployment(factories.make_workspace(name=name)).deployment for name in ("A", "B"))
    for number in range(50):
        knock(flooded, f"https://{number}.example")
    knock(other, "https://shop.example", times=3)
    tallies.flush()
    assert refused_at(other) == {"https://shop.example": 3}
    monkeypatch.setattr(tallies, "MOST_WAITING", 5)
    for number in range(50):
        knock(flooded, f"https://{number}.example")
    knock(other, "https://shop.example")
    tallies.flush()
    assert sum(refused_at(other).values()) == 4  # memory is full: counted among the others, and still counted


def test_a_day_after_a_flood_what_comes_again_is_listed_again(db: None, five_rows_at_most: None) -> None:
    made = factories.make_deployment(factories.make_workspace()).deployment
    with time_machine.travel(timezone.now() - dt.timedelta(hours=25)):
        for number in range(10):
            knock(made, f"https://{number}.example")
        tallies.flush()
    assert len(refused_at(made)) == 6
    knock(made, "https://shop.example", times=2)
    tallies.flush()
    found = refused_at(made)
    assert found["https://shop.example"] == 2
    assert (len(found), sum(found.values())) == (6, 12)


def test_an_allowed_wildcards_many_hosts_are_bounded_as_well(db: None, five_rows_at_most: None) -> None:
    made = factories.make_deployment(factories.make_workspace()).deployment
    with tenant(made.workspace_id):
        token = deploying.current_token(made)
    with time_machine.travel(timezone.now() - dt.timedelta(hours=25)):
        for number in range(10):
            tallies.used(made.workspace_id, made.id, token.id, f"https://{number}.example")
        tallies.flush()
    tallies.used(made.workspace_id, made.id, token.id, "https://new.example", session=True)
    tallies.flush()
    with tenant(made.workspace_id):
        uses = {use.origin: (use.loads, use.sessions) for use in TokenUse.objects.all()}
    assert uses["https://new.example"] == (0, 1)
    assert (len(uses), sum(loads for loads, _ in uses.values())) == (6, 10)


def test_a_count_of_a_deployment_that_is_gone_keeps_no_other_from_being_written(transactional_db: None) -> None:
    made = factories.make_deployment(factories.make_workspace()).deployment
    tallies.refused(made.workspace_id, uuid.uuid4(), "https://a.example", "host_not_listed", "")
    tallies.refused(made.workspace_id, made.id, "https://b.example", "host_not_listed", "")
    tallies.flush()
    with tenant(made.workspace_id):
        assert [row.origin for row in RefusedOrigin.objects.all()] == ["https://b.example"]


def test_what_the_database_does_not_take_is_written_later(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made = factories.make_deployment(factories.make_workspace()).deployment
    tallies.refused(made.workspace_id, made.id, "https://a.example", "host_not_listed", "")

    def away(*_: Any) -> None:
        raise DatabaseError("the server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(tallies, "_write", away)
        tallies.flush()
    tallies.refused(made.workspace_id, made.id, "https://a.example", "host_not_listed", "")
    tallies.flush()
    with tenant(made.workspace_id):
        assert RefusedOrigin.objects.get().count == 2


async def test_a_page_that_can_t_be_stored_holds_no_count_back(site: Site) -> None:
    site.origin = "https://other.example"
    for page in ("/good", "/a%07b", "/%00"):
        await site.call("GET", f"/config?agent_id={site.agent_id}&page={page}", site.token)
    await in_thread(tallies.flush)

    def look() -> None:
        with tenant(site.workspace_id):
            assert [(row.count, row.page) for row in RefusedOrigin.objects.all()] == [(3, "https://other.example/good")]

    await in_thread(look)


async def test_a_count_that_the_database_never_takes_is_let_go_and_others_are_kept(site: Site) -> None:
    place = (site.workspace_id, site.made.deployment.id)
    tallies.refused(*place, "https://half.example\ud800", "host_not_listed", "")
    tallies.refused(site.workspace_id, uuid.uuid4(), "https://nul.example\x00", "host_not_listed", "")
    site.origin = None
    await config(site)
    await in_thread(tallies.flush)
    tallies.refused(*place, "https://other.example", "host_not_listed", "")
    await in_thread(tallies.flush)

    def look() -> None:
        with tenant(site.workspace_id):
            assert list(RefusedOrigin.objects.values_list("origin", flat=True)) == ["https://other.example"]

    await in_thread(look)
