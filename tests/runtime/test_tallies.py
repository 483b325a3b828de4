"""What is counted of tokens in use and of origins refused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import DatabaseError

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import tallies
from deployments.models import RefusedOrigin, TokenUse
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
    site.origin = None
    await config(site)
    await in_thread(tallies.flush)

    def look() -> None:
        with tenant(site.workspace_id):
            none, other = RefusedOrigin.objects.order_by("origin")
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


def test_a_stranger_with_a_thousand_origins_fills_no_table(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MOST_ORIGINS", 5)
    monkeypatch.setattr(tallies, "MOST_WAITING", 20)
    made = factories.make_deployment(factories.make_workspace()).deployment
    for number in range(100):
        tallies.refused(made.workspace_id, made.id, f"https://{number}.example", "host_not_listed", "")
    tallies.flush()
    with tenant(made.workspace_id):
        assert RefusedOrigin.objects.count() <= 6
        assert sum(RefusedOrigin.objects.values_list("count", flat=True)) == 100
        assert RefusedOrigin.objects.get(origin=tallies.OTHERS).count >= 94


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
        patch.setattr(tallies, "_write_refusal", away)
        tallies.flush()
    tallies.refused(made.workspace_id, made.id, "https://a.example", "host_not_listed", "")
    tallies.flush()
    with tenant(made.workspace_id):
        assert RefusedOrigin.objects.get().count == 2
