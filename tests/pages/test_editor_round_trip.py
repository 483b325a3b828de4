"""What the editor shows and saves again is what was there, whatever a script can hold."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convoship.lib.tenancy import tenant
from deployments import publishing
from deployments.pages import editor
from deployments.pages.editor_kinds import Row
from deployments.responders import content
from deployments.responders.schema import CHANNELS, KINDS
from deployments.responders.templates import TEMPLATES
from tests import factories
from tests.pages.conftest import Browser, form_of
from tests.pages.scripts import KITCHEN_SINK
from workspaces.models import Workspace

SCRIPTS = {"kitchen sink": KITCHEN_SINK, **{slug: template.content() for slug, template in TEMPLATES.items()}}

# --- Any script ---------------------------------------------------------------------------------------------------

words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}"), min_size=1, max_size=12
).filter(str.strip)
texts = st.lists(words, min_size=1, max_size=3).map("\n".join)
names = st.text("abc Äß-", min_size=1, max_size=8).map(str.strip).filter(bool)
links = st.sampled_from(["https://shop.example/a?b=c", "mailto:a@b.example", "tel:+49 30 1"])
images = st.just("https://shop.example/a.png")
payloads = st.one_of(words.map(str.strip), st.sampled_from(["intent:a", "intent:A", "intent:c"]))
buttons = st.lists(
    st.one_of(
        st.fixed_dictionaries({"label": words, "payload": payloads}),
        st.fixed_dictionaries({"label": words, "url": links}),
    ),
    max_size=3,
)
card = {"title": words}
card_more = {"text": texts, "image_url": images, "buttons": buttons}
blocks = st.lists(
    st.one_of(
        st.fixed_dictionaries({"type": st.just("buttons"), "buttons": buttons.filter(bool)}),
        st.fixed_dictionaries({"type": st.just("card"), **card}, optional=card_more),
        st.fixed_dictionaries(
            {
                "type": st.just("carousel"),
                "cards": st.lists(st.fixed_dictionaries(card, optional=card_more), min_size=1, max_size=3),
            }
        ),
        st.fixed_dictionaries(
            {
                "type": st.just("list"),
                "items": st.lists(
                    st.fixed_dictionaries({"title": words}, optional={"text": texts, "url": links}),
                    min_size=1,
                    max_size=3,
                ),
            }
        ),
    ),
    max_size=2,
)
said = {"buttons": buttons, "blocks": blocks}
languages = st.sampled_from(["de", "en-GB", "pt-BR", "zh-Hant"])
also = st.lists(
    st.one_of(
        st.fixed_dictionaries({"text": texts, "language": languages}, optional=said),
        st.fixed_dictionaries(
            {"text": texts, "language": languages, "channel": st.sampled_from(CHANNELS)}, optional=said
        ),
    ),
    max_size=2,
    unique_by=lambda entry: (str(entry["language"]), str(entry.get("channel"))),
)
spoken = st.fixed_dictionaries({"text": texts}, optional={**said, "also": also})


def spoken_and(**more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"text": texts, **more}, optional={**said, "also": also})


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(KINDS))
    question: dict[str, Any] = {"slot": draw(st.sampled_from("pqrs")), "kind": kind, "prompt": draw(spoken)}
    for name in ("reprompt", "invalid"):
        if draw(st.booleans()):
            question[name] = draw(spoken)
    if draw(st.booleans()):
        question["give_up"] = draw(spoken_and(then=st.sampled_from(["cancel", "hand_over", "end"])))
    if draw(st.booleans()):
        question["attempts"] = draw(st.integers(1, 5))
    if kind == "number" and draw(st.booleans()):
        question["min"] = draw(st.one_of(st.integers(-9, 9), st.floats(-9, 9)))
        question["max"] = draw(st.one_of(st.integers(10, 10**30), st.floats(10, 1e300)))
    if kind == "text" and draw(st.booleans()):
        question["max"] = draw(st.integers(1, 1000))
    if kind == "date" and draw(st.booleans()):
        question |= {"min": draw(st.sampled_from(["today", "2027-01-31", "00010101"])), "max": "2030-12-31"}
    if kind == "choice":
        question["choices"] = [
            draw(
                st.fixed_dictionaries(
                    {"label": st.just(f"choice {number}")},
                    optional={"value": words, "synonyms": st.just([f"word {number}", f"other, {number}"])},
                )
            )
            for number in range(draw(st.integers(2, 3)))
        ]
    return question


def slot_of(question: Any) -> str:
    return str(question["slot"])


@st.composite
def scripts(draw: st.DrawFn) -> dict[str, Any]:
    actions = [{"type": "hand_over"}, {"type": "end"}, {"type": "go_to", "intent": "a"}]
    always: dict[str, st.SearchStrategy[Any]] = {
        "phrases": st.lists(words, min_size=1, max_size=3),
        "answers": st.lists(spoken, min_size=1, max_size=2),
    }
    intents: list[dict[str, Any]] = [
        draw(
            st.fixed_dictionaries(
                {**always, "name": st.just(name)},
                optional={
                    "ask": st.lists(questions(), max_size=2, unique_by=slot_of),
                    **({"action": st.sampled_from(actions)} if name != "a" else {}),
                },
            )
        )
        for name in ["a", "c", *draw(st.lists(names.filter(lambda name: len(name) > 1), max_size=1))]
    ]
    then = st.sampled_from(["hand_over", "end"])
    script: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {"welcome": spoken, "fallback": spoken, "small_talk": st.booleans(), "intents": st.just(intents)},
            optional={
                "fallback_again": st.one_of(spoken, spoken_and(then=then)),
                "no_input": st.one_of(
                    spoken_and(after_seconds=st.integers(10, 3600)),
                    spoken_and(after_seconds=st.integers(10, 3600), then=then),
                ),
                "variables": st.lists(
                    st.fixed_dictionaries({"name": st.sampled_from("xyz"), "value": texts}),
                    max_size=2,
                    unique_by=lambda variable: str(variable["name"]),
                ),
                "languages": st.lists(languages, max_size=3),
            },
        )
    )
    return script


def posted(script: Row, prefix: str = "") -> list[tuple[str, str]]:
    """What a browser would send of this form."""
    sent = [
        (prefix + name, value.replace("\n", "\r\n"))
        for name, value in script.values.items()
        if (name, value) != ("small_talk", "")
    ]
    for name, part in script.parts.items():
        sent += posted(part, f"{prefix}{name}.")
    for name, rows in script.lists.items():
        for number, row in enumerate(rows):
            sent += posted(row, f"{prefix}{name}.{number}.")
    return sent


def through_the_form(script: dict[str, Any]) -> dict[str, Any]:
    data = QueryDict(mutable=True)
    for name, value in posted(editor.from_content("Ada", script)):
        data[name] = value
    sent = editor.from_post(data)
    again = editor.from_kept(editor.to_kept(sent))
    for typed in (sent, again):
        editor.drop_empty(typed)
    assert editor.to_content(sent) == editor.to_content(again)
    return content.validate(editor.to_content(sent))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scripts())
def test_any_script_comes_out_of_the_form_as_it_went_in(script: dict[str, Any]) -> None:
    normal = content.validate(script)
    assert through_the_form(copy.deepcopy(normal)) == normal


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_ready_script_comes_out_of_the_form_as_it_went_in(name: str) -> None:
    normal = content.validate(SCRIPTS[name])
    assert through_the_form(normal) == normal


@pytest.mark.parametrize("name", SCRIPTS)
def test_opening_the_page_and_saving_it_changes_nothing(name: str, member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace, template=None)
    with tenant(workspace.id):
        publishing.change_draft(factories.actor(workspace), assistant, scripted=SCRIPTS[name])
    before = assistant.draft
    form = form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save")
    saved = member.send(form, op="save")
    assert saved.status_code == 200
    with tenant(workspace.id):
        assistant.refresh_from_db()
    assert assistant.draft == before
