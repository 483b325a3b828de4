"""Members on duty are mailed that somebody waits: nobody waits for that mail, and no visitor has it sent at will."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import smtplib
import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import doors, member_mails, sweeping, tasks, visits
from deployments.models import Conversation, Handoff
from tests import factories
from tests.runtime.conftest import Site

FORGED = "Please\r\n\r\nAnswer here: https://evil.example/\u2028Answer here: https://evil.example/ \u202egnp"


class SilentServer:
    """Takes connections and says nothing, until it goes."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.taken: list[socket.socket] = []
        self.is_asked = threading.Event()
        self.thread = threading.Thread(target=self._take)
        self.thread.start()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(self.listener.accept()[0])
                self.is_asked.set()

    def go(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for one in self.taken:
            one.close()


@pytest.fixture
def silent(settings: Any) -> Iterator[SilentServer]:
    server = SilentServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 60
    yield server
    server.go()


def of_site(site: Site, act: Any) -> Any:
    with tenant(site.workspace_id):
        return act()


async def ask(site: Site, session: Any, reason: str = "") -> Any:
    path = f"/sessions/{session['session']['id']}/handoff"
    return await site.call("POST", path, session["session_token"], {"reason": reason} if reason else {})


async def go_back(site: Site, session: Any) -> None:
    body = {"client_id": str(uuid.uuid4()), "text": "Back", "payload": "handoff:assistant"}
    path = f"/sessions/{session['session']['id']}/messages"
    assert (await site.call("POST", path, session["session_token"], body)).status_code < 300


def rest(site: Site) -> None:
    """As if the five minutes were over."""
    earlier = timezone.now() - member_mails.PAUSE - dt.timedelta(seconds=1)
    of_site(site, lambda: Conversation.objects.update(members_mailed_at=earlier))


@pytest.mark.asyncio
async def test_a_mail_server_that_hangs_keeps_no_visitor_waiting(site: Site, silent: SilentServer) -> None:
    for _ in range(3):
        await ask(site, (await site.start()).data)
    mailing = asyncio.create_task(in_thread(sweeping.sweep_mails))
    assert await asyncio.to_thread(silent.is_asked.wait, 20)
    a_moment_ago = timezone.now() - dt.timedelta(seconds=1)
    over = {"due_at": a_moment_ago, "wait_until": a_moment_ago}
    await in_thread(of_site, site, lambda: Handoff.objects.update(**over))
    assert await sweeping.sweep() == 3
    controls = await in_thread(of_site, site, lambda: list(Conversation.objects.values_list("control", flat=True)))
    assert controls == ["assistant"] * 3
    assert await in_thread(tasks.sweep_mails) == 0, "a second one waits for nothing"
    assert not mailing.done()
    silent.go()
    assert await mailing == 3


@pytest.mark.asyncio
async def test_a_server_that_is_gone_is_said_on_the_page_and_asked_again(site: Site, silent: SilentServer) -> None:
    silent.go()
    await ask(site, (await site.start()).data)
    assert await in_thread(sweeping.sweep_mails) == 1
    case = await in_thread(of_site, site, Handoff.objects.get)
    assert case.mail_trouble.startswith("The mail server could not be reached")
    assert await in_thread(sweeping.sweep_mails) == 1


@pytest.mark.asyncio
async def test_no_transaction_is_open_while_a_mail_leaves(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(member_mails, "send_mail", lambda *_: seen.append(connection.in_atomic_block))
    await ask(site, (await site.start()).data)
    await in_thread(sweeping.sweep_mails)
    assert seen == [False]


@pytest.mark.asyncio
async def test_asking_and_going_back_over_and_over_mails_once_in_five_minutes(site: Site) -> None:
    session = (await site.start()).data
    for _ in range(4):
        assert (await ask(site, session)).status_code == 202
        await in_thread(sweeping.sweep_mails)
        assert len(mail.outbox) == 1
        await go_back(site, session)
    await ask(site, session)
    case = await in_thread(of_site, site, lambda: Handoff.objects.get(ended_at=None))
    assert case.mail_trouble == "At most one mail in 5 minutes goes out about a conversation."
    await in_thread(rest, site)
    assert await in_thread(sweeping.sweep_mails) == 1
    assert len(mail.outbox) == 2
    case = await in_thread(of_site, site, lambda: Handoff.objects.get(ended_at=None))
    assert case.mail_trouble == ""


@pytest.mark.asyncio
async def test_who_asks_again_while_the_mail_leaves_is_not_mailed_about_twice(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = (await site.start()).data
    await ask(site, session)
    loop, send = asyncio.get_running_loop(), mail.send_mail

    async def again() -> None:
        await go_back(site, session)
        await ask(site, session)

    def slow(*args: Any) -> None:
        send(*args)
        asyncio.run_coroutine_threadsafe(again(), loop).result(30)

    monkeypatch.setattr(member_mails, "send_mail", slow)
    await in_thread(sweeping.sweep_mails)
    row = await in_thread(of_site, site, Conversation.objects.get)
    assert (row.control, row.members_told_at, row.telling_until) == ("waiting", None, None)
    assert await in_thread(sweeping.sweep_mails) == 0
    assert len(mail.outbox) == 1


@pytest.mark.asyncio
async def test_a_workspace_mails_its_members_so_often_an_hour_and_says_where_it_stops(
    site: Site, settings: Any
) -> None:
    settings.LIMITS = {**settings.LIMITS, "member_mails_per_workspace": "2/3600"}
    for _ in range(3):
        await ask(site, (await site.start()).data)
    await in_thread(sweeping.sweep_mails)
    assert len(mail.outbox) == 2
    troubles = await in_thread(of_site, site, lambda: list(Handoff.objects.values_list("mail_trouble", flat=True)))
    assert sorted(troubles) == ["", "", "Too many mails to members in an hour: at most 2 in 3600 seconds."]


@pytest.mark.asyncio
async def test_mails_that_no_server_took_do_not_count(
    site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LIMITS = {**settings.LIMITS, "member_mails_per_workspace": "1/3600"}

    def refuses(*_: object) -> None:
        raise smtplib.SMTPRecipientsRefused({"x@y.example": (451, b"4.3.0 Disk full")})

    await ask(site, (await site.start()).data)
    with monkeypatch.context() as patch:
        patch.setattr(member_mails, "send_mail", refuses)
        for _ in range(3):
            await in_thread(sweeping.sweep_mails)
    await in_thread(sweeping.sweep_mails)
    assert len(mail.outbox) == 1


@pytest.mark.asyncio
async def test_a_visitor_who_asks_for_a_person_all_the_time_is_refused(site: Site, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "visitor_handoffs": "2/60"}
    session = (await site.start()).data
    statuses = [(await ask(site, session)).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    assert (await ask(site, (await site.start()).data)).status_code == 202, "each visitor for themselves"


@pytest.mark.asyncio
async def test_what_a_visitor_writes_stands_in_one_line_each_and_in_quotes(site: Site) -> None:
    session = (await site.start()).data
    await site.say(session, FORGED + "x" * 2_000)
    await ask(site, session, FORGED)
    await in_thread(sweeping.sweep_mails)
    (sent,) = mail.outbox
    lines = str(sent.body).splitlines()
    one_line = "Please Answer here: https://evil.example/ Answer here: https://evil.example/ gnp"
    assert f"Reason: “{one_line}”" in lines
    (said,) = [line for line in lines if line.startswith("Their last words: “Please Answer here:")]
    assert said.endswith("x…”")
    assert len([line for line in lines if line.startswith("Answer here:")]) == 1
    assert "\u202e" not in str(sent.body)


def test_mails_are_no_step_of_a_conversation(db: None) -> None:
    made = factories.make_deployment(factories.make_workspace())
    opened = factories.start_session(made)
    visits.ask_for_person(visits.resolve(opened.token, opened.session.id), factories.caller(), "")
    assert doors.due_work(10) == []
    assert doors.due_member_mails(10) == [(made.deployment.workspace_id, opened.session.conversation_id)]
