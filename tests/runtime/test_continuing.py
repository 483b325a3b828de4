"""The link of a mail opens one conversation, once, on a page of ours, and lets that page into it from then on."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, deploying, handoff, people, reply_links, reply_mails
from deployments.identity import Verified
from deployments.models import Conversation, Deployment, PreviewToken, ReplyMail, VisitorSession
from tests import factories
from tests.pages.conftest import form_of, text, words
from tests.runtime import test_reply_mail
from tests.runtime.conftest import Site, act
from tests.runtime.test_reply_mail import LINK
from tests.widget.conftest import Socket
from workspaces.models import Workspace

many_mails = test_reply_mail.many_mails
USER = {"email": "grace@navy.example"}


def answer_by_mail(site: Site, session: Any, said: str = "Your parcel is in Kiel.") -> str:
    """A member answers, nobody reads it, and it is mailed: the path of the link."""
    mail.outbox.clear()
    with tenant(site.workspace_id):
        workspace = Workspace.objects.get(id=site.workspace_id)
        row = conversations.lock(session["session"]["conversation_id"])
        handoff.reply(factories.actor(workspace), factories.owner_of(workspace), row, said, None)
        ReplyMail.objects.filter(state="queued").update(due_at=timezone.now() - dt.timedelta(minutes=1))
    assert reply_mails.send_due() == 1
    found = LINK.search(str(mail.outbox[0].body))
    assert found
    return f"/continue/{found[1]}"


async def mailed(site: Site, **start: Any) -> tuple[Any, str]:
    """A visitor's session, and the path of the link that they were mailed."""
    session = (await site.start(user=USER, **start)).data
    return session, await in_thread(answer_by_mail, site, session)


async def browse(act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Load a page, from an address of its own, so that no limit is met by accident."""
    kwargs = {"REMOTE_ADDR": factories.caller().ip, **kwargs}
    return await in_thread(lambda: act(*args, **kwargs))


def token_in(page: Any) -> str:
    return text(page).split('data-token="')[1].split('"')[0]


async def test_looking_at_the_link_spends_nothing_and_pressing_the_button_spends_it(site: Site) -> None:
    session, path = await mailed(site)
    browser = Client()
    for _ in range(3):  # a mail scanner
        page = await browse(Client().get, path)
        assert page.status_code == 200
        assert "Continue the conversation" in words(page)
        assert "data-token" not in text(page)
        assert await browse(Client().head, path)
    form = form_of(page, path)
    opened = await browse(browser.post, form.action, form.values)
    assert opened.status_code == 200
    assert token_in(opened).startswith("cpt_")
    for header, value in (("X-Robots-Tag", "noindex, nofollow"), ("Referrer-Policy", "no-referrer")):
        assert page[header] == opened[header] == value
    assert "no-store" in opened["Cache-Control"]
    cookie = browser.cookies["convoship_continued"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (path, True, "Lax")

    other = await browse(Client().post, path)
    assert (other.status_code, "data-token" in text(other)) == (410, False)
    assert "used already" in words(other)
    assert "used already" in words(await browse(Client().get, path))
    assert session["session_token"] not in text(opened)


async def test_the_same_browser_may_load_the_page_again_for_a_day(site: Site) -> None:
    _, path = await mailed(site)
    browser = Client()
    await browse(browser.post, path)
    for load in (browser.get, browser.post):
        assert "data-token" in text(await browse(load, path))
    with time_machine.travel(timezone.now() + dt.timedelta(hours=25), tick=False):
        assert "used already" in words(await browse(browser.get, path))
    browser.cookies["convoship_continued"] = "forged:mark"
    assert "used already" in words(await browse(browser.get, path))


async def test_the_mark_of_one_link_opens_no_other(site: Site) -> None:
    _, first = await mailed(site)
    _, second = await mailed(site)
    browser, thief = Client(), Client()
    await browse(browser.post, first)
    await browse(Client().post, second)
    thief.cookies["convoship_continued"] = browser.cookies["convoship_continued"].value
    assert "data-token" not in text(await browse(thief.get, second))


async def continued(site: Site, path: str) -> Any:
    """What the widget on the opened page begins with; from here on the site's calls come from our own origin."""
    token = token_in(await browse(Client().post, path))
    site.origin = settings.PUBLIC_BASE_URL
    assert (await site.call("GET", f"/config?agent_id={site.agent_id}", token)).status_code == 200
    page = {"url": f"{settings.PUBLIC_BASE_URL}{path}", "referrer": f"{settings.PUBLIC_BASE_URL}{path}"}
    body = {"agent_id": site.agent_id, "visitor_id": "another browser", "page": page}
    return await site.call("POST", "/sessions", token, body)


async def test_the_widget_on_that_page_goes_on_with_this_very_conversation(site: Site) -> None:
    session, path = await mailed(site)
    await site.say(session, "hello")
    opened = await continued(site, path)
    assert opened.status_code == 200
    assert opened.data["session"]["id"] == session["session"]["id"]
    assert opened.data["session_token"] != session["session_token"]
    assert "Your parcel is in Kiel." in [message["text"] for message in opened.data["messages"]]
    assert (await site.say(opened.data, "Thank you!")).status_code == 201
    # The browser that began it keeps its own right, on its own page.
    site.origin = "https://shop.example"
    assert (await site.say(session, "Here, too.")).status_code == 201

    def look() -> None:
        with tenant(site.workspace_id):
            row = Conversation.objects.get()
            assert not row.is_test
            assert row.page_now == {}  # the link is a key, and stands nowhere
            assert VisitorSession.objects.get().continued_at

    await in_thread(look)


async def test_our_own_origin_is_let_in_by_http_and_socket_once_it_was_continued(site: Site) -> None:
    session, path = await mailed(site)
    site.origin = settings.PUBLIC_BASE_URL
    assert (await site.say(session, "not yet")).data["code"] == "origin_not_allowed"
    opened = (await continued(site, path)).data
    socket = Socket.of(opened, origin=settings.PUBLIC_BASE_URL)
    await socket.open(opened)
    await socket.disconnect()
    site.origin = "https://elsewhere.example"
    assert (await site.say(opened, "from elsewhere")).data["code"] == "origin_not_allowed"


async def test_the_pages_token_opens_nothing_elsewhere_and_nothing_else(site: Site) -> None:
    session, path = await mailed(site)
    token = token_in(await browse(Client().post, path))
    body = {"agent_id": site.agent_id}
    assert (await site.call("POST", "/sessions", token, body)).data["code"] == "origin_not_allowed"
    other = (await site.start(user={"email": "hopper@navy.example"})).data
    site.origin = settings.PUBLIC_BASE_URL
    resumed = await site.call("POST", "/sessions", token, body | {"resume": other["session_token"]})
    assert resumed.data["session"]["id"] == session["session"]["id"]
    claimed = await site.call("POST", "/sessions", token, body | {"user": {"email": "hopper@navy.example"}})
    assert claimed.data["session"]["id"] == session["session"]["id"]
    path = f"/sessions/{other['session']['id']}"
    assert (await site.call("GET", path, claimed.data["session_token"])).status_code == 404


async def test_the_pages_token_ends_after_fifteen_minutes_and_with_the_conversation(site: Site) -> None:
    session, path = await mailed(site)
    token = token_in(await browse(Client().post, path))
    site.origin = settings.PUBLIC_BASE_URL
    body = {"agent_id": site.agent_id}
    await in_thread(end, site, session)
    refused = await site.call("POST", "/sessions", token, body)
    assert (refused.status_code, refused.data["code"]) == (409, "conversation_ended")

    def age() -> None:
        with tenant(site.workspace_id):
            PreviewToken.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))

    await in_thread(age)
    assert (await site.call("POST", "/sessions", token, body)).data["code"] == "token_expired"


