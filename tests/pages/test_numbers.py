"""The Numbers tab: what it shows, in words too, and what it gives as a file."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import figures, tallies, visits
from deployments.deploying import NewDeployment
from deployments.figures import PERIODS, Figures
from deployments.models import Conversation
from deployments.pages import bars, numbers
from deployments.visits import VisitorMessage
from tests import factories
from tests.pages.conftest import Browser, text
from workspaces.models import Workspace


@pytest.fixture
def made(workspace: Workspace) -> NewDeployment:
    return factories.make_deployment(workspace, origins=("https://shop.example", "https://blog.example"))


def tab(made: NewDeployment, more: str = "") -> str:
    return f"/app/deployments/{made.deployment.id}/numbers{more}"


def talk(made: NewDeployment, origin: str = "https://shop.example", *, person: bool = False) -> None:
    """A visitor says something and ends the conversation."""
    opened = factories.start_session(made, origin)
    visit = visits.resolve(opened.token, opened.session.id)
    visits.post(visit, factories.caller(origin), VisitorMessage("m", "hello"))
    if person:
        visits.ask_for_person(visit, factories.caller(origin), "")
    visits.end(visit, factories.caller(origin))


def plain(answer: Any) -> str:
    """The page's words in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text(answer))).replace("\N{NO-BREAK SPACE}", " ").split())


def test_nothing_yet_says_so_and_leads_to_installing(member: Browser, made: NewDeployment) -> None:
    answer = member.get(tab(made))
    assert "No conversations yet" in plain(answer)
    assert f"/app/deployments/{made.deployment.id}/install" in text(answer)
    assert "<svg viewBox" not in text(answer)
    assert "No page of an origin that isn't allowed now was turned away" in plain(answer)


def test_the_numbers_their_course_and_their_meaning(member: Browser, made: NewDeployment) -> None:
    for person in (False, False, False, True):
        talk(made, person=person)
    talk(made, "https://blog.example")
    answer = member.get(tab(made))
    page = plain(answer)
    assert re.search(r"Conversations 5 none in the 7 days before", page)
    assert "Answered without a person 80 %" in page
    assert "those where nobody asked for a person and no person joined" in page
    assert re.search(r"https://shop.example 4 \d+ 75 % 0", page)
    assert page.index("https://shop.example") < page.index("https://blog.example")
    assert 'role="img"' in text(answer)
    assert "Conversations by day, the most 5" in text(answer)
    assert text(answer).count('<rect class="bars-bar"') == 3, "no bar for errors, of which there are none"
    styles = (settings.BASE_DIR / "static" / "app" / "css" / "numbers.css").read_text()
    shown = dict(re.findall(r"^\.(bars-\w+) {([^}]*)}", styles, re.MULTILINE))
    assert "transparent" in shown["bars-touch"], "a day with nothing is no bar, of whatever colour"
    assert set(re.findall(r'<rect class="([\w-]+)"', text(answer))) == {"bars-base", "bars-touch", "bars-bar"}
    assert "Times are UTC" in page


def test_each_period_is_a_click_away_and_a_made_up_one_is_the_usual(member: Browser, made: NewDeployment) -> None:
    talk(made)
    for key, period in PERIODS.items():
        page = text(member.get(tab(made, f"?period={key}")))
        assert re.search(rf'href="\?period={key}"\s+aria-current="page"', page)
        assert page.count('<rect class="bars-touch"') == 4 * period.steps
    for odd in ("1y", "%00", "7d'--", ""):
        assert 'href="?period=7d"\n             aria-current="page"' in text(member.get(tab(made, f"?period={odd}")))


def test_who_was_turned_away_is_told(member: Browser, made: NewDeployment) -> None:
    talk(made)
    for _ in range(3):
        tallies.refused(made.deployment.workspace_id, made.deployment.id, "https://x.example", "host_not_listed", "")
    tallies.flush()
    page = plain(member.get(tab(made)))
    assert "Pages of 1 origin that isn't allowed were turned away" in page
    assert "it has asked 3 times" in page


