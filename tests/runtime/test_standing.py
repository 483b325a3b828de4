"""Paused, over, narrowed: how a deployment stands, and what its visitors are told."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import deploying, narrowing, previewing
from deployments.models import Deployment, DeploymentToken
from tests.runtime.conftest import Site, act
from workspaces.models import AuditEvent


async def config(site: Site, token: str | None = None) -> Any:
    return await site.call("GET", f"/config?agent_id={site.agent_id}", token or site.token)


async def test_a_paused_deployment_lets_nobody_in_and_says_so_with_a_time_to_come_back(site: Site) -> None:
    session = (await site.start()).data
    await act(site, deploying.pause)
    path = f"/sessions/{session['session']['id']}"
    for answer in (
        await config(site),
        await site.start(),
        await site.say(session, "hello?"),
        await site.call("GET", path, session["session_token"]),
        await site.call("POST", f"{path}/handoff", session["session_token"], {}),
    ):
        assert (answer.status_code, answer.data["code"], answer.data["reason"]) == (503, "unavailable", "paused")
        assert answer["Retry-After"] == "300"
        assert "Resume" in answer.data["hint"]


async def test_after_resuming_the_same_conversation_goes_on(site: Site) -> None:
    session = (await site.start()).data
    await act(site, deploying.pause)
    await act(site, deploying.pause)  # twice is once
    await act(site, deploying.resume)
    assert (await site.say(session, "hello?")).status_code == 201
    with_actions = await in_thread(lambda: _actions(site))
    assert with_actions.count("deployment.paused") == with_actions.count("deployment.resumed") == 1


def _actions(site: Site) -> list[str]:
    with tenant(site.workspace_id):
        return list(AuditEvent.objects.values_list("action", flat=True))


async def test_a_foreign_page_learns_of_its_origin_before_it_learns_of_the_pause(site: Site) -> None:
    await act(site, deploying.pause)
    site.origin = "https://elsewhere.example"
    assert (await config(site)).data["code"] == "origin_not_allowed"


async def test_when_its_time_is_over_a_deployment_is_shut_and_a_later_end_opens_it_again(site: Site) -> None:
    session = (await site.start()).data
    ends = timezone.now() + dt.timedelta(hours=1)
    await act(site, deploying.change, {"expires_at": ends})
    assert (await site.say(session, "still here")).status_code == 201
    with time_machine.travel(ends + dt.timedelta(seconds=1)):
        for answer in (await config(site), await site.start(), await site.say(session, "and now?")):
            assert (answer.status_code, answer.data["code"]) == (401, "token_expired")
            assert "UTC" in answer.data["detail"]
        await act(site, deploying.change, {"name": "Renamed", "expires_at": ends.isoformat()})  # as a form sends it
        await act(site, deploying.change, {"expires_at": None})
        assert (await site.say(session, "back")).status_code == 201


async def test_an_older_token_that_is_ended_opens_nothing_and_the_current_one_can_not_be_ended(site: Site) -> None:
    made = await act(site, deploying.rotate, overlap_seconds=3600)
    assert (await config(site)).status_code == (await config(site, made.token)).status_code == 200

    def end(who: Any, deployment: Deployment, prefix: str) -> None:
        deploying.end_token(who, deployment, DeploymentToken.objects.get(prefix=prefix))

    await act(site, end, site.token[:12])
    assert (await config(site)).data["code"] == "token_expired"
    with pytest.raises(Exception, match="current token"):
        await act(site, end, made.token[:12])
    assert (await config(site, made.token)).status_code == 200


async def test_a_deployments_own_limits_are_narrower_than_the_servers(site: Site) -> None:
    await act(site, deploying.change, {"limits": {"messages_per_minute": 2, "message_characters": 10}})
    session = (await site.start()).data
    long = await site.say(session, "x" * 11)
    assert (long.status_code, long.data["code"]) == (413, "payload_too_large")
    assert "10 characters" in long.data["detail"]
    assert (await site.say(session, "short")).status_code == 201
    refused = await site.say(session, "short")
    assert (refused.status_code, refused.data["code"]) == (429, "rate_limited")
    assert int(refused["Retry-After"]) >= 1
    assert (refused.data["reason"], "at most 2 in 60 seconds" in refused.data["detail"]) == ("deployment_limit", True)


async def test_sessions_from_one_address_can_be_narrowed(site: Site) -> None:
    await act(site, deploying.change, {"limits": {"sessions_per_hour": 2}})
    await config(site)
    assert [(await site.start()).status_code for _ in range(4)] == [201, 201, 429, 429]


async def test_a_preview_is_not_counted_with_the_visitors(site: Site) -> None:
    await act(site, deploying.change, {"limits": {"sessions_per_hour": 1}})
    await config(site)
    assert [(await site.start()).status_code for _ in range(2)] == [201, 429]
    site.origin = settings.PUBLIC_BASE_URL
    preview = (await act(site, previewing.mint)).token
    for _ in range(2):
        assert (await site.call("POST", "/sessions", preview, {"agent_id": site.agent_id})).status_code == 201


@pytest.mark.parametrize("limits", [{}, {"sessions_per_hour": 5}])
async def test_who_was_refused_by_a_limit_gets_in_once_it_is_raised(
    site: Site, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    await act(site, deploying.change, {"limits": {"sessions_per_hour": 1}})
    await config(site)
    assert [(await site.start()).status_code for _ in range(2)] == [201, 429]
    await act(site, deploying.change, {"limits": limits})
    monkeypatch.setattr(narrowing, "FRESH_SECONDS", 0)  # as 5 seconds later
    assert (await site.start()).status_code == 201


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("de-AT", "de"),
        ("fr", "en"),
        ("", "en"),
        ("pt-br", "pt-BR"),
        ("pt", "pt-BR"),
        ("en-GB", "en"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-SG", "zh-Hans"),
        ("not a tag", "en"),
    ],
)
async def test_a_visitor_is_spoken_to_in_the_nearest_of_the_deployments_languages(
    site: Site, asked: str, spoken: str
) -> None:
    await act(site, deploying.change, {"languages": ["en", "de", "pt_br", "zh-hans", "zh-hant"]})
    session = (await site.start(locale=asked)).data

    def locale() -> str:
        with tenant(site.workspace_id):
            return Deployment.objects.get().conversations.get(session__id=session["session"]["id"]).locale

    assert await in_thread(locale) == spoken


async def test_who_asks_for_a_person_is_told_the_hours(site: Site) -> None:
    await act(site, deploying.change, {"hours_text": "We are here Monday to Friday, 9 to 17."})
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}"
    await site.call("POST", f"{path}/handoff", session["session_token"], {})
    messages = (await site.call("GET", f"{path}/messages", session["session_token"])).data["messages"]
    assert messages[-1]["text"].endswith("Monday to Friday, 9 to 17.")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"limits": {"messages_per_minute": 0}}, "limits.messages_per_minute"),
        ({"limits": {"messages_per_minute": True}}, "limits.messages_per_minute"),
        ({"limits": {"colour": 5}}, "limits.colour"),
        ({"limits": []}, "limits"),
        ({"languages": ["en", "not a language"]}, "languages[1]"),
        ({"languages": [5]}, "languages[0]"),
        ({"languages": ["en"] * 21}, "languages"),
        ({"languages": "en"}, "languages"),
        ({"languages": None}, "languages"),
        ({"limits": {"messages_per_minute": 2.5}}, "limits.messages_per_minute"),
        ({"expires_at": 5}, "expires_at"),
        ({"label": 5}, "label"),
        ({"hours_text": "9 to \0 17"}, "hours_text"),
        ({"allow_server_callers": "yes"}, "allow_server_callers"),
        ({"identity_required": None}, "identity_required"),
        ({"expires_at": "yesterday"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2127-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:00"}, "expires_at"),
        ({"label": "x" * 31}, "label"),
        ({"hours_text": "x" * 301}, "hours_text"),
    ],
)
async def test_a_setting_that_can_not_be_taken_is_named(site: Site, changes: dict[str, Any], path: str) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 (a Problem, looked at below)
        await act(site, deploying.change, changes)
    assert list(refused.value.errors) == [path]  # type: ignore[attr-defined]


async def test_each_wrong_setting_is_named_at_once(site: Site) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011
        await act(site, deploying.change, {"label": "x" * 31, "allowed_origins": ["HTTP://x"], "limits": {"a": 1}})
    assert set(refused.value.errors) == {"label", "allowed_origins[0]", "limits.a"}  # type: ignore[attr-defined]


async def test_a_replay_key_of_another_deployment_is_not_shared(site: Site) -> None:
    """A `client_id` is unique per deployment, previews included."""
    client_id = str(uuid.uuid4())
    first = await site.start(client_id=client_id)
    assert first.data["session"]["id"] == (await site.start(client_id=client_id)).data["session"]["id"]


async def test_a_visit_to_a_paused_deployment_is_no_error_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await act(site, deploying.pause)
    with caplog.at_level("INFO", "django.request"):
        assert (await site.start()).status_code == 503
    (line,) = [record for record in caplog.records if record.name == "django.request"]
    assert line.levelname == "INFO"
    assert line.getMessage() == "Service Unavailable: /v1/public/runtime/sessions (This deployment is paused.)"