def end(site: Site, session: Any) -> None:
    with tenant(site.workspace_id):
        conversations.end(conversations.lock(session["session"]["conversation_id"]), "completed", "Over.", "")


async def test_an_ended_conversation_a_revoked_site_and_an_old_link_say_so(site: Site) -> None:
    session, path = await mailed(site, page={"url": "https://shop.example/cart?step=2"})
    with time_machine.travel(timezone.now() + dt.timedelta(days=8), tick=False):
        assert "too old" in words(await browse(Client().get, path))
        assert "data-token" not in text(await browse(Client().post, path))
    await act(site, deploying.pause)
    assert (await browse(Client().get, path)).status_code == 503
    await act(site, deploying.resume)
    await in_thread(end, site, session)
    page = await browse(Client().post, path)
    assert page.status_code == 410
    assert "This conversation has ended" in words(page)
    assert "https://shop.example/cart?step=2" in text(page)
    await act(site, deploying.revoke)
    assert "This chat is closed" in words(await browse(Client().get, path))


@pytest.mark.parametrize("way", ["", "/stop"])
async def test_a_forged_link_is_a_plain_page(site: Site, way: str) -> None:
    _, path = await mailed(site)
    code = path.removeprefix("/continue/")
    name, _, signature = code.partition(".")
    other = ReplyMail().id
    for forged in (
        "x",
        code[:-1],
        code + "a",
        f"{name}.{signature[::-1]}",
        "%00",
        "a" * 5000,
        reply_links.code_of(other),
    ):
        for browse_as in (Client().get, Client().post):
            page = await browse(browse_as, f"/continue/{forged}{way}")
            assert page.status_code == 404
            assert "not whole" in words(page)


