"""Reading from the web: what is fetched, what is not, and what is said of it."""

from __future__ import annotations

import datetime as dt
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.utils import timezone

from convoship.lib.outbound import http
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import doors
from deployments.knowledge import fetching, limits, rounds, sources
from deployments.knowledge.fetching import Had
from deployments.models import KnowledgeChunk, KnowledgeSource
from deployments.models.knowledge import PageStatus, SourceKind, SourceStatus
from tests import factories
from tests.knowledge.conftest import Reader, Site, help_page, moved, reader_in, reply

LONG = "Anything that was bought here can be sent back within sixty days, unused and in its packaging. " * 4


def sitemap(*addresses: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>{address}</loc></url>" for address in addresses) + "</urlset>"


def test_a_page_is_fetched_by_our_own_name_and_found_with_its_address(reader: Reader, site: Site) -> None:
    url = site.page("/returns", help_page("Returns", LONG))
    source = reader.add(sources.add_web, kind=SourceKind.PAGE, url=url)
    assert (source.status, source.reason, source.due_at) == (SourceStatus.READY, "", None)
    [page] = reader.pages(source)
    assert (page.title, page.status, page.language) == ("Returns", PageStatus.READY, "english")
    [passage] = reader.find("how long can I send something back?")
    assert (passage.title, passage.url) == ("Returns", url)
    assert "sixty days" in passage.text
    assert [path for path, _ in site.asked] == ["/robots.txt", "/returns"]
    assert all("ConvoshipKnowledge" in headers["user-agent"] for _, headers in site.asked)


def test_what_robots_forbid_us_is_not_fetched_and_that_is_said(reader: Reader, site: Site) -> None:
    site.page("/robots.txt", "User-agent: ConvoshipKnowledge\nDisallow: /private*\n", Content_Type="text/plain")
    url = site.page("/private/a", help_page("Private", LONG))
    source = reader.add(sources.add_web, kind=SourceKind.PAGE, url=url)
    assert source.status == SourceStatus.FAILED
    assert "robots.txt" in source.reason
    assert "ConvoshipKnowledge" in source.remedy
    assert site.paths() == []


def test_robots_that_can_not_be_asked_are_taken_for_a_no(reader: Reader, site: Site) -> None:
    site.pages["/robots.txt"] = lambda handler: reply(handler, b"", 503)
    source = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.page("/a", help_page("A", LONG)))
    assert source.status == SourceStatus.FAILED
    assert "503" in source.reason
    assert site.paths() == []


def test_a_redirect_is_followed_and_one_to_a_private_address_is_not(reader: Reader, site: Site) -> None:
    site.page("/new", help_page("New place", LONG))
    site.pages["/old"] = moved("/new")
    assert reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.url + "/old").status == SourceStatus.READY
    site.pages["/inside"] = moved("http://169.254.169.254/latest/meta-data/")
    inside = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.url + "/inside")
    assert inside.status == SourceStatus.FAILED
    assert "private network" in inside.reason
    site.pages["/round"] = moved("/round")
    assert "redirects" in reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.url + "/round").reason


def test_an_address_of_this_machine_is_not_fetched(reader: Reader, site: Site, settings: Any) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset()
    source = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.page("/a", help_page("A", LONG)))
    assert source.status == SourceStatus.FAILED
    assert site.asked == []


def test_an_answer_that_is_huge_or_never_ends_is_left(
    reader: Reader, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LARGEST_PAGE", 50_000)
    huge = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.page("/huge", "x" * 100_000))
    assert "larger than 48 KB" in huge.reason
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while not stop.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    site.pages["/slow"] = drip
    monkeypatch.setattr(fetching, "SECONDS", 0.5)
    try:
        slow = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.url + "/slow")
    finally:
        stop.set()
    assert "did not answer in time" in slow.reason
    assert http.TOTAL_SECONDS  # the guard's own end stands beside it


@pytest.mark.parametrize(
    ("status", "words"), [(404, "nothing at this address"), (403, "not open to everybody"), (500, "answers 500")]
)
def test_each_refusal_of_a_site_has_its_words(reader: Reader, site: Site, status: int, words: str) -> None:
    site.pages["/a"] = lambda handler: reply(handler, b"", status)
    source = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.url + "/a")
    assert source.status == SourceStatus.FAILED
    assert words in source.reason
    assert source.remedy


def test_a_picture_is_no_page_and_a_pdf_is_one(reader: Reader, site: Site) -> None:
    picture = reader.add(
        sources.add_web, kind=SourceKind.PAGE, url=site.page("/a.png", b"\x89PNG", Content_Type="image/png")
    )
    assert "image/png" in picture.reason
    text = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.page("/a.txt", LONG, Content_Type="text/plain"))
    assert text.status == SourceStatus.READY


