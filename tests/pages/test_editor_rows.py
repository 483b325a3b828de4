"""Every kind of row of the editor, filled in without JavaScript, and every error at its own field."""

from __future__ import annotations

import re
from typing import Any

import pytest

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.models import Assistant
from tests import factories
from tests.pages.conftest import Browser, Form, form_of, text
from tests.pages.scripts import KITCHEN_SINK
from workspaces.models import Workspace

# What stands for screen readers in the buttons of rows.
NAMES = re.compile(r'<span class="sr-only">((?:Move up|Move down|Remove)?: .*?</span>)</span>', re.DOTALL)


@pytest.fixture
def assistant(workspace: Workspace) -> Assistant:
    """An assistant that has one intent, *Book*, and nothing else."""
    made = factories.make_assistant(workspace, template=None)
    book = {"name": "Book", "phrases": ["book a table"], "answers": [{"text": "Done"}]}
    with tenant(workspace.id):
        return publishing.change_draft(factories.actor(workspace), made, scripted={"intents": [book]})


def opened(member: Browser, assistant: Assistant) -> Form:
    return form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save")


def added(member: Browser, form: Form, *paths: str) -> Form:
    """The form after these buttons were pressed, one after another."""
    for path in paths:
        form = form_of(member.send(form, op=f"add:{path}"), "/save")
    return form


def draft(assistant: Assistant) -> Any:
    with tenant(assistant.workspace_id):
        return Assistant.objects.get(id=assistant.id).draft["scripted"]


def fill(form: Form, **values: str) -> None:
    """`welcome__text` stands for the field `welcome.text`."""
    for name, value in values.items():
        form[name.replace("__", ".")] = value


def test_a_card_a_carousel_and_a_list(member: Browser, assistant: Assistant) -> None:
    at = "intents.0.answers.0"
    form = added(member, opened(member, assistant), f"{at}.blocks:card", f"{at}.blocks:carousel", f"{at}.blocks:list")
    form[f"{at}.blocks.0.title"] = "Tea"
    form = added(member, form, f"{at}.blocks.0.buttons", f"{at}.blocks.1.cards", f"{at}.blocks.2.items")
    values = {
        "blocks.0.text": "Two cups",
        "blocks.0.image_url": "https://shop.example/tea.png",
        "blocks.0.buttons.0.label": "Buy",
        "blocks.0.buttons.0.target": "url",
        "blocks.0.buttons.0.value": "https://shop.example/tea",
        "blocks.1.cards.0.title": "First",
        "blocks.1.cards.1.title": "Second",
        "blocks.2.items.0.title": "Alpha",
        "blocks.2.items.1.title": "Beta",
        "blocks.2.items.1.url": "mailto:beta@shop.example",
    }
    for name, value in values.items():
        form[f"{at}.{name}"] = value
    form = form_of(member.send(form, op=f"up:{at}.blocks.1.cards.1"), "/save")
    form = form_of(member.send(form, op=f"down:{at}.blocks.0"), "/save")
    member.send(form, op="save")
    assert draft(assistant)["intents"][0]["answers"][0]["blocks"] == [
        {"type": "carousel", "cards": [{"title": "Second"}, {"title": "First"}]},
        {
            "type": "card",
            "title": "Tea",
            "text": "Two cups",
            "image_url": "https://shop.example/tea.png",
            "buttons": [{"label": "Buy", "url": "https://shop.example/tea"}],
        },
        {"type": "list", "items": [{"title": "Alpha"}, {"title": "Beta", "url": "mailto:beta@shop.example"}]},
    ]


def test_the_buttons_of_a_row_name_the_row(member: Browser, assistant: Assistant) -> None:
    at = "intents.0.answers.0"
    form = added(member, opened(member, assistant), f"{at}.buttons", f"{at}.blocks:carousel", "intents.0.ask")
    form[f"{at}.buttons.0.label"] = "No <b>"
    form = added(member, form, f"{at}.buttons")
    form[f"{at}.buttons.1.label"] = "Yes, and a label that is longer than any button's"
    page = member.send(form, op=f"add:{at}.buttons")
    called = [" ".join(re.sub("<[^>]+>", "", name).split()) for name in NAMES.findall(text(page).split("<template")[0])]
    assert [name for name in called if name.startswith("Move up")] == [
        "Move up: question 1",
        "Move up: answer 1 “Done”",
        "Move up: button 1 “No &lt;b&gt;”",
        "Move up: button 2 “Yes, and a label that is longer than an…”",
        "Move up: button 3",
        "Move up: carousel 1",
        "Move up: card 1",
    ]
    assert called.count("Remove: carousel 1") == 1
    assert called[-3:] == [": intent 1 “Book”"] * 3


