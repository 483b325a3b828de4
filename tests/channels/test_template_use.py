"""A template in a conversation: sent at once whatever waits, in the place of what waits if one likes, marked as one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from channels_app import template_choice, windows
from channels_app.models import MessageTemplate
from convoship.lib.threads import in_thread
from deployments.models import Conversation, Message
from tests.api.conftest import Program, program
from tests.channels.phones import Phone
from tests.channels.test_windows import begin, pass_a_day, synchronised, write
from tests.channels.twilio_end import PERSON
from workspaces.models import AuditEvent

pytestmark = pytest.mark.asyncio


async def closed(phone: Phone, **contents: str) -> dict[str, str]:
    """A conversation whose window is closed, with these templates; their SIDs by name."""
    sids = {name: phone.twilio.add_content(body, name=name) for name, body in contents.items()}
    await synchronised(phone)
    await begin(phone)
    await pass_a_day(phone)
    return sids


async def call(phone: Phone, body: dict[str, Any], **headers: str) -> Any:
    """Post a message to the only conversation over the API."""
    conversation = await phone.inside(lambda: Conversation.objects.get())
    caller: Program = await in_thread(lambda: program(workspace=phone.workspace))
    answer = await in_thread(lambda: caller.post(f"/conversations/{conversation.id}/messages", body, **headers))
    await phone.drain()
    return answer


@pytest.mark.parametrize("by_report", [True, False])
async def test_a_template_that_whatsapp_takes_for_free_words_fails_and_says_so(
    whatsapp: Phone, by_report: bool
) -> None:
    sids = await closed(whatsapp, order="Hello {{1}}, your order is here.")
    before = len(whatsapp.twilio.taken)
    if not by_report:
        whatsapp.twilio.refuse(63016)
    await call(whatsapp, {"template": sids["order"], "variables": {"1": "Ada"}})
    if by_report:
        await whatsapp.report(whatsapp.twilio.taken[-1], "undelivered", 63016)
    await whatsapp.drain()
    await whatsapp.now()
    await whatsapp.drain()
    assert len(whatsapp.twilio.taken) == before + by_report
    sent = (await whatsapp.deliveries())[-1]
    assert (sent.status, sent.code, sent.attempts, sent.remedy) == ("failed", "63016", 1, windows.REFUSED_REMEDY)
    message = next(one for one in await whatsapp.messages() if one.template)
    assert (message.status, message.reason) == ("failed", windows.REFUSED)


async def test_a_template_goes_at_once_though_earlier_messages_wait(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, order="Hello {{1}}, your order {{2}} is here.")
    await write(whatsapp, "Late.")
    before = len(whatsapp.twilio.taken)
    answer = await call(whatsapp, {"template": sids["order"], "variables": {"1": "Ada", "2": "7"}})
    assert answer.status_code == 201, answer.content
    assert answer.data["text"] == "Hello Ada, your order 7 is here."
    assert answer.data["template"] == {"sid": sids["order"], "name": "order", "variables": {"1": "Ada", "2": "7"}}
    [taken] = whatsapp.twilio.taken[before:]
    assert (taken.form["ContentSid"], taken.form["To"]) == (sids["order"], f"whatsapp:{PERSON}")
    assert json.loads(taken.form["ContentVariables"]) == {"1": "Ada", "2": "7"}
    stands = {one.text: one.status for one in await whatsapp.messages()}
    assert (stands["Late."], stands["Hello Ada, your order 7 is here."]) == ("parked", "accepted")
    # When they write, what waited goes, and the template not again.
    await whatsapp.text("I am back")
    await whatsapp.drain()
    bodies = [one.body for one in whatsapp.twilio.taken]
    assert bodies.count("Late.") == bodies.count("Hello Ada, your order 7 is here.") == 1


async def test_templates_go_in_their_order_among_themselves(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, news="The news: {{1}} So much for now.")
    await write(whatsapp, "Late.")
    before = len(whatsapp.twilio.taken)
    whatsapp.twilio.refuse(20429, 429)
    for number in ("one", "two", "three"):
        await call(whatsapp, {"template": sids["news"], "variables": {"1": number}})
    assert whatsapp.twilio.taken[before:] == []
    await whatsapp.now()
    await whatsapp.drain()
    said = [json.loads(one.form["ContentVariables"])["1"] for one in whatsapp.twilio.taken[before:]]
    assert said == ["one", "two", "three"]


async def test_what_it_stands_for_is_dropped_and_says_why(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, news="The news: {{1}} So much for now.")
    await write(whatsapp, "Late. " * 400, "Later.")
    late = next(one for one in await whatsapp.messages() if one.text.startswith("Late. "))
    body = {"template": sids["news"], "variables": {"1": "Late."}, "instead_of": late.seq}
    assert (await call(whatsapp, body)).status_code == 201
    pieces = [one for one in await whatsapp.deliveries() if one.message_id == late.id]
    assert len(pieces) > 1
    assert {(one.status, one.reason, one.awaits_window) for one in pieces} == {
        ("suppressed", "A template was sent instead.", False)
    }
    stands = {one.seq: (one.status, one.reason) for one in await whatsapp.messages()}
    assert stands[late.seq] == ("suppressed", "A template was sent instead.")
    assert stands[late.seq + 1][0] == "parked"
    lines = await whatsapp.inside(lambda: set(AuditEvent.objects.values_list("action", flat=True)))
    assert {"conversation.answered", "delivery.dropped"} <= lines
    # Once is enough, and the one that still waits goes when they write.
    again = await call(whatsapp, body)
    assert (again.status_code, again.data["code"]) == (409, "conflict")
    await whatsapp.text("yes?")
    await whatsapp.drain()
    bodies = [one.body for one in whatsapp.twilio.taken]
    assert "Later." in bodies
    assert not [one for one in bodies if one.startswith("Late. Late.")]


async def test_nothing_is_sent_where_the_parked_one_has_gone_meanwhile(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, news="The news: {{1}} So much for now.")
    await write(whatsapp, "Late.")
    late = next(one for one in await whatsapp.messages() if one.text == "Late.")
    await whatsapp.text("I am back")
    await whatsapp.drain()
    before = len(whatsapp.twilio.taken)
    answer = await call(whatsapp, {"template": sids["news"], "variables": {"1": "Late."}, "instead_of": late.seq})
    assert answer.status_code == 409
    assert "no longer parked" in answer.data["detail"]
    assert len(whatsapp.twilio.taken) == before


async def test_who_writes_just_then_gets_the_one_or_the_other_and_never_both(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, news="The news: {{1}} So much for now.")
    for number in range(4):
        await pass_a_day(whatsapp)
        text = f"Late {number}."
        await write(whatsapp, text)
        late = next(one for one in await whatsapp.messages() if one.text == text)
        body = {"template": sids["news"], "variables": {"1": text}, "instead_of": late.seq}
        answer, _ = await asyncio.gather(call(whatsapp, body), whatsapp.text(f"back {number}"))
        await whatsapp.drain()
        bodies = [one.body for one in whatsapp.twilio.taken]
        went = (bodies.count(text), bodies.count(f"The news: {text} So much for now."))
        assert (answer.status_code, went) in {(201, (0, 1)), (409, (1, 0))}


async def test_the_same_client_id_sends_one_template(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, news="The news: {{1}} So much for now.")
    await write(whatsapp, "Late.")
    late = next(one for one in await whatsapp.messages() if one.text == "Late.")
    body = {"template": sids["news"], "variables": {"1": "Late."}, "instead_of": late.seq, "client_id": "a"}
    before = len(whatsapp.twilio.taken)
    assert [(await call(whatsapp, body)).status_code for _ in range(2)] == [201, 200]
    assert len(whatsapp.twilio.taken) == before + 1


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"text"}),
    ({"text": "a", "template": "HX1"}, {"text"}),
    ({"text": "a", "variables": {}}, {"variables"}),
    ({"text": "a", "instead_of": 1}, {"instead_of"}),
    ({"template": "HX1"}, {"template"}),
    ({"template": "order"}, {"template"}),
    ({"template": "waits"}, {"template"}),
    ({"template": "good", "variables": {"1": "Ada"}}, {"variables.2"}),
    ({"template": "good", "variables": {"1": "Ada", "2": "a\nb"}}, {"variables.2"}),
    ({"template": "good", "variables": {"1": "Ada", "2": "\x00"}}, set()),  # no JSON of ours holds it
    ({"template": "good", "variables": {"1": "Ada", "2": "7", "\ud800": "x"}}, set()),
    ({"template": "good", "variables": {"1": 7}}, {"variables.1"}),
    ({"template": "good", "variables": {"1": "Ada", "2": "7", "more": "x"}}, {"variables"}),
    ({"template": "good", "instead_of": 10**30}, {"instead_of"}),
]


async def test_what_is_wrong_stands_beside_its_field(whatsapp: Phone) -> None:
    good = whatsapp.twilio.add_content("Hello {{1}}, your order {{2}} is here.", name="order")
    waits = whatsapp.twilio.add_content("Hello.", name="waits", status="pending")
    await synchronised(whatsapp)
    await begin(whatsapp)
    before = len(whatsapp.twilio.taken)
    named = {"good": good, "waits": waits}
    for wrong, fields in WRONG:
        body = {name: named.get(value, value) if name == "template" else value for name, value in wrong.items()}
        answer = await call(whatsapp, body)
        assert (answer.status_code, set(answer.data.get("errors", {}))) == (422, fields), (wrong, answer.data)
    assert len(whatsapp.twilio.taken) == before


async def test_who_opted_out_gets_no_template_either(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, news="The news: {{1}} So much for now.")
    await whatsapp.text("STOP")
    await whatsapp.drain()
    before = len(whatsapp.twilio.taken)
    answer = await call(whatsapp, {"template": sids["news"], "variables": {"1": "x"}})
    assert answer.status_code == 409
    assert "opted out" in answer.data["detail"]
    assert len(whatsapp.twilio.taken) == before


async def test_a_conversation_elsewhere_has_no_templates(phone: Phone) -> None:
    await begin(phone)
    answer = await call(phone, {"template": "HX1"})
    assert (answer.status_code, answer.data["detail"]) == (
        409,
        "Templates are WhatsApp's, and this conversation does not run over a WhatsApp connection.",
    )


# --- Which one is offered first ---------------------------------------------------------------------------------------


async def test_the_template_that_holds_what_waits_comes_first_with_the_text_in_it(whatsapp: Phone) -> None:
    await closed(
        whatsapp,
        a_reminder="Hello {{1}}, we have news for you.",
        news="Dear {{1}}, here it is: {{2}} Write back to talk to us.",
        plain="Please write to us.",
    )

    def run() -> list[tuple[str, dict[str, str], bool]]:
        MessageTemplate.objects.filter(name="news").update(variables={"1": "Ada", "2": "Your parcel left us."})
        MessageTemplate.objects.filter(name="a_reminder").update(variables={"1": "Ada Lovelace"})
        found = template_choice.ranked(whatsapp.connection, text="Your order\n\nis here.", name="Grace")
        return [(one.template.name, dict(one.values), one.holds) for one in found]

    assert await whatsapp.inside(run) == [
        ("news", {"1": "Grace", "2": "Your order is here."}, True),
        ("a_reminder", {"1": "Grace"}, False),
        ("plain", {}, False),
    ]


async def test_a_message_marked_as_a_template_says_so_nowhere_to_its_reader(whatsapp: Phone) -> None:
    sids = await closed(whatsapp, plain="Please write to us.")
    await call(whatsapp, {"template": sids["plain"]})

    def run() -> Message:
        return Message.objects.order_by("-seq")[0]

    message = await whatsapp.inside(run)
    assert (message.author_kind, message.text) == ("agent", "Please write to us.")
    assert message.template == {"sid": sids["plain"], "name": "plain", "variables": {}}
