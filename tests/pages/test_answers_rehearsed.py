"""The rehearsal's bot on the tab Answers: chosen from a list, and left for one's own."""

from __future__ import annotations

import pytest

from deployments.responders.stand_in_bot import ADDRESSES, BOTS
from tests.pages.conftest import Browser, text, words
from tests.pages.test_answers_page import Page
from tests.pages.test_answers_webhook import SECRET, URL, chosen
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(member: Browser, workspace: Workspace) -> Page:
    return Page(member, workspace)


def test_each_is_offered_and_fills_in_its_address(page: Page) -> None:
    form = chosen(page, "")
    shown = text(page.member.get(page.path))
    assert all(one.label in shown for one in BOTS.values())
    form["webhook-stand_in"] = "stream"
    form = page.form(page.send(form, "webhook-stand_in"))
    assert (form["webhook-url"], form["webhook-stand_in"]) == (ADDRESSES["stream"], "stream")
    form["webhook-stand_in"] = ""
    assert page.form(page.send(form, "webhook-stand_in"))["webhook-url"] == ""
    assert "webhook" not in page.row().draft


def test_one_that_is_chosen_and_saved_at_once_is_asked_and_its_secret_shown(page: Page) -> None:
    form = chosen(page)
    form["webhook-stand_in"] = "busy"
    answer = page.send(form)
    assert SECRET.search(text(answer))
    assert "The rehearsal's knows it already." in words(answer)
    assert "Start the bot" not in words(answer)
    assert page.row().draft["webhook"] == {"url": ADDRESSES["busy"]}
    form = page.form()
    assert form["webhook-stand_in"] == "busy"
    # A form that is sent as it was shown changes nothing.
    page.send(form)
    assert page.row().draft["webhook"] == {"url": ADDRESSES["busy"]}


def test_an_address_that_is_typed_is_kept_whatever_is_chosen_beside_it(page: Page) -> None:
    form = chosen(page, ADDRESSES["json"])
    page.send(form)
    form = page.form()
    form["webhook-url"] = URL
    page.send(form)
    assert page.row().draft["webhook"] == {"url": URL}
    form = page.form()
    assert form["webhook-stand_in"] == ""
    form["webhook-stand_in"] = "nonsense"
    page.send(form)
    assert page.row().draft["webhook"] == {"url": URL}


def test_one_that_there_is_not_is_told_with_those_that_there_are(page: Page) -> None:
    answer = page.send(chosen(page, "https://bot.rehearsal.invalid/nobody"))
    assert answer.status_code == 422
    assert "The rehearsal has no such bot." in text(answer)
    assert "https://bot.rehearsal.invalid/nobody" in text(answer)
    assert "webhook" not in page.row().draft
