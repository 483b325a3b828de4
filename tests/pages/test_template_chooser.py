"""The window beside the composer, and a template in the place of what waits: chosen, filled in, sent in two clicks."""

from __future__ import annotations

import asyncio
import datetime as dt
import html
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import consents, windows
from channels_app.models import Delivery, MessageTemplate, ServiceWindow
from convoship.lib.tenancy import tenant
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models import Conversation, Message, Person
from deployments.models.conversation import AuthorKind
from tests import factories
from tests.channels import twilio_end
from tests.channels.files_in_messages import picture
from tests.channels.phones import Phone, make_phone
from tests.channels.test_inbound_media import folder as folder
from tests.channels.test_sent_files import send
from tests.channels.test_windows import begin, pass_a_day, synchronised, write
from tests.channels.twilio_end import PERSON
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
        sample = "Ada" if body.startswith("Hello") else "Your parcel has left us."
        line.twilio.add_content(body, name=name, variables={"1": sample, "2": "Monday, 10:00"})
    asyncio.run(synchronised(line))


def parked(line: Phone, *texts: str) -> None:
    """The window closes, and a member writes this."""
    asyncio.run(pass_a_day(line))
    asyncio.run(write(line, *texts))


def said(line: Phone) -> dict[str, Message]:
    return inside(line, lambda: {message.text: message for message in Message.objects.all()})


def sid(line: Phone, name: str) -> str:
    return inside(line, lambda: MessageTemplate.objects.get(name=name).sid)


def pause(line: Phone, name: str) -> None:
    """WhatsApp has paused it, and nobody has asked since."""
    line.twilio.contents[sid(line, name)]["approval_requests"]["status"] = "paused"


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


def test_a_line_of_the_house_is_put_into_no_template_by_itself(member: Browser, line: Phone) -> None:
    templates(line, news="A message for you: {{1}} Write to talk to us.")
    parked(line, "Your order is here.")

    def join() -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        new = NewMessage(author_kind=AuthorKind.SYSTEM, text="Olga has joined the conversation.")
        conversations.post_message(conversation, new)

    inside(line, join)
    asyncio.run(line.drain())
    joined, late = (said(line)[text] for text in ("Olga has joined the conversation.", "Your order is here."))
    assert joined.status == "parked"
    page = words(member.get(f"{page_of(line)}template?message={joined.seq}"))
    # It costs money: whoever wants to reach them now says with what.
    assert "Choose a template" in page
    assert "A message for you: {{1}}" in page
    page = words(member.get(f"{page_of(line)}template?message={late.seq}"))
    assert "A message for you: Your order is here." in page


def test_a_parked_photo_is_named_and_kept_unless_one_says_otherwise(member: Browser, line: Phone) -> None:
    templates(line, news="A message for you: {{1}} Write to talk to us.")
    asyncio.run(pass_a_day(line))
    asyncio.run(send(line, ("photo.jpg", picture()), text="See the photo."))
    asyncio.run(line.drain())
    late = said(line)["See the photo."]
    assert late.status == "parked"
    page = member.get(f"{page_of(line)}template?message={late.seq}")
    form = form_of(page, "/template")
    assert (form["v-1"], form["parked"]) == ("See the photo.", "keep")
    assert "Drop it: photo.jpg is never sent, as no template carries a file" in words(page)
    assert "Keep it until they write: then photo.jpg goes by itself" in words(page)
    member.send(form)
    asyncio.run(line.text("which photo?"))
    asyncio.run(line.drain())
    assert [one for one in line.twilio.taken if one.media]


def test_nothing_nonsensical_is_proposed_and_both_places_have_one_order(member: Browser, line: Phone) -> None:
    inside(line, lambda: Person.objects.update(name="Sam"))
    templates(line, appointment="Hello {{1}}, your appointment is on {{2}}. Will you be there?")
    parked(line, "Your parcel left us today.")
    path = f"{page_of(line)}template?message={said(line)['Your parcel left us today.'].seq}"
    page = member.get(path)
    assert "Choose a template" in words(page)
    assert 'name="v-' not in text(page)
    assert "appointment is on Your parcel" not in words(page)
    templates(line, news_for_you="Here is the answer to your question: {{1}} Write back if there is more.")
    page = member.get(path)
    form = form_of(page, "/template")
    assert form["v-1"] == "Your parcel left us today."
    assert text(page).index("news_for_you") < text(page).index(">appointment<")
    talk = text(member.get(page_of(line)))
    assert talk.index(">news_for_you<") < talk.index(">appointment<")


