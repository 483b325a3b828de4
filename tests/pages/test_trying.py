"""Try it without JavaScript: several turns, how each answer was found, and test cases made of what was said."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.models import Assistant, Conversation
from deployments.pages.talk import MOST_TURNS
from tests import factories
from tests.pages.conftest import Browser, Form, Response, browser_of, form_of, text
from workspaces.models import AuditEvent, Workspace

HOURS = {"name": "Hours", "phrases": ["opening hours", "when are you open"], "answers": [{"text": "**9** to 5"}]}


def make(workspace: Workspace, script: dict[str, Any] | None = None, template: str | None = None) -> Assistant:
    assistant = factories.make_assistant(workspace, published=False, template=template)
    if script is not None:
        change(workspace, assistant, script)
    return assistant


def change(workspace: Workspace, assistant: Assistant, script: dict[str, Any]) -> None:
    with tenant(workspace.id):
        row = Assistant.objects.get(id=assistant.id)
        publishing.change_draft(factories.actor(workspace), row, scripted=script)


def path(assistant: Assistant) -> str:
    return f"/app/assistants/{assistant.id}/try"


def form(page: Response) -> Form:
    return form_of(page, "/try#try-end")


def say(member: Browser, page: Response, words: str, **fields: str) -> Response:
    filled = form(page)
    filled["text"] = words
    for name, value in fields.items():
        filled[name] = value
    return member.send(filled, op="say")


def press(member: Browser, page: Response, name: str, value: str) -> Response:
    return member.send(form(page), **{name: value})


def tap(member: Browser, page: Response, label: str) -> Response:
    found = re.findall(r'name="tap"\s+value="([^"]+)">([^<]*)<', text(page))
    return press(member, page, "tap", [value for value, words in found if html.unescape(words) == label][-1])


def plain(page: Response) -> str:
    """The words of the conversation and of the traces, on one line."""
    turns = text(page).split('class="try-turns"')[1].split('class="try-foot"')[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", turns)).split())


# --- A conversation -----------------------------------------------------------------------------------------------


def test_a_booking_is_talked_through_with_slots_and_questions_shown(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, template="booking")
    page = member.get(path(assistant))
    page = say(member, page, "I'd like an appointment")
    assert "Understood as “Book”" in plain(page)
    assert "Asks for service" in plain(page)
    page = tap(member, page, "Check-up")
    assert "Answers the question for “service”" in plain(page)
    assert "Known so far service Check-up Asks for day" in plain(page)
    page = say(member, page, "some day")
    assert "No answer to the question:" in plain(page)
    for words in ("2031-03-04", "3", "Ada", "+49 30 901820"):
        page = say(member, page, words)
    assert "Is that right?" in plain(page)
    assert "people 3" in plain(page)
    page = tap(member, page, "Yes")
    assert "right yes" in plain(page)
    assert "Here it would ask for a person." in plain(page)
    with tenant(workspace.id):
        assert not Conversation.objects.exists()


def test_scores_phrases_and_runners_up_are_written_out(member: Browser, workspace: Workspace) -> None:
    prices = {"name": "Prices", "phrases": ["opening prices"], "answers": [{"text": "Ask"}]}
    assistant = make(workspace, {"intents": [HOURS, prices], "small_talk": True})
    page = say(member, member.get(path(assistant)), "opning hours")
    found = re.search(r"Understood as “Hours” ([01]\.\d\d) of 0\.50 needed Nearest phrase opening hours", plain(page))
    assert found is not None
    assert float(found[1]) > 0.5
    assert re.search(r"Runners-up Prices 0\.\d\d", plain(page))
    page = say(member, page, "opening of the museum of modern art in the capital")
    assert re.search(r"Not understood 0\.[0-4]\d of 0\.50 needed", plain(page))
    page = say(member, page, "xyzzy")
    assert "Not understood 2 times in a row" in plain(page)
    page = say(member, page, "thank you!")
    assert "Small talk: thanks" in plain(page)


def test_the_draft_answers_as_it_is_saved_now(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    page = say(member, member.get(path(assistant)), "opening hours")
    change(
        workspace,
        assistant,
        {"welcome": {"text": "New welcome"}, "intents": [{**HOURS, "answers": [{"text": "Closed"}]}]},
    )
    page = say(member, page, "opening hours")
    assert "Closed" in plain(page)
    assert "has changed since this conversation began" in text(page)
    page = press(member, page, "op", "restart")
    assert "New welcome" in plain(page)
    assert "Closed" not in plain(page)
    assert "has changed since" not in text(page)


def test_a_draft_with_something_to_mend_says_so(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    with tenant(workspace.id):
        Assistant.objects.update(draft_typed={"name": ""})
    page = say(member, member.get(path(assistant)), "opening hours")
    assert "Until then, the draft from before answers here" in text(page)
    assert "Mend it in the editor" in text(page)
    assert "9 to 5" in plain(page)


def test_beside_the_editor_nobody_is_sent_to_the_editor(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    with tenant(workspace.id):
        Assistant.objects.update(draft_typed={"name": ""})
    page = member.get(f"/app/assistants/{assistant.id}")
    said = member.client.post(path(assistant), {**form(page).values, "text": "opening hours", "op": "say"})
    for beside in (page, said):
        assert "Until then, the draft from before answers here" in text(beside)
        assert "Mend it in the editor" not in text(beside)


def test_a_published_version_can_be_asked_instead(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    with tenant(workspace.id):
        publishing.publish(factories.actor(workspace), assistant.id)
    change(workspace, assistant, {"intents": [{**HOURS, "answers": [{"text": "Closed"}]}]})
    page = member.get(path(assistant))
    assert "Closed" in plain(say(member, page, "opening hours"))
    assert "9 to 5" in plain(say(member, page, "opening hours", source="1"))


SPOKEN = {
    "welcome": {"text": "Hello {{visitor.name|you}}", "also": [{"language": "de", "text": "Hallo {{visitor.name}}"}]},
    "intents": [{**HOURS, "answers": [{"text": "9 to 5", "also": [{"channel": "sms", "text": "9-17"}]}]}],
    "languages": ["en", "de"],
    "no_input": {"after_seconds": 45, "text": "Still _there_ & well?", "then": "end"},
}


def test_channel_language_and_visitor_are_chosen(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, SPOKEN)
    page = member.get(path(assistant))
    assert "Hello you" in plain(page)
    filled = form(page)
    assert filled["language"] == "en"
    filled["language"], filled["name"], filled["channel"] = "de-AT", "Ada *", "sms"
    page = member.send(filled, op="restart")
    assert "Hallo Ada *" in plain(page)
    page = say(member, page, "opening hours")
    assert "9-17" in plain(page)
    assert "Language de-AT" in plain(page)
    assert form(page)["name"] == "Ada *"


def test_silence_is_told_and_can_be_kept(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, SPOKEN)
    page = say(member, member.get(path(assistant)), "opening hours")
    assert "after 45 s of silence, and then end the conversation: Still there & well?" in plain(page)
    page = press(member, page, "op", "silence")
    assert "45 s of silence Still there & well? Here the conversation would end." in plain(page)
    over = say(member, page, "hello?")
    assert (over.status_code, form(over)["text"]) == (422, "hello?")
    assert "Start over to go on" in text(over)


def test_cards_lists_and_links_are_shown_and_their_buttons_tapped(member: Browser, workspace: Workspace) -> None:
    blocks = [
        {"type": "card", "title": "Quay <1>", "text": "By the **sea** <b>", "image_url": "https://a.example/q.png"},
        {
            "type": "carousel",
            "cards": [{"title": "A", "buttons": [{"label": "Hours of A", "payload": "intent:Hours"}]}, {"title": "B"}],
        },
        {
            "type": "list",
            "items": [{"title": "Map", "url": "https://a.example/map"}, {"title": "No *link*", "text": "- a\n- b"}],
        },
        {"type": "buttons", "buttons": [{"label": "Site", "url": "https://a.example/"}]},
    ]
    welcome = {"text": "Hi", "blocks": blocks, "buttons": [{"label": "When?", "payload": "intent:Hours"}]}
    assistant = make(workspace, {"welcome": welcome, "intents": [HOURS]})
    page = member.get(path(assistant))
    source = text(page)
    assert "Quay &lt;1&gt;" in source
    assert "<p>By the <strong>sea</strong> &lt;b&gt;</p>" in source
    assert "No *link*" in source
    assert "<li>a</li>" in source
    assert 'src="https://a.example/q.png"' in source
    assert re.search(r'href="https://a\.example/map"\s+target="_blank"\s+rel="noopener noreferrer nofollow"', source)
    for label in ("Hours of A", "When?"):
        tapped = tap(member, page, label)
        assert "The button leads to “Hours”" in plain(tapped)
        assert f"tapped Visitor: {label}" in plain(tapped)


def test_nothing_that_anyone_writes_becomes_markup(member: Browser, workspace: Workspace) -> None:
    evil = "<img src=x onerror=alert(1)>"
    intent = {
        "name": f"{evil}",
        "phrases": [f"{evil} hours"],
        "answers": [{"text": f"{evil} [x](javascript:alert(1))"}],
    }
    quiet = {"after_seconds": 30, "text": evil}
    assistant = make(workspace, {"welcome": {"text": evil}, "intents": [intent], "no_input": quiet})
    page = say(member, member.get(path(assistant)), f"{evil} hours", name=evil)
    page = press(member, page, "op", "case:0")
    assert "<img" not in text(page)
    assert 'href="javascript' not in text(page)
    assert "&lt;img" in text(page)


# --- What comes back is not believed ------------------------------------------------------------------------------


def test_a_conversation_that_was_changed_on_its_way_begins_anew_and_keeps_what_was_typed(
    member: Browser, workspace: Workspace
) -> None:
    assistant, other = make(workspace, {"intents": [HOURS]}), make(workspace, {"intents": [HOURS]})
    page = say(member, member.get(path(assistant)), "opening hours")
    theirs = form(member.get(path(other)))["talk"]
    for forged in ("x", form(page)["talk"][:-3], theirs, "\x00", "é" * 100):
        filled = form(page)
        filled["talk"], filled["text"] = forged, "what I typed"
        answer = member.send(filled, op="say")
        assert answer.status_code == 422, forged
        assert "could not be read any more" in text(answer)
        assert form(answer)["text"] == "what I typed"


def test_hostile_fields_are_refused_in_words(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    page = member.get(path(assistant))
    for field, value in (
        ("text", "x" * 8001),
        ("text", "a\x00b"),
        ("text", "   "),
        ("language", "not a language!"),
        ("language", "en\n"),
        ("channel", "fax"),
        ("source", "99999999999999999999"),
        ("source", "-1"),
        ("name", "x" * 101),
        ("email", "x" * 255),
        ("op", "nonsense:x"),
        ("tap", "0.0.0"),
        ("tap", "w.9999999999999.x"),
        ("tap", "²"),
    ):
        filled = form(page)
        filled.values["text"] = ["opening hours"]
        filled.values[field] = [value]
        answer = member.client.post(path(assistant), filled.values)
        assert answer.status_code in {200, 422}, (field, value)
        assert "9 to 5" not in plain(answer) or value.strip() == "en", (field, value)
    assert (
        member.client.post(path(assistant), {"csrfmiddlewaretoken": form(page)["csrfmiddlewaretoken"]}).status_code
        == 422
    )


def test_a_long_conversation_goes_on(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    page = member.get(path(assistant))
    for number in range(MOST_TURNS + 2):
        page = say(member, page, f"hello number {number}")
    assert f"hello number {MOST_TURNS + 1}" in plain(page)
    assert "hello number 1 " not in plain(page)
    assert f"Not understood {MOST_TURNS + 2} times in a row" in plain(page)
    assert f'data-turn="{MOST_TURNS + 1}"' in text(page)


def test_the_script_gets_the_panel_alone(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    filled = form(member.get(path(assistant)))
    filled["text"] = "opening hours"
    answer = member.client.post(path(assistant), {**filled.values, "op": "say"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "<html" not in text(answer)
    assert "<strong>9</strong> to 5" in text(answer)


# --- Test cases ---------------------------------------------------------------------------------------------------


def test_what_was_said_becomes_a_test_case_with_what_it_means(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    page = say(member, member.get(path(assistant)), "when do you open")
    page = press(member, page, "op", "case:0")
    filled = form(page)
    assert filled["expected"] == "Hours"
    filled.action = f"{path(assistant)}/case"
    page = member.send(filled, case="0")
    assert "Test case: should mean Hours" in plain(page)
    with tenant(workspace.id):
        assert Assistant.objects.get().test_cases == [{"utterance": "when do you open", "expected": "Hours"}]
        assert AuditEvent.objects.filter(action="assistant.test_cases_changed").count() == 1
    page = say(member, page, "when do you open")
    assert plain(page).count("Test case: should mean Hours") == 2


def test_an_answer_to_a_question_can_not_be_a_test_case(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, template="booking")
    page = say(member, member.get(path(assistant)), "I'd like an appointment")
    for words in ("Check-up", "no day at all", "next tuesday"):
        page = say(member, page, words)
    assert plain(page).count("Add as test case") == 1
    filled = form(page)
    asked = member.client.post(path(assistant), {**filled.values, "op": "case:3"})
    assert "expected" not in form(asked).values
    filled.action = f"{path(assistant)}/case"
    filled.values |= {"case": ["3"], "expected": ["Book"]}
    answer = member.send(filled)
    assert answer.status_code == 422
    assert "This answers a question" in text(answer)


def test_what_is_said_in_the_middle_of_a_question_can_be_one(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, template="booking")
    page = say(member, member.get(path(assistant)), "I'd like an appointment")
    page = say(member, page, "what are your opening hours?")
    assert form(press(member, page, "op", "case:1"))["expected"] == "Opening hours"


def test_a_case_that_can_not_be_kept_says_why(member: Browser, workspace: Workspace) -> None:
    assistant = make(workspace, {"intents": [HOURS]})
    long = say(member, member.get(path(assistant)), "hours " * 60)
    for page, number in ((long, "0"), (long, "7"), (long, "x")):
        filled = form(page)
        filled.action = f"{path(assistant)}/case"
        filled.values |= {"case": [number], "expected": ["Hours"]}
        answer = member.send(filled)
        assert answer.status_code == 422
        assert "test case" in text(answer).split('role="alert"')[1][:300]
    with tenant(workspace.id):
        assert Assistant.objects.get().test_cases == []


@pytest.mark.parametrize("role", ["viewer", "agent"])
def test_who_may_not_write_tries_but_keeps_nothing(workspace: Workspace, role: str) -> None:
    reader = browser_of(workspace, factories.member(workspace, role))
    assistant = make(workspace, {"intents": [HOURS]})
    page = say(reader, reader.get(path(assistant)), "opening hours")
    assert "9 to 5" in plain(page)
    assert "Add as test case" not in text(page)
