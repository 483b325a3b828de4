"""The window beside the composer, and a template in the place of what waits: chosen, filled in, sent in two clicks."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app.models import Delivery, MessageTemplate, ServiceWindow
from convoship.lib.tenancy import tenant
from deployments import conversations
from deployments.models import Conversation, Message, Person
from tests import factories
from tests.channels import twilio_end
from tests.channels.phones import Phone, make_phone
from tests.channels.test_windows import begin, pass_a_day, synchronised, write
from tests.pages.conftest import Browser, browser_of, form_of, text, words
from workspaces.models import Workspace
from workspaces.permissions import Role

LINE = 'id="window-line"'


@pytest.fixture
def line(transactional_db: None, workspace: Workspace, settings: Any) -> Iterator[Phone]:
    """A WhatsApp connection of the workspace's, over which somebody has written."""
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with twilio_end.running() as end:
        made = make_phone(workspace, end, kind="twilio_whatsapp", name="Our WhatsApp")
        asyncio.run(begin(made))
        yield made


def inside(line: Phone, fn: Any) -> Any:
    with tenant(line.workspace.id):
        return fn()


def page_of(line: Phone) -> str:
    return f"/app/conversations/{inside(line, lambda: Conversation.objects.get().id)}/"


def templates(line: Phone, **bodies: str) -> None:
    for name, body in bodies.items():
        line.twilio.add_content(body, name=name, variables={"1": "Ada"})
    asyncio.run(synchronised(line))


def parked(line: Phone, *texts: str) -> None:
    """The window closes, and a member writes this."""
    asyncio.run(pass_a_day(line))
    asyncio.run(write(line, *texts))


def said(line: Phone) -> dict[str, Message]:
    return inside(line, lambda: {message.text: message for message in Message.objects.all()})


def closes_in(line: Phone, **left: int) -> None:
    inside(line, lambda: ServiceWindow.objects.update(closes_at=timezone.now() + dt.timedelta(**left, seconds=30)))


# --- Beside the composer ----------------------------------------------------------------------------------------------


def test_the_composer_says_until_when_free_words_may_be_sent(member: Browser, line: Phone) -> None:
    closes_in(line, hours=3, minutes=10)
    page = member.get(page_of(line))
    assert "Free words until" in words(page)
    assert "3 h 10 min left" in words(page)
    assert 'class="window-line "' in text(page)
    closes_in(line, minutes=59)
    page = member.get(page_of(line) + "live")
    assert "59 min left" in words(page)
    assert 'class="window-line soon"' in text(page)


def test_a_closed_window_says_what_happens_to_what_is_written_and_offers_templates(
    member: Browser, line: Phone
) -> None:
    asyncio.run(pass_a_day(line))
    page = words(member.get(page_of(line)))
    assert "The 24-hour window is closed: what you write is parked until they write. Use a template" in page
    templates(line, a="One {{1}}.", b="Two {{1}}.", c="Three {{1}}.", d="Four {{1}}.")
    page = words(member.get(page_of(line)))
    assert "Goes at once: a , b , c or another template" in page


def test_where_there_is_no_window_nothing_is_said_of_one(member: Browser, line: Phone, workspace: Workspace) -> None:
    inside(line, lambda: Conversation.objects.all().delete())
    sms = make_phone(workspace, line.twilio)
    asyncio.run(begin(sms))
    assert LINE not in text(member.get(page_of(sms)))


# --- In two clicks ----------------------------------------------------------------------------------------------------


def test_a_parked_message_goes_in_a_template_by_two_clicks(member: Browser, line: Phone) -> None:
    templates(line, hello="Hello {{1}}, please write to us.", news="A message for you: {{1}} Write to talk to us.")
    parked(line, "Your order\n\nis <b>here</b>.")
    late = said(line)["Your order\n\nis <b>here</b>."]
    page = member.get(page_of(line))
    [link] = [
        part.split('"')[0] for part in text(page).split('href="') if part.startswith(page_of(line) + "template?m")
    ]
    assert link.endswith(f"?message={late.seq}")
    chooser = member.get(link)
    assert "Drop it: the template says it" in words(chooser)
    form = form_of(chooser, "/template")
    assert (form["v-1"], form["parked"]) == ("Your order is <b>here</b>.", "drop")
    assert "<b>here" not in text(chooser)
    before = len(line.twilio.taken)
    answer = member.send(form)
    assert "The template is on its way." in words(answer)
    asyncio.run(line.drain())
    [taken] = line.twilio.taken[before:]
    rendered = "A message for you: Your order is <b>here</b>. Write to talk to us."
    assert taken.body == rendered
    page = words(member.get(page_of(line)))
    assert "template: news" in page
    assert "Held back A template was sent instead." in page
    # That somebody has joined waits for itself.
    assert f'template?message={late.seq}"' not in text(member.get(page_of(line)))
    # The form that comes a second time sends nothing more.
    member.send(form)
    asyncio.run(line.drain())
    assert len(line.twilio.taken) == before + 1


