"""The Templates tab: what there is, new ones with WhatsApp's rules beside the fields, handing in, closed windows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from channels_app import template_making
from channels_app.models import Connection, MessageTemplate
from convoship.lib.tenancy import tenant
from tests import factories
from tests.channels import twilio_end
from tests.channels.far_end import Said
from tests.channels.phones import Phone, make_phone
from tests.channels.test_windows import synchronised
from tests.channels.twilio_end import problem
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text, words
from workspaces.models import AuditEvent, Workspace
from workspaces.permissions import Role


@pytest.fixture
def line(transactional_db: None, workspace: Workspace, settings: Any) -> Iterator[Phone]:
    """A WhatsApp connection of the workspace's."""
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with twilio_end.running() as end:
        yield make_phone(workspace, end, kind="twilio_whatsapp", name="Our WhatsApp")


def page_of(line: Phone, more: str = "") -> str:
    return f"/app/channels/{line.connection.id}/templates{more}"


def rows(line: Phone) -> dict[str, MessageTemplate]:
    with tenant(line.workspace.id):
        return {row.name: row for row in MessageTemplate.objects.select_related("connection")}


def config(line: Phone) -> dict[str, Any]:
    with tenant(line.workspace.id):
        return Connection.objects.get(id=line.connection.id).config


def asked(line: Phone, path: str) -> list[Any]:
    """What Twilio was asked at this path."""
    return [json.loads(seen.body) for seen in line.twilio.seen if seen.method == "POST" and seen.path.endswith(path)]


def fill_in(member: Browser, line: Phone, **fields: str) -> Any:
    """Send the form of a new template with these."""
    form = forms_of(member.get(page_of(line, "/new")))[-1]
    good = {
        "name": "order_update",
        "category": "UTILITY",
        "body": "Hello {{1}}, your order {{2}} is here.",
        "samples": "Ada\n2041",
    }
    for name, value in (good | fields).items():
        form[name] = value
    return member.send(form)


def test_an_empty_tab_says_what_templates_are_for(member: Browser, line: Phone) -> None:
    page = member.get(page_of(line))
    assert "No templates yet" in words(page)
    assert "more than 24 hours after they last wrote" in words(page)
    assert f'href="{page_of(line)}"' in text(member.get(f"/app/channels/{line.connection.id}/"))


def test_the_list_says_what_whatsapp_says_and_what_each_costs(member: Browser, line: Phone) -> None:
    line.twilio.add_content("Hello {{1}}, it is here.", name="order")
    bad = line.twilio.add_content("Buy <b>now</b>!", status="rejected", name="ad", category="MARKETING")
    line.twilio.contents[bad]["approval_requests"]["rejection_reason"] = "It <i>sells</i>."
    asyncio.run(synchronised(line))
    page = member.get(page_of(line))
    said = words(page)
    assert "order Hello {{1}}, it is here." in said
    assert said.index("order") < said.index("Rejected")
    assert "Rejected It <i>sells</i>." in said
    assert "WhatsApp charges little for each one." in said
    assert "WhatsApp charges the most for each one." in said
    assert "Last fetched from Twilio" in said
    assert "<b>now" not in text(page)
    del line.twilio.contents[bad]
    asyncio.run(synchronised(line))
    assert "It is no longer at Twilio." in words(member.get(page_of(line, "/rows")))