def test_every_page_of_a_sitemap_stands_for_itself(reader: Reader, site: Site) -> None:
    good = site.page("/good", help_page("Good", LONG))
    twin = site.page("/twin", help_page("Good", LONG))
    hidden = site.page("/hidden", f'<meta name="robots" content="noindex"><main>{LONG}</main>')
    gone = site.url + "/gone"
    elsewhere = "http://elsewhere.example/page"
    site.page("/sitemap.xml", sitemap(good, good, twin, hidden, gone, elsewhere), Content_Type="application/xml")
    source = reader.add(sources.add_web, kind=SourceKind.SITEMAP, url=site.url + "/sitemap.xml")
    assert source.status == SourceStatus.PARTLY
    assert source.reason == "3 of 4 pages could not be read or were left out."
    found = {page.url: (page.status, page.reason) for page in reader.pages(source)}
    assert found[good] == (PageStatus.READY, "")
    assert found[twin] == (PageStatus.SKIPPED, f"It says the same as {good}.")
    assert found[hidden] == (PageStatus.SKIPPED, "The page says that it is not to be listed (noindex).")
    assert found[gone][0] == PageStatus.FAILED
    assert elsewhere not in found


def test_the_address_of_a_site_leads_to_its_sitemap_by_its_robots(reader: Reader, site: Site) -> None:
    one = site.page("/one", help_page("One", LONG))
    inner = site.page("/inner.xml", sitemap(one))
    site.page("/maps.xml", f"<sitemapindex><sitemap><loc>{inner}</loc></sitemap></sitemapindex>")
    site.page("/robots.txt", f"Sitemap: {site.url}/maps.xml\n", Content_Type="text/plain")
    source = reader.add(sources.add_web, kind=SourceKind.SITEMAP, url=site.url)
    assert source.status == SourceStatus.READY
    assert [page.url for page in reader.pages(source)] == [one]


def test_a_page_that_has_not_changed_is_asked_for_and_not_sent_again(reader: Reader, site: Site) -> None:
    site.page("/a", help_page("A", LONG), ETag='"one"')
    source = reader.add(sources.add_web, kind=SourceKind.PAGE, url=site.url + "/a", refetch_hours=24)
    assert source.due_at is not None
    assert timezone.now() + dt.timedelta(hours=23) < source.due_at < timezone.now() + dt.timedelta(hours=25)
    before = reader.find("sixty days")
    with tenant(reader.workspace.id):
        sources.refetch(reader.actor, reader.again(source))
    assert reader.read(source).status == SourceStatus.READY
    assert site.asked[-1][1]["if-none-match"] == '"one"'
    assert reader.find("sixty days") == before


def test_what_changed_is_found_and_what_is_listed_no_more_is_forgotten(reader: Reader, site: Site) -> None:
    one, two = (
        site.page("/one", help_page("One", LONG)),
        site.page("/two", help_page("Two", "Kayaks are rented. " * 20)),
    )
    site.page("/sitemap.xml", sitemap(one, two))
    source = reader.add(sources.add_web, kind=SourceKind.SITEMAP, url=site.url + "/sitemap.xml")
    assert reader.find("kayaks")
    site.page("/one", help_page("One", "Canoes are sold in the harbour. " * 20))
    site.page("/sitemap.xml", sitemap(one))
    with tenant(reader.workspace.id):
        sources.refetch(reader.actor, reader.again(source))
    reader.read(source)
    assert reader.find("canoe")[0].url == one
    assert reader.find("kayaks") == []


def test_a_page_that_fails_later_stays_to_be_found_and_one_that_is_gone_does_not(reader: Reader, site: Site) -> None:
    url = site.page("/a", help_page("A", LONG))
    source = reader.add(sources.add_web, kind=SourceKind.PAGE, url=url)

    def fetched_again() -> KnowledgeSource:
        with tenant(reader.workspace.id):
            sources.refetch(reader.actor, reader.again(source))
        return reader.read(source)

    site.pages["/a"] = lambda handler: reply(handler, b"", 500)
    assert fetched_again().status == SourceStatus.FAILED
    assert reader.find("sixty days")
    site.pages["/a"] = lambda handler: reply(handler, b"", 410)
    assert fetched_again().status == SourceStatus.FAILED
    assert reader.find("sixty days") == []


