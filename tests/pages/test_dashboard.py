"""The first page: what is left to do, and the one click to a stranger's site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.test import Client

from tests import factories
from tests.pages.conftest import Browser, text
from workspaces.models import Workspace


def test_signed_out_it_is_the_sign_in_page(client: Client, db: None) -> None:
    assert "Sign in" in text(client.get("/", follow=True))


def test_an_empty_workspace_is_told_the_next_step(member: Browser) -> None:
    page = text(member.get("/"))
    assert "Three steps to the first answer" in page
    assert 'href="/app/assistants/new"' in page
    assert "See it on another site" not in page


def test_the_strangers_site_is_one_click_away_where_it_has_the_snippet(
    member: Browser, workspace: Workspace, settings: Any, tmp_path: Path
) -> None:
    made = factories.make_deployment(workspace)
    settings.LOCAL_DIR = tmp_path
    settings.STRANGER_SITE_URL = "http://127.0.0.1:8001"
    link = f'href="http://127.0.0.1:8001/demo/{made.deployment.id}"'
    assert link not in text(member.get("/"))
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / f"{made.deployment.id}.html").write_text("snippet")
    page = text(member.get("/"))
    assert link in page
    assert 'rel="noopener"' in page


def test_once_people_talk_it_shows_their_conversations(member: Browser, workspace: Workspace) -> None:
    factories.start_session(factories.make_deployment(workspace))
    page = text(member.get("/"))
    assert "Three steps" not in page
    assert "begun in 24 hours" in page
    assert page.count('class="inbox-row"') == 1


def test_what_is_not_built_is_not_in_the_menu(member: Browser) -> None:
    page = text(member.get("/"))
    assert "Billing" not in page
    for word in ("Overview", "Assistants", "Channels", "Conversations", "People", "Usage", "Settings"):
        assert word in page