def test_a_rejected_template_is_deleted_at_twilio_and_here(member: Browser, line: Phone) -> None:
    line.twilio.add_content("Hello.", name="good")
    bad = line.twilio.add_content("Buy now!", status="rejected", name="ad")
    asyncio.run(synchronised(line))
    kept = rows(line)
    assert "Delete it" not in words(member.get(page_of(line, f"/{kept['good'].id}")))
    assert "This template is approved." in words(member.get(page_of(line, f"/{kept['good'].id}/delete")))
    path = page_of(line, f"/{kept['ad'].id}/delete")
    assert f'href="{path}"' in text(member.get(page_of(line, f"/{kept['ad'].id}")))
    answers, line.twilio.answers = line.twilio.answers, lambda seen: Said(500, {}, b"broken")
    page = member.get(path)
    form = form_of(page, "")
    form.action = path
    assert "ad is not deleted. Twilio broke" in words(member.send(form))
    line.twilio.answers = answers
    assert "ad is deleted." in words(member.send(form))
    assert bad not in line.twilio.contents
    assert list(rows(line)) == ["good"]


def test_a_fault_is_shown_with_its_remedy_and_synchronising_mends_it(member: Browser, line: Phone) -> None:
    answers, line.twilio.answers = line.twilio.answers, lambda seen: Said(500, {}, b"broken")
    asyncio.run(synchronised(line))
    page = member.get(page_of(line))
    assert "The templates could not be fetched." in words(page)
    assert "Twilio broke" in words(page)
    line.twilio.answers = answers
    line.twilio.add_content("Hello.", name="hello_there")
    answer = member.send(form_of(page, "/templates/sync"))
    assert "Being fetched from Twilio" in words(answer)
    assert "could not be fetched" not in words(answer)
    asyncio.run(line.drain())
    page = member.get(page_of(line))
    assert "could not be fetched" not in words(page)
    assert "hello_there" in words(page)


def test_a_template_is_shown_as_its_reader_sees_it(member: Browser, line: Phone) -> None:
    types = {
        "twilio/card": {
            "title": "Hello {{1}}, it is here.",
            "media": ["https://shop.example/a.jpg"],
            "actions": [{"type": "URL", "title": "Track it", "url": "https://shop.example/{{2}}"}],
        }
    }
    line.twilio.add_content("", name="card", types=types, variables={"1": "Ada", "2": "7"})
    asyncio.run(synchronised(line))
    page = member.get(page_of(line, f"/{rows(line)['card'].id}"))
    assert "Hello Ada , it is here." in words(page)
    assert "A file: https://shop.example/a.jpg" in words(page)
    assert "Track it (https://shop.example/{{2}})" in words(page)


def test_a_new_template_is_made_and_handed_in(member: Browser, line: Phone) -> None:
    answer = fill_in(member, line, button_1="Track it", button_2="Stop")
    assert answer.status_code == 200
    assert "It is handed in." in words(answer)
    assert "Submitted" in words(answer)
    [content] = asked(line, "/v1/Content")
    assert content == {
        "friendly_name": "order_update",
        "language": "en",
        "variables": {"1": "Ada", "2": "2041"},
        "types": {
            "twilio/quick-reply": {
                "body": "Hello {{1}}, your order {{2}} is here.",
                "actions": [
                    {"type": "QUICK_REPLY", "title": "Track it", "id": "Track it"},
                    {"type": "QUICK_REPLY", "title": "Stop", "id": "Stop"},
                ],
            }
        },
    }
    assert asked(line, "/whatsapp") == [{"name": "order_update", "category": "UTILITY"}]
    row = rows(line)["order_update"]
    assert (row.approval, row.category, row.is_usable) == ("received", "UTILITY", False)
    with tenant(line.workspace.id):
        assert AuditEvent.objects.filter(action="connection.template_submitted").count() == 1


