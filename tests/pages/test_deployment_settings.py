"""The Settings tab: each setting is kept as typed, refused in words beside its field, and holds at once."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments.deploying import NewDeployment
from deployments.models import Deployment
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, forms_of, text
from workspaces.models import AuditEvent, Workspace
from workspaces.permissions import Role


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace)


@pytest.fixture
def tab(made: NewDeployment) -> str:
    return f"/app/deployments/{made.deployment.id}/settings"


def form_at(member: Browser, tab: str) -> Form:
    return form_of(member.get(tab), "/change")


def stored(workspace: Workspace) -> Deployment:
    with tenant(workspace.id):
        return Deployment.objects.get(name__startswith="Shop")


def test_every_setting_is_saved_and_shown_again(member: Browser, workspace: Workspace, tab: str) -> None:
    form = form_at(member, tab)
    typed = {
        "name": "Shop two",
        "label": "production",
        "expires_at": "2099-01-31T18:00",
        "languages": "EN, pt_br de",
        "hours_text": "Monday to Friday,\r\n9 to 17",
        "sessions_per_hour": "100",
        "messages_per_minute": "",
        "message_characters": "500",
    }
    for name, value in typed.items():
        form[name] = value
    assert "Saved." in text(member.send(form))
    row = stored(workspace)
    assert (row.name, row.label, row.languages) == ("Shop two", "production", ["en", "pt-BR", "de"])
    assert row.expires_at == dt.datetime(2099, 1, 31, 18, tzinfo=dt.UTC)
    assert row.hours_text == "Monday to Friday, 9 to 17"
    assert row.limits == {"sessions_per_hour": 100, "message_characters": 500}
    again = form_at(member, tab)
    assert again["expires_at"] == "2099-01-31T18:00"
    assert (again["languages"], again["sessions_per_hour"]) == ("en, pt-BR, de", "100")
    for name in ("label", "expires_at", "languages", "hours_text", "sessions_per_hour", "message_characters"):
        again[name] = ""
    member.send(again)
    row = stored(workspace)
    assert (row.label, row.expires_at, row.languages, row.hours_text, row.limits) == ("", None, [], "", {})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("name", "", "Give it a name"),
        ("label", "a<b>", "At most 30 letters and digits"),
        ("expires_at", "2001-01-01T00:00", "That moment is over."),
        ("expires_at", "tomorrow", "Choose a day and a time"),
        ("expires_at", "9999-99-99T99:99", "Choose a day and a time"),
        ("expires_at", "0001-01-01T00:00", "That moment is over."),
        ("languages", "en, klingonese", "“klingonese”: A language tag such as en, de or pt-BR."),
        ("languages", " ".join(["en"] * 21), "At most 20 languages."),
        ("hours_text", "x" * 301, "At most 300 characters."),
        ("sessions_per_hour", "0", "A whole number from 1 to 3600."),
        ("messages_per_minute", "many", "A whole number from 1 to 120."),
        ("message_characters", "9" * 400, "A whole number from 1 to 8000."),
        ("message_characters", "१२", "A whole number from 1 to 8000."),
        ("label", "\x00", "Null characters are not allowed."),
        ("files_size", "11", "A number of megabytes, more than 0 and at most 10."),
        ("files_size", "0", "A number of megabytes, more than 0 and at most 10."),
        ("files_size", "big", "A number of megabytes, more than 0 and at most 10."),
    ],
)
def test_what_can_not_be_taken_is_said_beside_its_field_and_nothing_typed_is_lost(
    member: Browser, workspace: Workspace, tab: str, name: str, value: str, words: str
) -> None:
    form = form_at(member, tab)
    form["name"] = "Shop renamed"
    form["hours_text"] = "Always"
    form[name] = value
    refused = member.send(form)
    assert refused.status_code == 422
    (beside,) = re.findall(rf'<ul class="errors" id="id_{name}_error">(.*?)</ul>', text(refused), re.DOTALL)
    assert words in html.unescape(beside)
    again = form_of(refused, "/change")
    assert again[name].replace("�", "\x00") == value
    if name != "hours_text":
        assert again["hours_text"] == "Always"
    assert stored(workspace).name == "Shop"


def test_all_that_is_wrong_is_said_at_once_and_no_bubble_of_the_browser_comes_before(member: Browser, tab: str) -> None:
    page = member.get(tab)
    assert re.search(r'<form[^>]*/change"[^>]* novalidate>', text(page))
    form = form_of(page, "/change")
    form["name"], form["languages"], form["message_characters"] = " ", "english", "9999"
    refused = text(member.send(form))
    for name in ("name", "languages", "message_characters"):
        assert f'id="id_{name}_error"' in refused


@pytest.mark.parametrize("page", ["", "settings", "origins", "appearance", "install", "identity", "numbers", "rollout"])
def test_every_tab_of_a_deployment_is_marked_under_assistants(member: Browser, made: NewDeployment, page: str) -> None:
    menu = text(member.get(f"/app/deployments/{made.deployment.id}/{page}")).partition('aria-label="Main"')[2]
    marked = re.findall(r'<a href="([^"]*)" aria-current="page"', menu.partition("</nav>")[0])
    assert marked == ["/app/assistants/"]


def test_saving_without_a_change_writes_no_audit_line(member: Browser, workspace: Workspace) -> None:
    ends = timezone.now() + dt.timedelta(days=3, seconds=17)
    made = factories.make_deployment(workspace, expires_at=ends, limits={"messages_per_minute": 9}, languages=["de"])
    form = form_at(member, f"/app/deployments/{made.deployment.id}/settings")
    member.send(form)
    with time_machine.travel(ends + dt.timedelta(hours=1)):
        # An end that is over may stay as it is.
        later = browser_of(workspace, member.user)
        form = form_at(later, f"/app/deployments/{made.deployment.id}/settings")
        assert "Saved." in text(later.send(form))
    with tenant(workspace.id):
        assert not AuditEvent.objects.filter(action="deployment.changed").exists()


def test_the_servers_own_limits_are_named_where_a_field_is_empty(member: Browser, tab: str, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "sessions_per_ip": "70/3600", "visitor_messages": "20/10"}
    page = html.unescape(text(member.get(tab)))
    assert "Empty: this server's own, 70 in an hour." in page
    assert "Empty: this server's own, 120 in a minute, at most 20 of them in 10 seconds." in page
    assert "Empty: 8,000, as everywhere on this server." in page


def test_the_time_zone_of_the_end_is_said(member: Browser, tab: str) -> None:
    page = text(member.get(tab))
    assert "In UTC." in page
    assert "data-utc-local" in page


def test_environments_that_were_named_are_offered_and_shown_as_badges(
    member: Browser, workspace: Workspace, made: NewDeployment, tab: str
) -> None:
    factories.make_deployment(workspace, name="Other", label="staging")
    assert '<option value="staging">' in text(member.get(tab))
    form = form_at(member, tab)
    form["label"] = "production"
    member.send(form)
    deploy = text(member.get(f"/app/assistants/{made.deployment.assistant_id}/deploy"))
    assert '<span class="badge plain">production</span>' in deploy
    other = browser_of(stranger := factories.make_workspace(), factories.owner_of(stranger))
    theirs = factories.make_assistant(stranger)
    assert 'value="staging"' not in text(other.get(f"/app/assistants/{theirs.id}/deploy"))


def test_who_may_only_read_sees_the_settings_and_can_not_send_them(workspace: Workspace, tab: str) -> None:
    viewer = browser_of(workspace, factories.member(workspace, Role.VIEWER))
    page = viewer.get(tab)
    assert form_of(page, "/change").is_disabled
    assert not [button for form in forms_of(page) for button in form.buttons if button[0] == "use"]


def test_an_end_that_is_over_shuts_visitors_out_and_the_page_says_how_to_extend(
    member: Browser, workspace: Workspace
) -> None:
    ends = timezone.now() + dt.timedelta(hours=1)
    made = factories.make_deployment(workspace, expires_at=ends)
    overview = f"/app/deployments/{made.deployment.id}/"
    with time_machine.travel(ends + dt.timedelta(minutes=5)):
        later = browser_of(workspace, member.user)
        for path in (overview, f"/app/assistants/{made.deployment.assistant_id}/deploy"):
            page = html.unescape(text(later.get(path)))
            assert "Expired" in page
            assert "Its time was over" in page
            assert f"{overview}settings#id_expires_at" in page
        with pytest.raises(Problem) as refused:
            factories.start_session(made)
        assert refused.value.code == "token_expired"
        form = form_at(later, f"{overview}settings")
        form["expires_at"] = "2099-01-01T00:00"
        later.send(form)
        assert factories.start_session(made).created


def test_it_is_said_that_open_pages_learn_of_files_when_they_are_loaded_again(member: Browser, tab: str) -> None:
    words = "paper clip comes or goes when a page is loaded again."
    form = form_at(member, tab)
    form.values["files_on"] = ["on"]
    assert words in text(member.send(form))
    again = form_at(member, tab)
    again["name"] = "Shop three"
    assert words not in text(member.send(again))


def test_files_are_turned_on_and_off_and_shown_as_they_are(member: Browser, workspace: Workspace, tab: str) -> None:
    form = form_at(member, tab)
    assert "files_on" not in form.values
    form.values |= {"files_on": ["on"], "files_audio": ["on"], "files_size": ["2.5"]}
    assert "Saved." in text(member.send(form))
    assert stored(workspace).files == {
        "on": True,
        "kinds": ["images", "documents", "audio"],
        "max_bytes": 2_621_440,
    }
    with tenant(workspace.id):
        assert AuditEvent.objects.filter(action="deployment.changed").count() == 1
    again = form_at(member, tab)
    assert (again["files_on"], again["files_size"]) == ("on", "2.5")
    for kind in ("images", "documents", "audio"):
        del again.values[f"files_{kind}"]
    refused = member.send(again)
    assert refused.status_code == 422
    assert "Choose at least one kind, or turn files off." in text(refused)
    # Where the kinds are, not at the switch.
    assert 'id="id_files_images_error"' in text(refused)
    assert 'id="id_files_on_error"' not in text(refused)
    again = form_at(member, tab)
    del again.values["files_on"]
    member.send(again)
    assert stored(workspace).files["on"] is False


@pytest.mark.parametrize("size", [1, 17, 1000, 123_457, 1_048_577, 2_621_440, 9_999_999, 10_485_760])
def test_a_size_that_a_program_has_set_stays_as_it_is(
    member: Browser, workspace: Workspace, tab: str, size: int
) -> None:
    with tenant(workspace.id):
        Deployment.objects.update(files={"on": True, "kinds": ["images"], "max_bytes": size})
    form = form_at(member, tab)
    form["name"] = "Shop anew"
    assert "Saved." in text(member.send(form))
    assert stored(workspace).files["max_bytes"] == size
    # Typed anew, what the field shows is taken and near it.
    form = form_at(member, tab)
    form["files_size"] = f"{form['files_size']} "
    assert "Saved." in text(member.send(form))
    assert abs(stored(workspace).files["max_bytes"] - size) <= 110