def test_a_question_with_choices_and_what_happens_after_wrong_answers(member: Browser, assistant: Assistant) -> None:
    at = "intents.0.ask.0"
    form = added(member, opened(member, assistant), "intents.0.ask", f"{at}.choices", f"{at}.choices", f"{at}.choices")
    values = {
        "slot": "size",
        "kind": "choice",
        "prompt.text": "Which size?",
        "choices.0.label": "Small",
        "choices.0.value": "S",
        "choices.0.synonyms": "little\r\n\r\n tiny, really ",
        "choices.1.label": "Large",
        "reprompt.text": "Small or large?",
        "invalid.text": "We don't have that.",
        "attempts": "2",
        "give_up.text": "Let me ask a person.",
        "give_up.then": "hand_over",
    }
    for name, value in values.items():
        form[f"{at}.{name}"] = value
    member.send(form, op="save")
    assert draft(assistant)["intents"][0]["ask"] == [
        {
            "slot": "size",
            "kind": "choice",
            "prompt": {"text": "Which size?"},
            "choices": [{"label": "Small", "value": "S", "synonyms": ["little", "tiny, really"]}, {"label": "Large"}],
            "reprompt": {"text": "Small or large?"},
            "invalid": {"text": "We don't have that."},
            "attempts": 2,
            "give_up": {"text": "Let me ask a person.", "then": "hand_over"},
        }
    ]


@pytest.mark.parametrize(
    ("kind", "least", "most", "kept"),
    [
        ("number", "1.5", "12", {"min": 1.5, "max": 12}),
        ("text", "2", "", {"min": 2}),
        ("date", "today", "2027-12-31", {"min": "today", "max": "2027-12-31"}),
        ("email", "", "", {}),
    ],
)
def test_the_bounds_of_a_question(
    kind: str, least: str, most: str, kept: dict[str, Any], member: Browser, assistant: Assistant
) -> None:
    form = added(member, opened(member, assistant), "intents.0.ask")
    fill(form, intents__0__ask__0__slot="it", intents__0__ask__0__kind=kind, intents__0__ask__0__prompt__text="?")
    fill(form, intents__0__ask__0__min=least, intents__0__ask__0__max=most)
    member.send(form, op="save")
    (question,) = draft(assistant)["intents"][0]["ask"]
    assert {name: question[name] for name in ("min", "max") if name in question} == kept


def test_questions_are_put_in_another_order(member: Browser, assistant: Assistant) -> None:
    form = added(member, opened(member, assistant), "intents.0.ask", "intents.0.ask")
    for number, slot in enumerate(("first", "second")):
        form[f"intents.0.ask.{number}.slot"] = slot
        form[f"intents.0.ask.{number}.prompt.text"] = "?"
    form = form_of(member.send(form, op="down:intents.0.ask.0"), "/save")
    member.send(form, op="save")
    assert [question["slot"] for question in draft(assistant)["intents"][0]["ask"]] == ["second", "first"]


def test_the_second_miss_silence_variables_and_languages(member: Browser, assistant: Assistant) -> None:
    form = added(member, opened(member, assistant), "variables", "fallback_again.buttons")
    fill(form, variables__0__name="shop_name", variables__0__value="Tea & Co", languages="en; de pt-BR")
    fill(form, fallback_again__text="Still not.", fallback_again__then="end", no_input__text="Still at {{shop_name}}?")
    fill(form, fallback_again__buttons__0__label="Book", fallback_again__buttons__0__target="intent:Book")
    form["small_talk"] = []
    member.send(form, op="save")
    kept = draft(assistant)
    assert kept["variables"] == [{"name": "shop_name", "value": "Tea & Co"}]
    assert kept["languages"] == ["en", "de", "pt-BR"]
    assert kept["fallback_again"] == {
        "text": "Still not.",
        "buttons": [{"label": "Book", "payload": "intent:Book"}],
        "then": "end",
    }
    assert kept["no_input"] == {"after_seconds": 60, "text": "Still at {{shop_name}}?"}
    assert kept["small_talk"] is False


