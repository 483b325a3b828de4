"""Settings, pauses, tokens and refused origins over the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import deploying, tallies
from deployments.deploying import NewDeployment
from deployments.models import Deployment
from tests import factories
from tests.api.conftest import Program
from workspaces.models import AuditEvent

pytestmark = pytest.mark.django_db

STRANGER = "https://stranger.example"
SETTINGS = {
    "label": "production",
    "limits": {"messages_per_minute": 20, "message_characters": 500},
    "languages": ["en", "pt-BR"],
    "hours_text": "Monday to Friday, 9 to 17",
    "expires_at": "2099-01-31T18:00:00.000Z",
    "allow_server_callers": True,
    "identity_required": True,
    "files": {"on": True, "kinds": ["images", "audio"], "max_bytes": 5_000_000},
}


@pytest.fixture
def made(api: Program) -> NewDeployment:
    return factories.make_deployment(api.workspace)


@pytest.fixture
def where(made: NewDeployment) -> str:
    return f"/deployments/{made.deployment.id}"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"on": "yes"}, "files.on"),
        ({"on": True, "kinds": []}, "files.kinds"),
        ({"kinds": ["archives"]}, "files.kinds[0]"),
        ({"max_bytes": 0}, "files.max_bytes"),
        ({"max_bytes": 10 * 1024 * 1024 + 1}, "files.max_bytes"),
        ({"what": 1}, "files.what"),
        (True, "files"),
    ],
)
def test_what_files_can_not_be_is_refused_by_its_path(api: Program, where: str, files: Any, path: str) -> None:
    answer = api.patch(where, {"files": files})
    assert answer.status_code == 422
    assert list(answer.data["errors"]) == [path]


def test_files_are_off_unless_they_are_turned_on(api: Program, where: str) -> None:
    off = {"on": False, "kinds": ["images", "documents"], "max_bytes": 10 * 1024 * 1024}
    assert api.get(where).data["files"] == off
    assert api.patch(where, {"files": {"on": True}}).data["files"] == {**off, "on": True}


# --- Settings -------------------------------------------------------------------------------------------------------


def test_settings_are_taken_when_it_is_made_and_when_it_is_changed(api: Program, where: str) -> None:
    assistant = factories.make_assistant(api.workspace)
    new = {"name": "Shop", "allowed_origins": [factories.SHOP], **SETTINGS}
    shown = api.made(f"/assistants/{assistant.id}/deployments", new)["deployment"]
    assert {name: shown[name] for name in SETTINGS} == SETTINGS
    assert (shown["status"], shown["paused_at"]) == ("live", None)
    changed = api.patch(where, SETTINGS)
    assert changed.status_code == 200
    assert api.get(where).data == changed.data
    assert {name: changed.data[name] for name in SETTINGS} == SETTINGS
    back = api.patch(where, {"limits": {"messages_per_minute": None}, "expires_at": None, "languages": []}).data
    assert (back["limits"], back["expires_at"], back["languages"]) == ({}, None, [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label": "a<b>"}, "label"),
        ({"label": "x" * 31}, "label"),
        ({"label": None}, "label"),
        ({"limits": {"messages_per_minute": 0}}, "limits.messages_per_minute"),
        ({"limits": {"messages_per_minute": True}}, "limits.messages_per_minute"),
        ({"limits": {"messages_per_minute": 1.5}}, "limits.messages_per_minute"),
        ({"limits": {"messages_per_minute": 10**40}}, "limits.messages_per_minute"),
        ({"limits": {"messages_per_second": 1}}, "limits.messages_per_second"),
        ({"limits": []}, "limits"),
        ({"languages": ["klingonese"]}, "languages[0]"),
        ({"languages": ["en"] * 21}, "languages"),
        ({"languages": "en"}, "languages"),
        ({"hours_text": "x" * 301}, "hours_text"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"identity_required": "yes"}, "identity_required"),
        ({"paused_at": None}, "paused_at"),
        ({"status": "live"}, "status"),
    ],
)
def test_a_setting_that_can_not_be_taken_is_named_and_nothing_is_changed(
    api: Program, where: str, change: Any, field: str
) -> None:
    before = api.get(where).data
    answer = api.patch(where, {"name": "Renamed", **change})
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert field in answer.data["errors"]
    assert "['" not in answer.data["errors"][field][0]
    assert api.get(where).data == before


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
def test_what_can_not_be_stored_is_refused(api: Program, where: str, text: str) -> None:
    for change in ({"label": text}, {"hours_text": text}, {"languages": [text]}, {"expires_at": text}):
        assert api.patch(where, change).status_code == 422


def test_the_status_says_how_it_stands(api: Program, made: NewDeployment, where: str) -> None:
    assert api.get(where).data["status"] == "live"
    with tenant(api.workspace.id):
        Deployment.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    assert api.get(where).data["status"] == "expired"
    api.post(f"{where}/revoke")
    assert api.get(where).data["status"] == "revoked"


# --- Pausing --------------------------------------------------------------------------------------------------------


def test_what_somebody_else_did_a_moment_ago_is_seen_before_pausing_or_resuming(
    api: Program, made: NewDeployment
) -> None:
    """Both are asked for by who read the deployment before the other's change."""
    who = factories.actor(api.workspace)
    with tenant(made.deployment.workspace_id):
        first, second, third = (Deployment.objects.get(id=made.deployment.id) for _ in range(3))
        paused_at = deploying.pause(who, first).paused_at
        assert deploying.pause(who, second).paused_at == paused_at
        deploying.resume(who, third)  # it was read before the pause
        first, second = (Deployment.objects.get(id=made.deployment.id) for _ in range(2))
        assert first.paused_at is None
        deploying.revoke(who, first)
        with pytest.raises(Problem) as refused:
            deploying.pause(who, second)
        assert refused.value.code == "conflict"
        actions = AuditEvent.objects.filter(action__startswith="deployment.").order_by("id")
        told = [action.removeprefix("deployment.") for action in actions.values_list("action", flat=True)]
    assert sorted(told) == ["created", "paused", "resumed", "revoked"]