WRONG: list[tuple[dict[str, str], str]] = [
    ({"name": ""}, "Give the template a name."),
    ({"name": "Order Update"}, "Only small letters a to z, digits and _: order_update, for instance."),
    ({"name": "a" * 513}, "At most 512 characters."),
    ({"language": "tlh"}, "Choose one of WhatsApp's languages."),
    ({"category": "AUTHENTICATION"}, "Choose Utility or Marketing."),
    ({"body": ""}, "Write what is sent."),
    ({"body": "x" * 1025, "samples": ""}, "1025 characters, and WhatsApp takes 1024."),
    ({"body": "Hello {{1}} and {{3}}, bye."}, "Variables are numbered without holes, and {{2}} is missing."),
    ({"body": "Hello {{name}}, bye."}, "Variables are numbers: {{1}}, {{2}} and so on, not {{name}}."),
    ({"body": "Hello {{1}, bye."}, "A variable is a number between two braces on each side: {{1}}."),
    ({"body": "{{1}} is here {{2}}."}, "WhatsApp takes no variable at the very start or end"),
    ({"body": "Here is {{1}}, {{2}}"}, "WhatsApp takes no variable at the very start or end"),
    ({"body": "Here is {{1}} {{2}}."}, "WhatsApp takes no two variables side by side"),
    ({"samples": "Ada"}, "Give {{2}} a sample: WhatsApp looks at the text with it."),
    ({"samples": "Ada\n" + "x" * 201}, "At most 200 characters for the sample of {{2}}."),
    ({"samples": "Ada\n7\nmore"}, "There are more samples than variables: the text has 2."),
    ({"button_1": "x" * 21}, "A button has at most 20 characters."),
    ({"button_1": "Yes", "button_2": "yes"}, "Each button has words of its own."),
    ({"body": "a\x00b", "samples": ""}, "Null characters are not allowed."),
    ({"body": "x" * 9000}, "Ensure this value has at most 8000 characters"),
]


def test_what_whatsapp_refuses_is_said_beside_its_field(member: Browser, line: Phone) -> None:
    for fields, said in WRONG:
        answer = fill_in(member, line, **fields)
        assert answer.status_code == 422, fields
        assert said in words(answer), fields
        # Nothing typed is lost.
        kept = forms_of(answer)[-1]
        assert kept["samples"] == fields.get("samples", "Ada\n2041")
    assert line.twilio.seen == []


def test_a_name_that_is_taken_is_refused_before_anybody_is_asked(member: Browser, line: Phone) -> None:
    fill_in(member, line)
    before = len(line.twilio.seen)
    answer = fill_in(member, line)
    assert "There is a template of this name in this language." in words(answer)
    assert len(line.twilio.seen) == before


def refuse_handing_in(line: Phone) -> Any:
    """Twilio makes contents, and takes none in for approval; answers what it did before."""
    answers = line.twilio.answers
    line.twilio.answers = lambda seen: problem(20500, 500) if "ApprovalRequests" in seen.path else answers(seen)
    return answers


def test_what_was_made_and_not_handed_in_is_handed_in_later_and_not_made_again(member: Browser, line: Phone) -> None:
    answers = refuse_handing_in(line)
    answer = fill_in(member, line)
    assert "The template is at Twilio, and not handed in to WhatsApp." in words(answer)
    assert "Nobody has looked at it: hand it in." in words(answer)
    line.twilio.answers = answers
    form = form_of(answer, "/submit")
    assert (form["name"], form["category"]) == ("order_update", "UTILITY")
    form["category"] = "MARKETING"
    assert "It is handed in." in words(member.send(form))
    assert len(asked(line, "/v1/Content")) == 1
    assert rows(line)["order_update"].category == "MARKETING"
    # Once is enough.
    assert "This template is submitted." in words(member.send(form))
    assert len(asked(line, "/whatsapp")) == 2


def test_where_nobody_knows_whether_it_was_made_the_list_is_asked(member: Browser, line: Phone) -> None:
    answers = line.twilio.answers

    def lost(seen: Any) -> Said:
        answers(seen)
        return Said(cut=True)

    line.twilio.answers = lost
    answer = fill_in(member, line)
    assert answer.status_code == 422
    assert "Nobody knows whether the template was made." in words(answer)
    assert forms_of(answer)[-1]["name"] == "order_update"
    line.twilio.answers = answers
    asyncio.run(line.drain())
    assert "There is a template of this name" in words(member.send(forms_of(answer)[-1]))
    assert len(asked(line, "/v1/Content")) == 1