def test_other_words_for_a_language_and_a_channel(member: Browser, assistant: Assistant) -> None:
    form = added(member, opened(member, assistant), "welcome.also", "welcome.also", "welcome.also.0.buttons")
    fill(form, welcome__also__0__language="de", welcome__also__0__text="Hallo!")
    fill(form, welcome__also__0__buttons__0__label="Buchen", welcome__also__0__buttons__0__target="intent:Book")
    fill(form, welcome__also__1__channel="sms", welcome__also__1__text="Hi.")
    page = text(member.send(form, op="save"))
    assert draft(assistant)["welcome"]["also"] == [
        {"language": "de", "text": "Hallo!", "buttons": [{"label": "Buchen", "payload": "intent:Book"}]},
        {"channel": "sms", "text": "Hi."},
    ]
    assert "German; SMS" in page


def test_an_intent_goes_on_to_another_and_follows_its_new_name(member: Browser, assistant: Assistant) -> None:
    form = added(member, opened(member, assistant), "intents")
    fill(form, intents__1__name="Greet", intents__1__phrases="hello", intents__1__action="intent:Book")
    member.send(form, op="save")
    assert draft(assistant)["intents"][1]["action"] == {"type": "go_to", "intent": "Book"}
    form = opened(member, assistant)
    form["intents.0.name"] = "Reserve"
    page = text(member.send(form, op="save"))
    assert draft(assistant)["intents"][1]["action"] == {"type": "go_to", "intent": "Reserve"}
    assert "Goes to Reserve" in page


def test_what_is_empty_is_no_part_of_the_script(member: Browser, assistant: Assistant) -> None:
    before = draft(assistant)
    everything = ("intents", "intents.0.ask", "intents.0.answers", "variables", "welcome.also", "welcome.buttons")
    form = added(member, opened(member, assistant), *everything, "welcome.blocks:list", "welcome.blocks:carousel")
    assert "The draft is saved" in text(member.send(form, op="save"))
    assert draft(assistant) == before


def asked(**more: str) -> dict[str, str]:
    """A question's fields."""
    values = {"slot": "x", "prompt__text": "?", **more}
    return {f"intents.0.ask.0.{name.replace('__', '.')}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("adds", "values", "field", "words"),
    [
        (["welcome.blocks:card"], {"welcome.blocks.0.text": "x"}, "welcome.blocks.0.title", "must not be empty"),
        (
            ["welcome.blocks:card"],
            {"welcome.blocks.0.title": "x", "welcome.blocks.0.image_url": "ftp://x"},
            "welcome.blocks.0.image_url",
            "address of an image",
        ),
        (["welcome.also"], {"welcome.also.0.text": "x"}, "welcome.also.0", "for which language or channel"),
        (["welcome.also"], {"welcome.also.0.language": "German"}, "welcome.also.0.language", "language tag"),
        (["variables"], {"variables.0.name": "Shop name"}, "variables.0.name", "small letters"),
        ([], {"languages": "en, Deutsch"}, "languages", "“Deutsch”: Use a language tag"),
        ([], {"no_input.text": "x", "no_input.after_seconds": "soon"}, "no_input.after_seconds", "a whole number"),
        ([], {"no_input.text": "x", "no_input.after_seconds": "5"}, "no_input.after_seconds", "10 or more"),
        ([], {"fallback_again.then": "end"}, "fallback_again.text", "must not be empty"),
        (["intents.0.ask"], {"intents.0.ask.0.slot": "My slot"}, "intents.0.ask.0.slot", "a short name"),
        (["intents.0.ask"], {"intents.0.ask.0.slot": "x"}, "intents.0.ask.0.prompt.text", "must not be empty"),
        (["intents.0.ask"], asked(kind="choice"), "intents.0.ask.0-choices", "at least two choices"),
        (["intents.0.ask"], asked(min="two"), "intents.0.ask.0.min", "must be a number"),
        (["intents.0.ask"], asked(kind="email", max="9"), "intents.0.ask.0.max", "has no max"),
        (["intents.0.ask"], asked(kind="date", min="20"), "intents.0.ask.0.min", "a day such as"),
        (["intents.0.ask"], asked(give_up__then="end"), "intents.0.ask.0.give_up.text", "must not be empty"),
        ([], {"welcome.text": "Hi {{nobody}}"}, "welcome.text", "Nothing is called “nobody”"),
        ([], {"intents.0.action": "intent:Elsewhere"}, "intents.0.action", "No intent is called “Elsewhere”"),
        ([], {"name": "Ada\x00"}, "name", "be stored"),
        ([], {"welcome.text": "A\x00da"}, "welcome.text", "be stored"),
    ],
)
def test_each_error_stands_at_its_field_and_the_summary_leads_there(
    adds: list[str], values: dict[str, str], field: str, words: str, member: Browser, assistant: Assistant
) -> None:
    before = draft(assistant)
    form = added(member, opened(member, assistant), *adds)
    for name, value in values.items():
        form[name] = value
    refused = member.send(form, op="save")
    assert refused.status_code == 422
    page = text(refused)
    said = page.partition(f'id="f-{field.replace(".", "-")}_error"')[2].partition("</ul>")[0]
    assert words in said
    summary = page.partition('id="faults"')[2].partition("</ul>")[0]
    assert words in summary
    anchor = summary.partition('href="#')[2].partition('"')[0]
    assert f'id="{anchor}"' in page
    again = form_of(refused, "/save")
    for name, value in values.items():
        assert again[name] == value
    assert draft(assistant) == before