@pytest.mark.parametrize("act", ["rotate", "identity/secrets"])
def test_a_deployment_is_held_once_for_a_new_token_or_secret(api: Program, where: str, act: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert api.post(f"{where}/{act}", {}).status_code == 201
    locks = [query["sql"] for query in captured if "FOR NO KEY UPDATE" in query["sql"]]
    assert len([sql for sql in locks if "deployments_deployment" in sql]) == 1


def test_pausing_lets_nobody_in_until_it_is_resumed(api: Program, made: NewDeployment, where: str) -> None:
    paused = api.post(f"{where}/pause")
    assert (paused.status_code, paused.data["status"]) == (200, "paused")
    assert paused.data["paused_at"]
    with pytest.raises(Problem) as refused:
        factories.start_session(made)
    assert refused.value.extra["reason"] == "paused"
    assert api.post(f"{where}/pause").data["paused_at"] == paused.data["paused_at"]
    resumed = api.post(f"{where}/resume")
    assert (resumed.data["status"], resumed.data["paused_at"]) == ("live", None)
    assert api.post(f"{where}/resume").status_code == 200
    assert factories.start_session(made).created
    with tenant(api.workspace.id):
        found = AuditEvent.objects.filter(action__in=["deployment.paused", "deployment.resumed"])
        assert found.count() == 2


def test_a_revoked_one_is_neither_paused_nor_resumed(api: Program, where: str) -> None:
    api.post(f"{where}/revoke")
    for act in ("pause", "resume"):
        answer = api.post(f"{where}/{act}")
        assert (answer.status_code, answer.data["code"]) == (409, "conflict")


# --- Tokens ---------------------------------------------------------------------------------------------------------


def test_the_tokens_that_work_are_listed_with_their_uses_and_an_old_one_is_ended(
    api: Program, made: NewDeployment, where: str
) -> None:
    (only,) = api.get(f"{where}/tokens").data["tokens"]
    assert (only["prefix"], only["is_current"], only["uses"], only["last_used_at"]) == (made.token[:12], True, [], None)
    new = api.made(f"{where}/rotate", {"overlap_seconds": 3600})["token"]
    factories.start_session(made)
    tallies.flush()
    current, old = api.get(f"{where}/tokens").data["tokens"]
    assert (current["prefix"], current["expires_at"], current["is_current"]) == (new[:12], None, True)
    assert old["expires_at"]
    (use,) = old["uses"]
    assert (use["origin"], use["sessions"]) == (factories.SHOP, 1)
    assert use["last_used_at"] == old["last_used_at"]
    refused = api.post(f"{where}/tokens/{current['id']}/end")
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")
    ended = api.post(f"{where}/tokens/{old['id']}/end")
    assert [token["id"] for token in ended.data["tokens"]] == [current["id"]]
    with pytest.raises(Problem) as over:
        factories.start_session(made)
    assert over.value.code == "token_expired"


def test_a_token_of_another_deployment_is_as_if_it_did_not_exist(api: Program, where: str) -> None:
    other = factories.make_deployment(api.workspace)
    (token,) = api.get(f"/deployments/{other.deployment.id}/tokens").data["tokens"]
    assert api.post(f"{where}/tokens/{token['id']}/end").status_code == 404


# --- Origins --------------------------------------------------------------------------------------------------------


def test_an_origin_is_checked_before_it_is_saved(api: Program) -> None:
    good = api.post("/origins/check", {"origin": "https://*.example.com"}).data
    assert (good["good"], good["origin"], good["wildcard"]) == (True, "https://*.example.com", "example.com")
    assert "https://example.com" in [example["origin"] for example in good["leaves_out"]]
    bad = api.post("/origins/check", {"origin": "Shop.example/"}).data
    assert (bad["good"], bad["origin"], bad["suggestion"]) == (False, None, "https://shop.example")
    assert bad["detail"]
    assert api.post("/origins/check", {"origin": 5}).status_code == 422
    assert api.post("/origins/check", {"origin": "\x00"}).status_code == 422


def test_whether_a_page_would_be_let_in_is_answered_with_the_rule(api: Program, where: str) -> None:
    yes = api.get(f"{where}/would-allow?origin=https://shop.example/cart").data
    assert (yes["allowed"], yes["origin"], yes["rule"], yes["status"]) == (True, factories.SHOP, None, "live")
    no = api.get(f"{where}/would-allow?origin=http://shop.example").data
    assert (no["allowed"], no["rule"], no["allowed_origin"]) == (False, "scheme_differs", factories.SHOP)
    assert no["hint"]
    for query in ("", "?origin=", "?origin=%00", f"?origin={'x' * 2001}", "?page=x"):
        assert api.get(f"{where}/would-allow{query}").status_code == 422


def test_refused_origins_are_listed_allowed_and_forgotten(api: Program, made: NewDeployment, where: str) -> None:
    factories.refuse(made, None)
    factories.refuse(made, "null")
    factories.refuse(made, STRANGER, page=f"{STRANGER}/socks")
    rows = api.get(f"{where}/refused-origins").data["results"]
    assert [row["origin"] for row in rows] == [STRANGER, "null", None]
    stranger = rows[0]
    assert (stranger["rule"], stranger["count"], stranger["page"]) == ("host_not_listed", 1, f"{STRANGER}/socks")
    assert (stranger["allow"], stranger["is_allowed"]) == (STRANGER, False)
    assert [row["allow"] for row in rows[1:]] == [None, None]
    assert all(row["hint"] for row in rows)
    for origin in (f"{STRANGER}/", "null", "https://*.example.com", ""):
        answer = api.post(f"{where}/refused-origins/allow", {"origin": origin})
        assert answer.status_code == 422
        assert "origin" in answer.data["errors"]
    allowed = api.post(f"{where}/refused-origins/allow", {"origin": STRANGER})
    assert allowed.data["allowed_origins"] == [factories.SHOP, STRANGER]
    assert factories.start_session(made, origin=STRANGER).created
    rows = api.get(f"{where}/refused-origins").data["results"]
    assert [row["origin"] for row in rows] == ["null", None]
    assert api.call("DELETE", f"{where}/refused-origins/{rows[0]['id']}").status_code == 204
    assert api.call("DELETE", f"{where}/refused-origins/{rows[0]['id']}").status_code == 404
    assert api.call("DELETE", f"{where}/refused-origins").status_code == 204
    assert api.get(f"{where}/refused-origins").data["results"] == []


def test_changing_the_origins_in_any_way_clears_what_is_allowed_by_now(
    api: Program, made: NewDeployment, where: str
) -> None:
    factories.refuse(made, STRANGER)
    factories.refuse(made, "https://a.shop.example")
    api.patch(where, {"allowed_origins": [factories.SHOP, "https://*.shop.example"]})
    rows = api.get(f"{where}/refused-origins").data["results"]
    assert [row["origin"] for row in rows] == [STRANGER]