def test_a_paused_template_is_offered_no_more_and_another_takes_its_place(member: Browser, line: Phone) -> None:
    templates(line, first="A message for you: {{1}} Write to us.", second="The news: {{1}} Write to us.")
    parked(line, "Late.")
    form = form_of(member.get(f"{page_of(line)}template?template={sid(line, 'first')}"), "/template")
    form["v-1"] = "Your parcel left us."
    member.send(form)
    asyncio.run(line.drain())
    pause(line, "first")
    asyncio.run(line.report(line.twilio.taken[-1], "undelivered", 63041))
    asyncio.run(line.drain())
    talk = member.get(page_of(line))
    assert "Use another template" in words(talk)
    assert ">first<" not in text(talk)
    failed = said(line)["A message for you: Your parcel left us. Write to us."]
    path = f"{page_of(line)}template?message={failed.seq}"
    assert path in text(member.get(f"/app/channels/{line.connection.id}/deliveries"))
    delivery = inside(line, lambda: Delivery.objects.get(message=failed))
    story = f"/app/channels/{line.connection.id}/deliveries/{delivery.id}"
    assert path in text(member.get(story))
    assert "Paused" in words(member.get(f"/app/channels/{line.connection.id}/templates"))
    page = member.get(path)
    assert "first did not arrive. WhatsApp has paused the template" in words(page)
    form = form_of(page, "/template")
    assert form["v-1"] == "Your parcel left us."
    member.send(form)
    asyncio.run(line.drain())
    assert line.twilio.taken[-1].body == "The news: Your parcel left us. Write to us."
    assert path not in text(member.get(page_of(line)))
    # With none left the page says why.
    pause(line, "second")
    asyncio.run(line.report(line.twilio.taken[-1], "undelivered", 63042))
    asyncio.run(line.drain())
    page = member.get(f"{page_of(line)}template")
    assert "Of the templates of Our WhatsApp 2 are paused" in words(page)
    assert "Synchronise now" in words(page)


@pytest.mark.parametrize("way", ["create", "report"])
def test_what_the_own_template_carries_is_parked_where_that_is_paused(member: Browser, line: Phone, way: str) -> None:
    templates(line, own="A message for you: {{1}} Write to us.")
    asyncio.run(line.allow(window_template=sid(line, "own")))
    asyncio.run(pass_a_day(line))
    page = words(member.get(page_of(line)))
    assert "what you write goes at once, in one line, in the template own, and costs what a template costs" in page
    if way == "create":
        line.twilio.refuse(63041)
        # Twilio's list still says otherwise, and nothing goes round in circles.
        asyncio.run(write(line, "Your parcel\n\nleft us."))
    else:
        asyncio.run(write(line, "Your parcel\n\nleft us."))
        assert "went in the template own" in words(member.get(page_of(line)))
        pause(line, "own")
        asyncio.run(line.report(line.twilio.taken[-1], "undelivered", 63041))
        asyncio.run(line.drain())
    late = said(line)["Your parcel\n\nleft us."]
    assert (late.status, late.remedy) == ("parked", windows.REMEDY)
    assert "went in the template own" not in words(member.get(page_of(line)))
    asyncio.run(line.text("hello?"))
    asyncio.run(line.drain())
    assert "Your parcel\n\nleft us." in [one.body for one in line.twilio.taken]


def test_the_composer_says_beforehand_that_they_have_opted_out(member: Browser, line: Phone) -> None:
    inside(line, lambda: consents.note(line.connection, PERSON, withdrawn=True, source="They told us."))
    page = words(member.get(page_of(line)))
    assert "What you write here is held back. They have opted out, so nothing is sent to them." in page


def test_what_the_template_does_not_say_is_kept_unless_one_likes_otherwise(member: Browser, line: Phone) -> None:
    inside(line, lambda: Person.objects.update(name="Grace"))
    templates(line, hello="Hello {{1}}, we have news for you.")
    parked(line, "The parcel is lost.")
    late = said(line)["The parcel is lost."]
    page = member.get(f"{page_of(line)}template?message={late.seq}")
    assert "Choose a template" in words(page)
    [link] = [part.split('"')[0] for part in text(page).split('href="') if "template?template=" in part.split('"')[0]]
    form = form_of(member.get(html.unescape(link)), "/template")
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