def test_the_tables_are_files(member: Browser, made: NewDeployment) -> None:
    talk(made)
    talk(made, person=True)
    answer = member.get(tab(made, ".csv?period=7d&table=origin"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.search(r'attachment; filename="numbers-[0-9a-f]{8}-7d-by-origin\.csv"', answer["Content-Disposition"])
    rows = list(csv.DictReader(io.StringIO(text(answer))))
    assert [(row["origin"], row["conversations"], row["over"], row["without_a_person_percent"]) for row in rows] == [
        ("https://shop.example", "2", "2", "50.0")
    ]
    hours = list(csv.DictReader(io.StringIO(text(member.get(tab(made, ".csv?period=24h"))))))
    assert len(hours) == 24
    assert sum(int(row["conversations"]) for row in hours) == 2
    assert hours[-1]["from"] == timezone.now().strftime("%Y-%m-%dT%H:00:00.000Z")
    assert member.get(tab(made, ".csv?table=people")).status_code == 404


def test_a_long_list_of_origins_is_cut_and_the_file_is_not(
    member: Browser, made: NewDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(made)
    with tenant(made.deployment.workspace_id):
        row = Conversation.objects.get()
        for number in range(52):
            row.pk, row.origin = None, f"https://s{number}.example"
            row._state.adding = True
            row.id = Conversation().id
            row.save()
    page = plain(member.get(tab(made)))
    assert "And 3 more with fewer conversations" in page
    assert text(member.get(tab(made, ".csv?table=origin"))).count("https://") == 53


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (0, 0, "as in the 7 days before"),
        (4, 0, "none in the 7 days before"),
        (4, 4, "as many as in the 7 days before"),
        (6, 4, "50 % more than the 4 in the 7 days before"),
        (3, 4, "25 % fewer than the 4 in the 7 days before"),
        (0, 1200, "100 % fewer than the 1,200 in the 7 days before"),
        (60, 2, "30 times the 2 in the 7 days before"),
    ],
)
def test_a_change_is_told_in_words(now: int, before: int, words: str) -> None:
    said = numbers.count_change(now, before, PERIODS["7d"])
    assert said.replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (0.8, None, "no conversation to compare in the 24 hours before"),
        (None, 0.5, "50 % in the 24 hours before"),
        (0.804, 0.8, "as in the 24 hours before"),
        (0.81, 0.8, "1 point up from the 24 hours before"),
        (0.2, 0.8, "60 points down from the 24 hours before"),
    ],
)
def test_a_change_of_a_share_is_told_in_points(now: float | None, before: float | None, words: str) -> None:
    assert numbers.share_change(now, before, PERIODS["24h"]).replace("\N{NO-BREAK SPACE}", " ") == words


def test_the_smallest_bar_can_be_seen_and_nothing_is_no_bar() -> None:
    at = timezone.now()
    chart = bars.drawn("Messages", [(at, 0, "0"), (at, 1, "1"), (at, 100_000, "100,000")], hourly=False)
    assert [bar.height for bar in chart.bars] == [0, 2, 100]
    assert [bar.y for bar in chart.bars] == [100, 98, 0]


def test_a_deployments_week_fits_on_a_line(workspace: Workspace, made: NewDeployment) -> None:
    talk(made)
    with tenant(workspace.id):
        found = figures.of_many([made.deployment.id])[made.deployment.id]
        line = render_to_string("deployments/numbers_line.html", {"deployment": made.deployment, "figures": found})
        none = render_to_string("deployments/numbers_line.html", {"deployment": made.deployment, "figures": Figures()})
    said = " ".join(re.sub(r"<[^>]+>", "", line).replace("\N{NO-BREAK SPACE}", " ").split())
    assert re.fullmatch(r"Last 7 days of Shop: 1 conversation, \d messages, 100 % answered without a person", said)
    assert "no conversations" in none
