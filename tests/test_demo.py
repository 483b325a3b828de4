"""The ready workspace of `make run`, and `manage.py demo`."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from convoship import demo
from convoship.lib import prepared
from convoship.lib.tenancy import tenant
from convoship.machine import ports
from deployments import deploying, sessions, visits
from deployments.models import Assistant, Deployment
from deployments.sessions import SessionRequest
from deployments.visits import VisitorMessage
from deployments.words import say
from tests import factories
from workspaces.members import actor_of
from workspaces.models import AuditEvent, Membership, User

pytestmark = pytest.mark.django_db

STRANGER = "http://127.0.0.1:8001"


@pytest.fixture(autouse=True)
def machine(settings: Any, tmp_path: Path) -> Path:
    """A folder of its own, and a stranger's site."""
    settings.LOCAL_DIR = tmp_path / "local"
    settings.STRANGER_SITE_URL = STRANGER
    return tmp_path / "local"


def run(name: str, *options: str) -> dict[str, Any]:
    """The command's answer, which has to be one JSON object."""
    out = io.StringIO()
    call_command(name, "--json", *options, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def only_deployment(workspace_id: str) -> Deployment:
    with tenant(UUID(workspace_id)):
        return Deployment.objects.get()


def token_in(machine: Path, deployment_id: str) -> str:
    found = demo._TOKEN.search((machine / "stranger" / f"{deployment_id}.html").read_text())
    assert found is not None
    return found[0]


def opens(token: str, deployment: Deployment, origin: str = STRANGER) -> str:
    request = SessionRequest(agent_id=deployment.assistant_id)
    return sessions.start(token, factories.caller(origin), request).session.conversation.status


def test_ready_makes_a_workspace_whose_widget_answers_on_the_strangers_site(machine: Path) -> None:
    ready = run("ready")
    assert ready["sign_in_url"].startswith("http://127.0.0.1:8000/sign-in/")
    assert ready["demo_page"] == f"{STRANGER}/demo/{ready['deployment_id']}"
    deployment = only_deployment(ready["workspace_id"])
    assert deployment.allowed_origins == [STRANGER, "http://localhost:8001"]
    token = token_in(machine, ready["deployment_id"])
    assert opens(token, deployment) == opens(token, deployment, "http://localhost:8001") == "active"
    path = machine / "stranger" / f"{ready['deployment_id']}.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == deploying.snippet(deployment.assistant_id, token)


def test_the_link_signs_in_once_and_the_owner_has_no_password() -> None:
    ready = run("ready")
    owner = User.objects.get(email=ready["email"])
    assert not owner.has_usable_password()
    assert not owner.is_staff
    path = ready["sign_in_url"].removeprefix("http://127.0.0.1:8000")
    assert Client().get(path).status_code in {200, 302}


def test_a_second_start_makes_nothing_new_but_a_link(machine: Path) -> None:
    first, second = run("ready"), run("ready")
    assert first.pop("sign_in_url") != second.pop("sign_in_url")
    assert first == second
    deployment = only_deployment(first["workspace_id"])
    assert deployment.tokens.model is not None
    with tenant(deployment.workspace_id):
        assert deployment.tokens.count() == 1
        assert Assistant.objects.count() == 1
        assert not AuditEvent.objects.filter(action="deployment.changed").exists()


def test_a_strangers_site_on_another_port_is_allowed_instead_and_added_origins_stay(
    machine: Path, settings: Any
) -> None:
    ready = run("ready")
    deployment = only_deployment(ready["workspace_id"])
    owner = actor_of(User.objects.get(email=ready["email"]), "owner")
    with tenant(deployment.workspace_id):
        origins = [*deployment.allowed_origins, "https://mine.example"]
        deploying.change(owner, Deployment.objects.get(), {"allowed_origins": origins})
    settings.STRANGER_SITE_URL = "http://127.0.0.1:9001"
    token = token_in(machine, ready["deployment_id"])
    assert run("ready")["demo_page"].startswith("http://127.0.0.1:9001/demo/")
    now = only_deployment(ready["workspace_id"])
    assert now.allowed_origins == ["https://mine.example", "http://127.0.0.1:9001", "http://localhost:9001"]
    assert token_in(machine, ready["deployment_id"]) == token


def test_another_address_of_ours_is_written_into_the_snippet_with_the_same_token(machine: Path, settings: Any) -> None:
    ready = run("ready")
    token = token_in(machine, ready["deployment_id"])
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:8123"
    assert run("ready")["sign_in_url"].startswith("http://127.0.0.1:8123/")
    text = (machine / "stranger" / f"{ready['deployment_id']}.html").read_text()
    assert "apiUrl: 'http://127.0.0.1:8123'" in text
    assert token in text


def test_a_lost_snippet_gets_a_new_token_and_the_old_one_goes_on(machine: Path) -> None:
    ready = run("ready")
    deployment = only_deployment(ready["workspace_id"])
    before = token_in(machine, ready["deployment_id"])
    (machine / "stranger" / f"{ready['deployment_id']}.html").unlink()
    assert run("ready")["deployment_id"] == ready["deployment_id"]
    after = token_in(machine, ready["deployment_id"])
    assert after != before
    assert opens(before, deployment) == opens(after, deployment) == "active"


def test_a_revoked_deployment_and_a_deleted_assistant_are_made_anew() -> None:
    ready = run("ready")
    deployment = only_deployment(ready["workspace_id"])
    owner = actor_of(User.objects.get(email=ready["email"]), "owner")
    with tenant(deployment.workspace_id):
        deploying.revoke(owner, Deployment.objects.get())
    again = run("ready")
    assert again["deployment_id"] != ready["deployment_id"]
    assert again["assistant_id"] == ready["assistant_id"]
    with tenant(deployment.workspace_id):
        Assistant.objects.all().delete()
    third = run("ready")
    assert third["assistant_id"] != ready["assistant_id"]
    assert third["workspace_id"] == ready["workspace_id"]


def test_demo_prints_all_that_a_program_needs_and_makes_another_each_time() -> None:
    first, second = run("demo"), run("demo")
    assert list(first) == [
        "base_url",
        "workspace_id",
        "email",
        "password",
        "api_key",
        "assistant_id",
        "deployment_id",
        "deployment_token",
        "allowed_origins",
        "demo_page",
    ]
    for name in ("workspace_id", "email", "password", "api_key", "assistant_id", "deployment_id", "deployment_token"):
        assert first[name] != second[name]
    assert not User.objects.filter(is_staff=True).exists()


def test_before_the_database_is_ready_demo_says_what_to_do_and_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    applied = MigrationRecorder.applied_migrations

    def all_but_two(self: MigrationRecorder) -> Any:
        return dict([*applied(self).items()][:-2])

    with monkeypatch.context() as patch:
        patch.setattr(MigrationRecorder, "applied_migrations", all_but_two)
        with pytest.raises(CommandError, match="2 migrations of the database are still to come"):
            call_command("demo", "--json", "--wait", "0")

    def cannot(self: MigrationRecorder) -> Any:
        raise OperationalError('relation "django_migrations" does not exist\nLINE 1')

    with monkeypatch.context() as patch:
        patch.setattr(MigrationRecorder, "applied_migrations", cannot)
        with pytest.raises(CommandError, match="can't be read") as refused:
            call_command("demo", "--json", "--wait", "0.1")
    assert refused.value.returncode == 1
    assert not User.objects.exists()


def test_demo_waits_until_the_database_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(["1 migration", "1 migration", ""])
    monkeypatch.setattr(prepared, "lacking", lambda: next(looks))
    monkeypatch.setattr(prepared, "_LOOK_EVERY", 0.01)
    assert run("demo")["workspace_id"]


def test_the_demos_key_token_and_password_open_what_they_should(client: Client) -> None:
    made = run("demo")
    me = client.get("/v1/me", headers={"Authorization": f"Bearer {made['api_key']}"}).json()
    assert me["workspace"]["id"] == made["workspace_id"]
    deployment = only_deployment(made["workspace_id"])
    assert str(deployment.assistant_id) == made["assistant_id"]
    assert made["allowed_origins"] == deployment.allowed_origins
    assert opens(made["deployment_token"], deployment, made["allowed_origins"][0]) == "active"
    owner = User.objects.get(email=made["email"])
    assert owner.check_password(made["password"])
    with tenant(deployment.workspace_id):
        assert Membership.objects.get(user=owner).role == "owner"
        assert Assistant.objects.select_related("published").get().published is not None


async def test_the_demos_assistant_answers_hello() -> None:
    from deployments import trying
    from deployments.responders.templates import TEMPLATES

    tried = await trying.try_once(
        trying.Setting({"responder": "scripted", "scripted": TEMPLATES[demo.TEMPLATE].content()}), "hello"
    )
    assert tried.trace["intent"] == "Greeting"


@pytest.mark.django_db(transaction=True)
async def test_where_no_model_is_served_the_demo_by_a_model_has_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from convoship.lib.threads import in_thread
    from deployments import trying
    from deployments.models import KnowledgeSource

    monkeypatch.setenv("CONVOSHIP_MODEL_PORT", str(ports.free()))
    made = await in_thread(run, "demo", "--model")

    def published() -> Any:
        with tenant(UUID(made["workspace_id"])):
            assert KnowledgeSource.objects.get().title == "Parcels and returns"
            version = Assistant.objects.select_related("published").get().published
            assert version is not None
            return version.content

    content = await in_thread(published)
    assert (content["responder"], content["llm"]["preset"]) == ("llm", "rehearsal")
    tried = await trying.try_once(trying.Setting(content), "Where is my parcel?")
    assert "You said: “Where is my parcel?”" in tried.replies[0].text
    assert tried.trace["model"] == "stand-in"


def test_while_nobody_is_there_the_demos_assistant_promises_nobody(machine: Path) -> None:
    made = run("demo")
    deployment = only_deployment(made["workspace_id"])
    caller = factories.caller(STRANGER)
    opened = sessions.start(made["deployment_token"], caller, SessionRequest(agent_id=deployment.assistant_id))
    with tenant(deployment.workspace_id):
        Membership.objects.update(away_since=timezone.now())
    visit = visits.resolve(opened.token, opened.session.id)
    posted = visits.post(visit, caller, VisitorMessage("c1", "I want to talk to a person"))
    assert [reply.text for reply in posted.replies] == [
        "Of course. What you told me goes along, so you needn't repeat it.",
        say("closed_wait", "en", within="5 minutes"),
        say("ask_email", "en"),
    ]


def test_without_a_strangers_site_the_deployment_is_for_our_own_address(settings: Any) -> None:
    settings.STRANGER_SITE_URL = ""
    made = run("demo")
    assert made["demo_page"] is None
    assert made["allowed_origins"] == ["http://127.0.0.1:8000", "http://localhost:8000"]
