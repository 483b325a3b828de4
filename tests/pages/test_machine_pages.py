"""Pages about the machine: health, and the mailbox of a machine that sends no mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.mail import EmailMessage, get_connection
from django.db import OperationalError, connection
from django.test import Client

from channels_app import beats
from tests.pages.conftest import text

FILES = "django.core.mail.backends.filebased.EmailBackend"


@pytest.fixture
def mailbox(settings: Any, tmp_path: Path) -> Path:
    settings.LOCAL_MAILBOX = True
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    return tmp_path / "mail"


def send(*subjects: str) -> None:
    mails = [EmailMessage(s, "See http://127.0.0.1:8000/x/?a=1 <b>bold</b>", to=["eve@example.com"]) for s in subjects]
    get_connection(FILES).send_messages(mails)


def test_alive_needs_nothing(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, text(answer)) == (200, "ok\n")


def test_ready_names_what_it_asked(client: Client, db: None) -> None:
    beats.note(uuid4(), worked=True)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    checks = {"database": "ok", "redis": "ok", "worker": "ok", "outbox": "ok"}
    assert answer.json() == {"status": "ready", "checks": checks}


def test_not_ready_names_what_is_away(client: Client, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = {"database": "ok", "redis": "does not answer", "worker": "is not running", "outbox": "ok"}
    assert answer.json()["checks"] == checks

    def no_cursor(*args: object) -> None:
        raise OperationalError("secret host")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", no_cursor)
        answer = client.get("/readyz")
        health = client.get("/healthz/worker")
    assert answer.json()["checks"]["database"] == "does not answer"
    assert answer.json()["checks"]["worker"] == "nobody knows"
    assert (health.status_code, health.json()) == (503, {"status": "unknown"})
    assert "secret" not in text(answer)


def test_mails_are_listed_newest_first_and_shown_with_links_and_no_markup(
    client: Client, db: None, mailbox: Path
) -> None:
    assert "No mail yet" in text(client.get("/mailbox/"))
    send("First", "Zweite: Grüße")
    page = text(client.get("/mailbox/"))
    assert "First" in page
    assert "Zweite: Grüße" in page
    path = page.split('href="/mailbox/')[1].split('"')[0]
    mail = text(client.get(f"/mailbox/{path}"))
    assert '<a href="http://127.0.0.1:8000/x/?a=1"' in mail
    assert "&lt;b&gt;bold" in mail


@pytest.mark.parametrize(
    "extra",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "http"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"REMOTE_ADDR": ""},
    ],
)
def test_the_mailbox_is_for_this_machine_alone(client: Client, db: None, mailbox: Path, extra: dict[str, str]) -> None:
    send("Private")
    assert client.get("/mailbox/", **extra).status_code == 404  # type: ignore[arg-type]


def test_without_make_run_there_is_no_mailbox(client: Client, db: None) -> None:
    assert client.get("/mailbox/").status_code == 404


def test_no_path_leads_out_of_the_mailbox(client: Client, db: None, mailbox: Path) -> None:
    huge = "20260101-000000-1-" + "9" * 5000
    for name in ("..%2f..%2fetc-0", "20260101-000000-1-0", "x", "20260101-000000-1-99999999", huge):
        assert client.get(f"/mailbox/{name}/").status_code == 404
