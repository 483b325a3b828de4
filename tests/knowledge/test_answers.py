"""A script that answers from what its assistant has read, as visitors meet it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convoship.lib.tenancy import tenant
from deployments import conversations, publishing, turns
from deployments.conversations import NewMessage
from deployments.knowledge import searching, sources
from deployments.models import Assistant, Conversation, Message, Turn
from deployments.models.conversation import AuthorKind
from deployments.responders import quoting, scripted
from deployments.responders.base import Missed, NoReach, Passage, Say, Trace, TurnInput
from tests import factories
from tests.knowledge.conftest import Reader, reader_in

SCRIPT: dict[str, Any] = {
    "welcome": {"text": "Hello"},
    "intents": [{"name": "Person", "phrases": ["talk to a person"], "answers": [{"text": "One moment."}]}],
    "fallback": {"text": "Sorry?"},
}
RETURNS = """# Returns

You may send anything back within sixty days, unused and in its packaging.

# Wages

Staff are paid monthly."""


@pytest.fixture
def reader(db: None) -> Reader:
    """An assistant with a script that knows little and has read more."""
    found = reader_in(factories.make_workspace())
    found.add(sources.add_text, title="Help *pages*", text=RETURNS)
    return found


def published(reader: Reader, **script: Any) -> Conversation:
    """A visitor's conversation with the assistant as it is published now."""
    with tenant(reader.workspace.id):
        assistant = Assistant.objects.get(id=reader.assistant.id)
        publishing.change_draft(reader.actor, assistant, scripted={**SCRIPT, **script})
        publishing.publish(reader.actor, assistant.id)
        assistant.refresh_from_db()
    opened = factories.start_session(factories.make_deployment(reader.workspace, assistant))
    with tenant(reader.workspace.id):
        return Conversation.objects.get(id=opened.session.conversation_id)


def say(conversation: Conversation, text: str) -> tuple[list[Message], Turn, list[str]]:
    """The answer, its turn, and the statements that it took."""
    with tenant(conversation.workspace_id), CaptureQueriesContext(connection) as statements:
        held = conversations.lock(conversation.id)
        new = NewMessage(author_kind=AuthorKind.VISITOR, text=text, client_id=f"c-{text[:20]}")
        _, answer, claim = turns.take_message(held, new, queue=False)
        assert claim is None
    with tenant(conversation.workspace_id):
        turn = Turn.objects.filter(conversation=conversation).latest("seq")
    return answer, turn, [query["sql"] for query in statements.captured_queries]


def test_what_no_intent_understands_is_answered_from_what_was_read(reader: Reader) -> None:
    conversation = published(reader, uses_knowledge=True)
    [message], turn, _ = say(conversation, "until when may I return it?")
    assert "“You may send anything back within sixty days, unused and in its packaging.”" in message.text
    assert message.blocks == [{"type": "list", "items": [{"title": "Help *pages* › Returns"}]}]
    assert turn.trace["by"] == "knowledge"
    assert turn.trace["knowledge"][0]["cited"] is True
    assert turn.trace["misses"] == 0
    with tenant(reader.workspace.id):
        assert Conversation.objects.get(id=conversation.id).misses == 0


def test_what_was_not_read_gets_the_fallback_and_counts_as_a_miss(reader: Reader) -> None:
    conversation = published(reader, uses_knowledge=True)
    [message], turn, _ = say(conversation, "what is the capital of France")
    assert (message.text, turn.trace["by"]) == ("Sorry?", "fallback")
    with tenant(reader.workspace.id):
        assert Conversation.objects.get(id=conversation.id).misses == 1


def test_a_script_without_it_and_what_is_understood_pay_no_query(reader: Reader) -> None:
    def asked_knowledge(statements: list[str]) -> list[str]:
        return [one for one in statements if "knowledge" in one]

    off = published(reader)
    [message], _, statements = say(off, "until when may I return it?")
    assert message.text == "Sorry?"
    assert asked_knowledge(statements) == []
    on = published(reader, uses_knowledge=True)
    [message], _, statements = say(on, "talk to a person")
    assert message.text == "One moment."
    assert asked_knowledge(statements) == []
    assert asked_knowledge(say(on, "until when may I return it?")[2]) != []


def test_knowledge_that_can_not_be_searched_costs_the_visitor_no_message(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = published(reader, uses_knowledge=True)

    def broken(*_: Any, **__: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setattr(searching, "find", broken)
    [message], _, _ = say(conversation, "until when may I return it?")
    assert message.text == "Sorry?"


class Reach(NoReach):
    """One that has found this."""

    def __init__(self, *found: Passage) -> None:
        self.found = found

    async def passages(self, text: str, limit: int) -> tuple[Passage, ...]:
        return self.found


def asking(text: str, reach: Any, **script: Any) -> TurnInput:
    content = {**SCRIPT, **script}
    return TurnInput(
        text=text, payload=None, locale="de", channel="web", history=(), state={}, content=content, reach=reach
    )


async def test_a_message_that_had_to_queue_is_answered_the_same_by_what_the_turn_reaches() -> None:
    responder = scripted.ScriptedResponder()
    passage = Passage("1", "Hilfe", "https://a.example/b", "Sie haben 60 Tage.", 0.9)
    replies = [one async for one in responder.answer(asking("rückgabe", Reach(passage), uses_knowledge=True))]
    [said] = [one for one in replies if isinstance(one, Say)]
    assert said.text == "Das habe ich dazu gefunden:\n\n„Sie haben 60 Tage.“"
    assert said.blocks == ({"type": "list", "items": [{"title": "Hilfe", "url": "https://a.example/b"}]},)
    weak = Passage("1", "Hilfe", "", "Etwas anderes.", quoting.ENOUGH - 0.01)
    replies = [one async for one in responder.answer(asking("rückgabe", Reach(weak), uses_knowledge=True))]
    assert [one for one in replies if isinstance(one, Missed)]
    assert [one.data["by"] for one in replies if isinstance(one, Trace)] == ["fallback"]


def test_a_passage_is_quoted_as_plain_text_and_its_address_only_if_it_is_of_the_web() -> None:
    evil = Passage("1", "T", "javascript:alert(1)", "[click](https://evil.example) <b>*now*</b>\n# big", 1.0)
    said = quoting.quoted(evil, "click", None)
    assert "\\[click\\]\\(https://evil.example\\) \\<b\\>\\*now\\*\\</b\\>\n\\# big" in said.text
    assert said.blocks == ({"type": "list", "items": [{"title": "T"}]},)


def test_of_a_long_passage_the_sentences_that_fit_are_quoted_whole() -> None:
    filler = "This sentence is about something else entirely and goes on. " * 12
    text = f"{filler}Parcels to islands take a week longer. {filler}"
    found = quoting.excerpt(text, "how long does a parcel to an island take")
    assert "Parcels to islands take a week longer." in found
    assert len(found) <= quoting.LONGEST_QUOTE + 4
    assert found.startswith("… ")
    assert found.endswith(" …")