def test_a_form_that_is_sent_twice_makes_one(member: Browser, line: Phone) -> None:
    form = forms_of(member.get(page_of(line, "/new")))[-1]
    form["name"], form["body"] = "hello_there", "Hello."
    form["category"] = "UTILITY"
    member.send(form)
    assert "That was sent already" in words(member.send(form))
    assert len(asked(line, "/v1/Content")) == 1


def test_no_transaction_waits_for_twilio(member: Browser, line: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    hand_in = template_making.hand_in

    def watched(provider: Any, template: Any) -> Any:
        seen.append(transaction.get_connection().in_atomic_block)
        return hand_in(provider, template)

    monkeypatch.setattr(template_making, "hand_in", watched)
    fill_in(member, line)
    assert seen == [False]


def test_one_template_carries_what_a_closed_window_stops(member: Browser, line: Phone) -> None:
    sid = line.twilio.add_content("A message for you: {{1}} Bye.", name="carrier")
    line.twilio.add_content("Hello {{1}}, order {{2}} is here.", name="two")
    line.twilio.add_content("A message: {{1}} Bye.", name="waits", status="pending")
    asyncio.run(synchronised(line))
    found = rows(line)
    two = member.get(page_of(line, f"/{found['two'].id}"))
    assert "This one can't: It has 2 variables, and the message has to fit into exactly one." in words(two)
    waits = member.get(page_of(line, f"/{found['waits'].id}"))
    assert "This one can't: WhatsApp has not approved it." in words(waits)
    for page in (two, waits):
        assert not [form for form in forms_of(page) if form.action.endswith("/window")]
    # Nor by a form that no page has.
    for name in ("two", "waits"):
        form = form_of(member.get(page_of(line, f"/{found['carrier'].id}")), "/window")
        form.action = page_of(line, f"/{found[name].id}/window")
        assert "can't carry messages" in words(member.send(form))
    answer = member.send(form_of(member.get(page_of(line, f"/{found['carrier'].id}")), "/window"))
    assert "carrier now carries what a closed window stops." in words(answer)
    assert config(line)["window_template"] == sid
    assert "When the window is closed" in words(member.get(page_of(line)))
    member.send(form_of(answer, "/window"))
    assert "window_template" not in config(line)


def test_another_like_it_begins_with_its_words(member: Browser, line: Phone) -> None:
    line.twilio.add_content("Hello {{1}}, bye.", name="order", variables={"1": "Ada"}, status="rejected")
    asyncio.run(synchronised(line))
    form = forms_of(member.get(page_of(line, f"/new?like={rows(line)['order'].id}")))[-1]
    assert (form["name"], form["body"], form["samples"]) == ("order_2", "Hello {{1}}, bye.", "Ada")
    assert forms_of(member.get(page_of(line, "/new?like=x")))[-1]["name"] == ""


def test_who_may_only_read_sees_no_buttons(line: Phone) -> None:
    line.twilio.add_content("Hello {{1}}, bye.", name="order", status="unsubmitted")
    asyncio.run(synchronised(line))
    viewer = browser_of(line.workspace, factories.member(line.workspace, Role.VIEWER))
    for more in ("", f"/{rows(line)['order'].id}"):
        page = viewer.get(page_of(line, more))
        assert page.status_code == 200
        assert not [form for form in forms_of(page) if "/templates" in form.action]
    assert viewer.get(page_of(line, "/new")).status_code == 403


def test_other_kinds_have_no_such_tab(member: Browser, workspace: Workspace, line: Phone) -> None:
    sms = make_phone(workspace, line.twilio)
    for more in ("", "/rows", "/new", f"/{line.connection.id}"):
        assert member.get(page_of(sms, more)).status_code == 404
    assert "Templates" not in words(member.get(f"/app/channels/{sms.connection.id}/"))