def test_the_summary_names_the_field_and_every_fault(member: Browser, assistant: Assistant) -> None:
    form = added(member, opened(member, assistant), "intents.0.ask")
    values = {**asked(attempts="77"), "intents.0.name": "", "welcome.text": "{{nonsense}}"}
    for name, value in values.items():
        form[name] = value
    page = text(member.send(form, op="save"))
    summary = " ".join(re.sub(r"<[^>]+>", "", page.partition('id="faults"')[2].partition("</ul>")[0]).split())
    assert "question “x”, attempts: This must be 5 or less." in summary
    assert "An intent without a name: Give it a name." in summary
    assert "Welcome: Nothing is called “nonsense”." in summary


def test_hostile_forms_are_refused_and_never_break_the_page(member: Browser, assistant: Assistant) -> None:
    form = opened(member, assistant)
    hostile = {
        "welcome.blocks.0.type": "evil",
        "welcome.blocks.1": "x",
        "welcome.buttons": "x",
        "intents.x.ask.y.attempts": "9" * 5000,
        "intents.x.ask.y.min": "1e999",
        "intents.x.ask.y.kind": "\x00",
        "no_input.after_seconds": "1" * 399,
        "no_input.text": "x",
        "fallback_again.then": "explode",
        "a" * 300: "x",
        ".".join("a" * 100): "x",
    }
    answer = member.client.post(form.action, {**form.values, **hostile, "op": "save"})
    assert answer.status_code == 422
    assert text(answer).count("f-no_input-after_seconds_error")


def test_a_refused_publication_is_said_at_the_top_and_keeps_note_and_draft(
    member: Browser, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **named: Any) -> None:
        raise Problem("conflict", "2 of 3 test cases fail.", hint="Mend them, or lower the threshold.")

    monkeypatch.setattr(publishing, "publish", refuse)
    form = opened(member, assistant)
    fill(form, welcome__text="Ahoy", note="Better words")
    refused = member.send(form, op="publish")
    assert refused.status_code == 409
    page = text(refused)
    assert "not published: 2 of 3 test cases fail." in page
    assert "Mend them, or lower the threshold." in page
    assert "f-name_error" not in page
    assert form_of(refused, "/save")["note"] == "Better words"
    assert draft(assistant)["welcome"]["text"] == "Ahoy"
    monkeypatch.undo()
    assert "is live" in text(member.send(form_of(refused, "/save"), op="publish"))


def test_every_row_of_a_full_script_has_its_buttons(member: Browser, assistant: Assistant) -> None:
    with tenant(assistant.workspace_id):
        publishing.change_draft(factories.actor(member.workspace), assistant, scripted=KITCHEN_SINK)
    form = opened(member, assistant)
    removes = {value.partition(":")[2] for _, value in form.buttons if value.startswith("remove:")}
    assert "intents.0.ask.0.prompt.also.2.blocks.0.buttons.1" in removes
    for path in sorted(removes, key=len, reverse=True)[:3]:
        smaller = form_of(member.send(form, op=f"remove:{path}"), "/save")
        assert len(smaller.values) < len(form.values)