async def test_links_are_opened_only_so_often_from_one_address(site: Site, settings: Any) -> None:
    _, path = await mailed(site)
    settings.LIMITS = {**settings.LIMITS, "continue_pages": "2/60"}
    answers = [await browse(Client().get, path, REMOTE_ADDR="198.51.100.77") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"]
    assert "Wait a minute" in words(answers[2])


async def test_mails_are_stopped_however_many_links_were_opened_from_that_address(site: Site, settings: Any) -> None:
    _, path = await mailed(site)
    settings.LIMITS = {**settings.LIMITS, "continue_pages": "1/60", "mail_stops": "2/60"}
    address = {"REMOTE_ADDR": "198.51.100.78"}
    opened = [await browse(Client().get, path, **address) for _ in range(2)]
    assert [answer.status_code for answer in opened] == [200, 429]
    stops = [await browse(Client().post, path + "/stop", **address) for _ in range(3)]
    assert [answer.status_code for answer in stops] == [200, 200, 429]
    assert "These mails are stopped" in words(stops[0])


@pytest.mark.parametrize("claimed", ["https://evil.example/login", "https://shop.example.evil.example/"])
async def test_an_over_link_leads_to_no_page_that_the_deployment_does_not_let_in(site: Site, claimed: str) -> None:
    session, path = await mailed(site, page={"url": claimed})

    def whatever_was_sent() -> None:
        with tenant(site.workspace_id):
            Conversation.objects.update(page_url=claimed, page_now={"url": claimed})

    await in_thread(whatever_was_sent)
    await in_thread(end, site, session)
    page = await browse(Client().get, path)
    assert "This conversation has ended" in words(page)
    assert claimed not in text(page)
    assert "new conversation" not in words(page)


async def test_where_the_visitor_went_elsewhere_an_over_link_leads_to_where_they_began(site: Site) -> None:
    session, path = await mailed(site, page={"url": "https://shop.example/cart"})

    def went_on() -> None:
        with tenant(site.workspace_id):
            Conversation.objects.update(page_now={"url": "https://elsewhere.example/"})

    await in_thread(went_on)
    await in_thread(end, site, session)
    page = text(await browse(Client().get, path))
    assert 'href="https://shop.example/cart"' in page
    assert "elsewhere" not in page


async def test_a_link_that_went_to_a_typed_address_opens_nothing_once_the_visitor_is_proved(site: Site) -> None:
    session, path = await mailed(site)
    browser = Client()

    def sign_in(email: str) -> None:
        with tenant(site.workspace_id):
            row = conversations.lock(session["session"]["conversation_id"])
            people.identify(row, {}, Verified("u-1", email=email))

    await in_thread(sign_in, "hopper@navy.example")
    for load in (browser.get, browser.post):
        page = await browse(load, path)
        assert page.status_code == 410
        assert "needs a sign-in" in words(page)
        assert "data-token" not in text(page)
    await in_thread(sign_in, USER["email"])
    assert "data-token" in text(await browse(browser.post, path))


async def test_two_presses_at_once_open_it_for_one(site: Site) -> None:
    _, path = await mailed(site)
    pages = await asyncio.gather(*(browse(Client().post, path) for _ in range(4)))
    assert sorted(page.status_code for page in pages) == [200, 410, 410, 410]


async def test_more_mails_about_it_can_be_stopped_by_one_click(site: Site) -> None:
    session, path = await mailed(site)
    page = await browse(Client().get, path + "/stop")
    assert "Stop these mails" in words(page)
    assert f"<{settings.PUBLIC_BASE_URL}{path}/stop>" == mail.outbox[0].extra_headers["List-Unsubscribe"]
    done = await browse(Client().post, path + "/stop", {"List-Unsubscribe": "One-Click"})
    assert "These mails are stopped" in words(done)
    assert "These mails are stopped" in words(await browse(Client().get, path + "/stop"))

    def answer() -> None:
        with tenant(site.workspace_id):
            workspace = Workspace.objects.get(id=site.workspace_id)
            row = conversations.lock(session["session"]["conversation_id"])
            handoff.reply(factories.actor(workspace), factories.owner_of(workspace), row, "One more thing", None)
            ReplyMail.objects.filter(state="queued").update(due_at=timezone.now() - dt.timedelta(minutes=1))
        mail.outbox.clear()
        reply_mails.send_due()
        with tenant(site.workspace_id):
            newest = ReplyMail.objects.latest("created_at")
            assert (newest.state, newest.reason) == (
                "cancelled",
                "They asked for no more mails about this conversation.",
            )

    await in_thread(answer)
    assert not mail.outbox
    # The link itself goes on.
    assert "Continue the conversation" in words(await browse(Client().get, path))


async def test_the_pages_speak_the_visitors_language(site: Site) -> None:
    def german() -> None:
        with tenant(site.workspace_id):
            Conversation.objects.update(locale="de")
            Deployment.objects.update(languages=["en", "de"])

    session = (await site.start(user=USER)).data
    await in_thread(german)
    path = await in_thread(answer_by_mail, site, session)
    page = await browse(Client().get, path)
    assert "Gespräch fortsetzen" in words(page)
    assert 'lang="de"' in text(page)
    broken = await browse(Client().get, "/continue/x", headers={"Accept-Language": "de-AT,de;q=0.9"})
    assert "nicht vollständig" in words(broken)