def test_what_the_template_does_not_say_is_kept_unless_one_likes_otherwise(member: Browser, line: Phone) -> None:
    inside(line, lambda: Person.objects.update(name="Grace"))
    templates(line, hello="Hello {{1}}, we have news for you.")
    parked(line, "The parcel is lost.")
    late = said(line)["The parcel is lost."]
    form = form_of(member.get(f"{page_of(line)}template?message={late.seq}"), "/template")
    assert (form["v-1"], form["parked"]) == ("Grace", "keep")
    member.send(form)
    asyncio.run(line.drain())
    assert said(line)["The parcel is lost."].status == "parked"
    asyncio.run(line.text("what news?"))
    asyncio.run(line.drain())
    assert "The parcel is lost." in [one.body for one in line.twilio.taken]


def test_a_delivery_that_waits_leads_there_too(member: Browser, line: Phone) -> None:
    parked(line, "Late.")
    delivery = inside(line, lambda: Delivery.objects.get(awaits_window=True))
    late = said(line)["Late."]
    story = f"/app/channels/{line.connection.id}/deliveries/{delivery.id}"
    assert f"{page_of(line)}template?message={late.seq}" in text(member.get(story))
    # A developer may repair the connection, and does not write to people.
    developer = browser_of(line.workspace, factories.member(line.workspace, Role.DEVELOPER))
    page = developer.get(story)
    assert "It goes as soon as they write, or in a template." in words(page)
    assert "template?message" not in text(page)
    assert developer.get(f"{page_of(line)}template").status_code == 403


def test_without_an_approved_template_the_page_says_how_to_get_one(member: Browser, line: Phone) -> None:
    parked(line, "Late.")
    late = said(line)["Late."]
    page = member.get(f"{page_of(line)}template?message={late.seq}")
    assert "No approved template yet" in words(page)
    assert f"/app/channels/{line.connection.id}/templates/new" in text(page)
    agent = browser_of(line.workspace, factories.member(line.workspace, Role.AGENT))
    assert "templates/new" not in text(agent.get(f"{page_of(line)}template"))


def test_what_does_not_fit_is_said_beside_its_variable_and_nothing_typed_is_lost(member: Browser, line: Phone) -> None:
    templates(line, order="Hello {{1}}, your order {{2}} is here.")
    form = form_of(member.get(f"{page_of(line)}template"), "/template")
    form["v-1"], form["v-2"] = "Ada", "x" * 901
    answer = member.send(form)
    assert answer.status_code == 422
    assert "At most 900 characters." in words(answer)
    assert (form_of(answer, "/template")["v-1"], form_of(answer, "/template")["v-2"]) == ("Ada", "x" * 901)
    for value in ("", "a\nb", "a\x00b", "x" * 10_000):
        form["v-2"] = value
        assert member.send(form).status_code == 422
    inside(line, lambda: MessageTemplate.objects.update(approval="paused"))
    form["v-2"] = "7"
    assert "WhatsApp takes approved templates only, and order is paused." in words(member.send(form))


def test_who_came_too_late_is_told_and_keeps_what_was_typed(member: Browser, line: Phone) -> None:
    templates(line, news="A message for you: {{1}} Bye.")
    parked(line, "Late.")
    late = said(line)["Late."]
    form = form_of(member.get(f"{page_of(line)}template?message={late.seq}"), "/template")
    asyncio.run(line.text("I am back"))
    asyncio.run(line.drain())
    before = len(line.twilio.taken)
    answer = member.send(form)
    assert "Not sent: The message is no longer parked" in words(answer)
    again = form_of(answer, "/template")
    assert again["v-1"] == "Late."
    assert "parked" not in again.values
    assert len(line.twilio.taken) == before


def test_an_ended_conversation_and_one_who_opted_out_get_nothing(member: Browser, line: Phone) -> None:
    templates(line, news="A message for you: {{1}} Bye.")
    path = f"{page_of(line)}template"
    form = form_of(member.get(path), "/template")
    form["v-1"] = "x"

    def end() -> None:
        conversations.end(conversations.lock(Conversation.objects.get().id), "completed", "Done.", "")

    inside(line, end)
    assert "This conversation has ended, and takes no more messages." in words(member.get(path))
    assert member.send(form).status_code == 422


def test_other_conversations_have_no_such_page(member: Browser, line: Phone, workspace: Workspace) -> None:
    inside(line, lambda: Conversation.objects.all().delete())
    sms = make_phone(workspace, line.twilio)
    asyncio.run(begin(sms))
    assert member.get(f"{page_of(sms)}template").status_code == 404
    assert member.get(f"/app/conversations/{uuid4()}/template").status_code == 404