def test_a_long_round_goes_on_where_it_was_left(reader: Reader, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [site.page(f"/{number}", help_page(f"Page {number}", f"Number {number}. {LONG}")) for number in range(4)]
    site.page("/sitemap.xml", sitemap(*urls))
    with tenant(reader.workspace.id):
        source = sources.add_web(reader.actor, reader.assistant, kind=SourceKind.SITEMAP, url=site.url + "/sitemap.xml")
        KnowledgeSource.objects.filter(id=source.id).update(due_at=timezone.now() - dt.timedelta(minutes=1))
    assert (reader.workspace.id, source.id) in doors.due_knowledge(10)
    for number in range(1, 4):
        assert rounds.read(reader.workspace.id, source.id, until=0.0)
        assert reader.again(source).status == SourceStatus.WAITING
        assert len([page for page in reader.pages(source) if page.status == PageStatus.READY]) == number
    assert reader.read(source).status == SourceStatus.READY
    assert site.paths() == ["/sitemap.xml", "/0", "/1", "/2", "/3"]


def test_a_workspace_with_many_slow_sources_has_others_wait_for_one_of_them(
    reader: Reader, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "BATCH", 1)  # as where the first one takes all of a worker's time
    other = reader_in(factories.make_workspace(name="Another"))
    slow = [site.page(f"/slow/{number}", help_page(f"Page {number}", LONG)) for number in range(4)]
    site.page("/sitemap.xml", sitemap(*slow))
    ago = timezone.now() - dt.timedelta(hours=1)
    for where, urls, due in (
        (reader, [site.url + "/sitemap.xml", *slow], ago),
        (other, [site.page("/other", help_page("Other", LONG))], ago + dt.timedelta(minutes=30)),
    ):
        with tenant(where.workspace.id):
            for url in urls:
                kind = SourceKind.SITEMAP if url.endswith("xml") else SourceKind.PAGE
                sources.add_web(where.actor, where.assistant, kind=kind, url=url)
            KnowledgeSource.objects.update(due_at=due)
    for _ in range(2):
        rounds.read_due()
    assert "/other" in site.paths()
    assert doors.due_knowledge(20)[0][0] == reader.workspace.id


def test_a_claim_keeps_others_away_until_it_runs_out_and_a_dead_worker_is_not_waited_for_forever(
    reader: Reader, site: Site
) -> None:
    with tenant(reader.workspace.id):
        source = sources.add_web(
            reader.actor, reader.assistant, kind=SourceKind.PAGE, url=site.page("/a", help_page("A", LONG))
        )
        rows = KnowledgeSource.objects.filter(id=source.id)
        minute = dt.timedelta(minutes=1)
        rows.update(due_at=timezone.now() - minute, leased_until=timezone.now() + minute)
    assert not rounds.read(reader.workspace.id, source.id)
    assert (reader.workspace.id, source.id) not in doors.due_knowledge(10)
    with tenant(reader.workspace.id):
        rows.update(leased_until=timezone.now() - dt.timedelta(seconds=1), attempts=rounds.MOST_ATTEMPTS)
    assert rounds.read(reader.workspace.id, source.id)
    stopped = reader.again(source)
    assert (stopped.status, stopped.due_at) == (SourceStatus.FAILED, None)
    assert "stopped" in stopped.reason


def test_a_source_that_is_removed_while_it_is_read_leaves_nothing(
    reader: Reader, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant(reader.workspace.id):
        source = sources.add_web(
            reader.actor, reader.assistant, kind=SourceKind.PAGE, url=site.page("/a", help_page("A", LONG))
        )
    real = Had

    def removed_meanwhile(*what: Any) -> Had:
        with tenant(reader.workspace.id):
            sources.remove(reader.actor, KnowledgeSource.objects.get(id=source.id))
        return real(*what)

    monkeypatch.setattr(fetching, "Had", removed_meanwhile)
    assert rounds.read(reader.workspace.id, source.id)
    assert site.paths() == ["/a"]
    with tenant(reader.workspace.id):
        assert not KnowledgeSource.objects.exists()
        assert not KnowledgeChunk.objects.exists()


def test_an_assistant_knows_so_many_pages_and_characters_and_no_more(reader: Reader, site: Site, settings: Any) -> None:
    urls = [site.page(f"/{number}", help_page(f"Page {number}", f"Number {number}. {LONG}")) for number in range(4)]
    site.page("/sitemap.xml", sitemap(*urls))
    settings.LIMITS = {**settings.LIMITS, "knowledge_pages": 3, "knowledge_characters": 900}
    source = reader.add(sources.add_web, kind=SourceKind.SITEMAP, url=site.url + "/sitemap.xml")
    pages = reader.pages(source)
    assert len(pages) == 3
    assert [page.status for page in pages] == [PageStatus.READY, PageStatus.READY, PageStatus.SKIPPED]
    assert "it may hold 900 characters" in pages[-1].reason
    with pytest.raises(Problem, match="takes no more"), tenant(reader.workspace.id):
        sources.add_text(reader.actor, reader.assistant, title="More", text="More")
