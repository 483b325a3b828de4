"""The 24-hour window: decided when a message leaves, and what waits for it waits where everybody sees it."""

from __future__ import annotations

import asyncio
import datetime as dt
import html
import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app import claims, message_templates, replaying, template_sync, windows
from channels_app.models import Delivery, MessageTemplate, ServiceWindow, TemplateSync
from channels_app.providers.base import Template
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models import Conversation
from deployments.models.conversation import AuthorKind
from tests import factories
from tests.channels.far_end import Seen
from tests.channels.phones import Phone
from tests.channels.twilio_end import ACCOUNT, PERSON

pytestmark = pytest.mark.asyncio

OVER = "More than 24 hours have passed since they last wrote, so WhatsApp takes only a template."


async def write(phone: Phone, *texts: str) -> None:
    """A member writes this, and the worker looks at it."""

    def run() -> None:
        conversation = conversations.lock(Conversation.objects.get(status="active").id)
        for text in texts:
            conversations.post_message(conversation, NewMessage(author_kind=AuthorKind.AGENT, text=text))

    await phone.inside(run)
    await phone.drain()


async def begin(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()


async def pass_a_day(phone: Phone) -> None:
    """24 hours and a bit go by since they wrote."""

    def run() -> None:
        day = dt.timedelta(hours=24, minutes=1)
        for row in ServiceWindow.objects.all():
            row.wrote_at, row.closes_at = row.wrote_at - day, row.closes_at - day
            row.save()

    await phone.inside(run)


async def states(phone: Phone, *texts: str) -> list[tuple[str, bool, str]]:
    rows = {one.content["text"]: one for one in await phone.deliveries()}
    return [(rows[text].status, rows[text].awaits_window, rows[text].reason) for text in texts]


async def test_a_message_opens_the_window_for_24_hours_less_a_margin(whatsapp: Phone) -> None:
    await begin(whatsapp)
    window = await whatsapp.inside(lambda: ServiceWindow.objects.get())
    assert window.address == PERSON
    assert window.closes_at - window.wrote_at == dt.timedelta(hours=23, minutes=55)


async def test_what_comes_too_late_is_parked_says_so_and_goes_when_they_write(whatsapp: Phone) -> None:
    await begin(whatsapp)
    await pass_a_day(whatsapp)
    before = len(whatsapp.twilio.taken)
    await write(whatsapp, "One.", "Two.", "Three.")
    assert len(whatsapp.twilio.taken) == before
    # All of them say why, not the first alone.
    assert await states(whatsapp, "One.", "Two.", "Three.") == [("queued", True, OVER)] * 3
    ours = [message for message in await whatsapp.messages() if message.text in {"One.", "Two.", "Three."}]
    assert {(message.status, message.reason, message.remedy) for message in ours} == {("parked", OVER, windows.REMEDY)}
    await whatsapp.text("I am back")
    await whatsapp.drain()
    sent = [one.body for one in whatsapp.twilio.taken[before:]]
    assert [text for text in sent if text in {"One.", "Two.", "Three."}] == ["One.", "Two.", "Three."]
    assert {row[0] for row in await states(whatsapp, "One.", "Two.", "Three.")} == {"accepted"}


async def test_the_window_is_asked_when_a_message_leaves_and_not_when_it_is_written(whatsapp: Phone) -> None:
    await begin(whatsapp)
    whatsapp.twilio.refuse(20429, 429)
    await write(whatsapp, "Late.")
    await pass_a_day(whatsapp)
    await whatsapp.now()
    await whatsapp.drain()
    assert await states(whatsapp, "Late.") == [("queued", True, OVER)]


@pytest.mark.parametrize("way", ["create", "report", "reports in another order"])
async def test_a_refusal_by_whatsapp_parks_it_whatever_we_reckoned(whatsapp: Phone, way: str) -> None:
    await begin(whatsapp)
    before = len(whatsapp.twilio.taken)
    if way == "create":
        whatsapp.twilio.refuse(63016)
        await write(whatsapp, "Late.")
    else:
        await write(whatsapp, "Late.")
        reports: list[tuple[str, int | None]] = [("sent", None), ("undelivered", 63016)]
        for status, code in reports if way == "report" else reversed(reports):
            await whatsapp.report(whatsapp.twilio.taken[-1], status, code)
            await whatsapp.drain()
    assert await states(whatsapp, "Late.") == [("queued", True, OVER)]
    # Nothing else is tried in vain.
    await write(whatsapp, "Later.")
    assert await states(whatsapp, "Later.") == [("queued", True, OVER)]
    await whatsapp.text("yes?")
    await whatsapp.drain()
    bodies = [one.body for one in whatsapp.twilio.taken[before:]]
    assert bodies.index("Late.") < bodies.index("Later.")
    assert {row[0] for row in await states(whatsapp, "Late.", "Later.")} == {"accepted"}
    # A report on what was refused says nothing of what went out now.
    if way != "create":
        first = next(one for one in whatsapp.twilio.taken[before:] if one.body == "Late.")
        await whatsapp.report(first, "failed", 30008)
        await whatsapp.drain()
        assert (await states(whatsapp, "Late."))[0][0] == "accepted"


async def test_a_stop_and_a_place_open_it_as_any_message_does(whatsapp: Phone) -> None:
    await begin(whatsapp)
    for form in ({"text": "", "Latitude": "1", "Longitude": "2"}, {"text": "STOP"}):
        await pass_a_day(whatsapp)
        await whatsapp.text(**form)
        window = await whatsapp.inside(lambda: ServiceWindow.objects.get())
        assert window.closes_at > timezone.now()


async def test_when_the_conversation_ends_nothing_waits_any_more(whatsapp: Phone) -> None:
    await begin(whatsapp)
    await pass_a_day(whatsapp)
    await write(whatsapp, "Late.")

    def end() -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        conversations.end(conversation, "completed", "Done.", "")

    await whatsapp.inside(end)
    await whatsapp.now()
    await whatsapp.drain()
    [(status, awaits, reason)] = await states(whatsapp, "Late.")
    assert (status, awaits) == ("suppressed", False)
    assert reason == f"{OVER} The conversation has ended, so it waits no longer."


async def test_a_line_of_the_house_can_go_as_a_template_and_goes_no_more_once_it_is_old(whatsapp: Phone) -> None:
    await begin(whatsapp)
    await pass_a_day(whatsapp)
    joined = "Olga has joined the conversation."

    def run() -> str:
        conversation = conversations.lock(Conversation.objects.get(status="active").id)
        for kind, text in ((AuthorKind.SYSTEM, joined), (AuthorKind.SYSTEM, "A line."), (AuthorKind.AGENT, "Late.")):
            conversations.post_message(conversation, NewMessage(author_kind=kind, text=text))
        return f"/app/conversations/{conversation.id}/"

    path = await whatsapp.inside(run)
    await whatsapp.drain()
    assert await states(whatsapp, joined, "Late.") == [("queued", True, OVER)] * 2

    def page() -> str:
        client = Client()
        client.force_login(factories.owner_of(whatsapp.workspace))
        return client.get(path).content.decode()

    [line] = [one for one in await whatsapp.messages() if one.text == joined]
    assert f"{path}template?message={line.seq}" in await in_thread(page)

    # An hour later the first is no news any more; what a member wrote goes all the same.
    def grow_old() -> None:
        old = timezone.now() - claims.NEWS_FOR
        Delivery.objects.filter(content__text__in=(joined, "Late.")).update(created_at=old)

    await whatsapp.inside(grow_old)
    before = len(whatsapp.twilio.taken)
    await whatsapp.text("I am back")
    await whatsapp.drain()
    bodies = [one.body for one in whatsapp.twilio.taken[before:]]
    assert "Late." in bodies
    assert "A line." in bodies
    assert joined not in bodies
    assert await states(whatsapp, joined) == [("suppressed", False, claims.OLD_NEWS)]
    assert claims.OLD_NEWS in html.unescape(await in_thread(page))
    # Whoever knows better sends it.
    [held] = [one for one in await whatsapp.deliveries() if one.content["text"] == joined]
    await whatsapp.inside(lambda: replaying.replay(whatsapp.who, held.id))
    await whatsapp.drain()
    assert whatsapp.twilio.taken[-1].body == joined


async def test_a_message_of_theirs_while_one_of_ours_leaves_loses_neither(whatsapp: Phone) -> None:
    await begin(whatsapp)
    for number in range(6):
        await pass_a_day(whatsapp)
        text = f"Number {number}."
        await asyncio.gather(write(whatsapp, text), whatsapp.text(f"back {number}"))
        await whatsapp.drain()
        assert (await states(whatsapp, text))[0][0] == "accepted", text


# --- Templates ------------------------------------------------------------------------------------------------------


async def synchronised(phone: Phone) -> None:
    await phone.inside(lambda: TemplateSync.objects.update(due_at=timezone.now()))
    await phone.drain()


async def test_the_accounts_templates_are_fetched_with_what_whatsapp_says_of_them(whatsapp: Phone) -> None:
    good = whatsapp.twilio.add_content("Hello {{1}}, your order {{2}} is here.", name="order", variables={"1": "Ada"})
    bad = whatsapp.twilio.add_content("Buy!", status="rejected", name="ad", category="MARKETING")
    whatsapp.twilio.contents[bad]["approval_requests"]["rejection_reason"] = "It sells."
    for number in range(25):
        whatsapp.twilio.add_content(f"Number {number}", status="unsubmitted")
    await synchronised(whatsapp)
    rows = await whatsapp.inside(lambda: {row.sid: row for row in MessageTemplate.objects.all()})
    assert len(rows) == 27
    assert (rows[good].name, rows[good].approval, rows[good].category) == ("order", "approved", "UTILITY")
    assert rows[good].body == "Hello {{1}}, your order {{2}} is here."
    assert rows[good].is_usable
    assert (rows[bad].approval, rows[bad].rejection_reason, rows[bad].is_usable) == ("rejected", "It sells.", False)
    del whatsapp.twilio.contents[bad]
    await synchronised(whatsapp)
    assert await whatsapp.inside(lambda: MessageTemplate.objects.get(sid=bad).is_gone)


async def test_what_is_made_while_they_are_fetched_is_there_and_looked_at_again_soon(whatsapp: Phone) -> None:
    """The list that was fetched knows nothing of it."""
    answers = whatsapp.twilio.answers
    made = replace(_template("made_just_then"), approval="pending")

    def answer(seen: Seen) -> Any:
        said = answers(seen)
        if "ContentAndApprovals" in seen.path and seen.method == "GET":
            with tenant(whatsapp.workspace.id):
                message_templates.keep(whatsapp.connection, made)
        return said

    whatsapp.twilio.answers = answer
    await synchronised(whatsapp)
    row = await whatsapp.inside(lambda: MessageTemplate.objects.get(sid=made.sid))
    sync = await whatsapp.inside(lambda: TemplateSync.objects.get())
    assert (row.is_gone, row.approval) == (False, "pending")
    assert sync.synced_at is not None
    assert sync.due_at - sync.synced_at == dt.timedelta(minutes=2)


async def test_another_accounts_templates_are_gone_and_its_own_are_fetched(whatsapp: Phone) -> None:
    theirs = whatsapp.twilio.add_content("Hello.")
    await synchronised(whatsapp)
    whatsapp.twilio.contents.clear()
    await whatsapp.allow(account_sid="AC" + "9" * 32)
    assert await whatsapp.inside(lambda: MessageTemplate.objects.get(sid=theirs).is_gone)
    asked = await whatsapp.inside(lambda: TemplateSync.objects.get())
    assert asked.due_at <= timezone.now()
    # What was asked of the account before it changed counts no more.
    found = [replace(_template("hello"), sid=theirs)]
    await whatsapp.inside(lambda: template_sync.write(asked.id, found, timezone.now(), ACCOUNT))
    assert await whatsapp.inside(lambda: MessageTemplate.objects.get(sid=theirs).is_gone)


def _template(name: str) -> Template:
    return Template(
        sid="HX" + "b" * 32,
        name=name,
        language="en",
        content_type="twilio/text",
        body="Hello there.",
        extras={},
        variables={},
        category="UTILITY",
        approval="approved",
        rejection_reason="",
    )


async def test_a_fault_while_they_are_fetched_is_kept_where_they_are_shown(whatsapp: Phone) -> None:
    good = whatsapp.twilio.add_content("Hello.")
    await synchronised(whatsapp)
    answers = whatsapp.twilio.answers
    from tests.channels.far_end import Said

    whatsapp.twilio.answers = lambda seen: Said(500, {}, b"broken")
    await synchronised(whatsapp)
    sync = await whatsapp.inside(lambda: TemplateSync.objects.get())
    assert "Twilio broke" in sync.fault
    assert await whatsapp.inside(lambda: MessageTemplate.objects.get(sid=good).is_usable)
    whatsapp.twilio.answers = answers
    await synchronised(whatsapp)
    assert await whatsapp.inside(lambda: TemplateSync.objects.get().fault) == ""


async def test_a_template_of_the_connections_own_carries_what_may_not_go_freely(whatsapp: Phone) -> None:
    sid = whatsapp.twilio.add_content("A message for you: {{1}} Write back to talk to us.")
    await whatsapp.allow(window_template=sid)
    await synchronised(whatsapp)
    await begin(whatsapp)
    await pass_a_day(whatsapp)
    await write(whatsapp, "Your order\n\nis here.", "x" * 1200)
    taken = whatsapp.twilio.taken[-1]
    assert json.loads(taken.form["ContentVariables"]) == {"1": "Your order is here."}
    assert taken.form["ContentSid"] == sid
    long = [one for one in await whatsapp.deliveries() if one.awaits_window]
    assert {one.status for one in long} == {"queued"}  # too long for a variable: it waits


async def test_a_template_that_is_approved_later_takes_what_waits(whatsapp: Phone) -> None:
    sid = whatsapp.twilio.add_content("A message for you: {{1}} Bye.", status="pending")
    await whatsapp.allow(window_template=sid)
    await synchronised(whatsapp)
    await begin(whatsapp)
    await pass_a_day(whatsapp)
    await write(whatsapp, "Your order is here.")
    assert (await states(whatsapp, "Your order is here."))[0][1]
    whatsapp.twilio.contents[sid]["approval_requests"]["status"] = "approved"
    await synchronised(whatsapp)
    assert whatsapp.twilio.taken[-1].form.get("ContentSid") == sid


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"1": "Ada"}, {"2"}),
        ({"1": "Ada", "2": "a\nb"}, {"2"}),
        ({"1": "Ada", "2": "a      b"}, {"2"}),
        ({"1": "Ada", "2": "x" * 901}, {"2"}),
        ({"1": "Ada", "2": "7", "3": "more"}, {"3"}),
    ],
)
async def test_what_a_variable_can_not_hold_is_said_beside_it(
    whatsapp: Phone, values: dict[str, Any], errors: set[str]
) -> None:
    from channels_app.providers.base import BadVariables
    from channels_app.providers.twilio.whatsapp import TwilioWhatsapp

    whatsapp.twilio.add_content("Hello {{1}}, your order {{2}} is here.")
    await synchronised(whatsapp)
    template = await whatsapp.inside(lambda: message_templates.as_template(MessageTemplate.objects.get()))
    assert TwilioWhatsapp.variables_of(template) == ["1", "2"]
    with pytest.raises(BadVariables) as wrong:
        TwilioWhatsapp.fill(template, values)
    assert set(wrong.value.errors) == errors
    good = TwilioWhatsapp.fill(template, {"1": "Ada", "2": "{{1}} <b>"})
    assert good.content["text"] == "Hello Ada, your order {{1}} <b> is here."
