"""An answer in Markdown, whoever wrote it, as the person on the other side gets it: through a rehearsal's far end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pytest_django.live_server_helper import LiveServer

from channels_app.models.rehearsal import LineKind
from channels_app.providers.twilio import texts
from convoship.lib.tenancy import tenant
from deployments import conversations, handoff, publishing, webhook_secrets
from deployments.models import Assistant, Conversation
from tests import factories
from tests.channels.rehearsals import Rehearsed, rehearse
from tests.models import bot_end, model_end
from tests.models.bot_end import BotEnd
from tests.models.model_end import ModelEnd, Says
from workspaces.models import Workspace

ANSWER = (
    "It is **on its way**. See [the page](https://shop.example/t?id=7).\n\n"
    "- code `SPRING_24`\n- 2 * 3 bags\n\nAnything else?"
)
FORMS = {
    "twilio_sms": (
        "It is on its way. See the page (https://shop.example/t?id=7).\n\n"
        "- code SPRING_24\n- 2 * 3 bags\n\nAnything else?"
    ),
    "twilio_whatsapp": (
        "It is *on its way*. See the page (https://shop.example/t?id=7).\n\n"
        "- code `SPRING_24`\n- 2 * 3 bags\n\nAnything else?"
    ),
    "voice_gateway": (
        "It is on its way. See the page, shop.example.\ncode SPRING_24.\n2 * 3 bags.\nAnything else?"
    ),
}  # fmt: skip
every_form = pytest.mark.parametrize("kind", FORMS)


@pytest.fixture(autouse=True)
def stage(live_server: LiveServer, settings: Any) -> Callable[[int], None]:
    """The product on this machine, which may call itself, and what else of this machine a test names."""
    parts = urlsplit(live_server.url)
    settings.PUBLIC_BASE_URL = live_server.url
    settings.OUTBOUND_ALLOWLIST = frozenset({(parts.hostname, parts.port)})

    def allow(port: int) -> None:
        settings.OUTBOUND_ALLOWLIST |= {("127.0.0.1", port)}

    return allow


@pytest.fixture
def model(stage: Callable[[int], None]) -> Iterator[ModelEnd]:
    with model_end.running() as end:
        stage(end.server.server_address[1])
        yield end


@pytest.fixture
def bot(stage: Callable[[int], None]) -> Iterator[BotEnd]:
    with bot_end.running() as end:
        stage(end.port)
        yield end


def assistant_of(workspace: Workspace, **draft: Any) -> Assistant:
    assistant = factories.make_assistant(workspace, published=False)
    actor = factories.actor(workspace)
    with tenant(workspace.id):
        assistant = publishing.change_draft(actor, assistant, **draft)
        webhook_secrets.first(actor, assistant)
        publishing.publish(actor, assistant.id)
        return Assistant.objects.select_related("published").get(id=assistant.id)


def with_model(kind: str, model: ModelEnd, *pieces: str) -> Rehearsed:
    """A rehearsal whose assistant is a model that answers this."""
    model.script(Says(pieces))
    workspace = factories.make_workspace()
    llm = {"base_url": model.base_url, "model": "test-model"}
    return rehearse(kind, workspace, assistant_of(workspace, responder="llm", parts={"llm": llm}))


def ask(it: Rehearsed, text: str = "where is my parcel") -> None:
    """They write this, or call and say it."""
    if it.connection.kind == "voice_gateway":
        it.says("", does="call")
        it.settles()
        it.says(text, address=it.lines(LineKind.SAID)[0].address)
    else:
        it.says(text)
    it.settles()


def caught(it: Rehearsed) -> list[str]:
    """What the other side got, in order."""
    return [line.text for line in it.lines(LineKind.CAUGHT)]


def stored(it: Rehearsed) -> list[str]:
    return [message.text for message in it.messages if message.author_kind in {"assistant", "agent"}]


@every_form
def test_a_models_answer_has_the_channels_form_and_is_stored_as_it_was_written(kind: str, model: ModelEnd) -> None:
    it = with_model(kind, model, ANSWER[:9], ANSWER[9:40], ANSWER[40:])
    ask(it)
    shown = "[the page (shop.example)](https://shop.example/t?id=7)"
    assert stored(it)[-1] == ANSWER.replace("[the page](https://shop.example/t?id=7)", shown)
    assert any(text.endswith(FORMS[kind]) for text in caught(it)), caught(it)


@every_form
def test_a_bots_answer_has_the_channels_form(kind: str, bot: BotEnd) -> None:
    bot.script(bot_end.says({"messages": [{"text": ANSWER}]}))
    workspace = factories.make_workspace()
    parts = {"webhook": {"url": bot.url}}
    it = rehearse(kind, workspace, assistant_of(workspace, responder="webhook", parts=parts))
    ask(it)
    assert any(text.endswith(FORMS[kind]) for text in caught(it)), caught(it)


@every_form
def test_a_scripted_answer_has_the_channels_form(kind: str) -> None:
    workspace = factories.make_workspace()
    intent = {"name": "parcel", "phrases": ["where is my parcel"], "answers": [{"text": ANSWER}]}
    it = rehearse(kind, workspace, assistant_of(workspace, scripted={"intents": [intent]}))
    ask(it)
    assert any(text.endswith(FORMS[kind]) for text in caught(it)), caught(it)


@every_form
def test_what_a_member_writes_has_the_channels_form(kind: str) -> None:
    it = rehearse(kind)
    it.says("hello")
    it.settles()
    with tenant(it.workspace.id):
        conversation = conversations.lock(Conversation.objects.get().id)
        handoff.reply(factories.actor(it.workspace), factories.owner_of(it.workspace), conversation, ANSWER, None)
    it.settles()
    assert stored(it)[-1] == ANSWER
    assert any(text.endswith(FORMS[kind]) for text in caught(it)), caught(it)


def test_a_bridge_gets_the_markdown(model: ModelEnd) -> None:
    it = with_model("custom_webhook", model, "It is **on its way**.")
    ask(it)
    assert caught(it)[-1] == "It is **on its way**."


@pytest.mark.parametrize("kind", ["twilio_sms", "twilio_whatsapp"])
def test_an_answer_that_is_too_long_for_one_message_comes_in_several_in_order_and_whole(
    kind: str, model: ModelEnd
) -> None:
    sentences = [f"Sentence {number} says **something** of note about *it*." for number in range(120)]
    it = with_model(kind, model, *(f"{sentence} " for sentence in sentences))
    ask(it)
    pieces = [text for text in caught(it) if "Sentence" in text]
    assert len(pieces) > 2
    assert all(texts.units(piece) <= 1600 for piece in pieces)
    # Each ends where a sentence does.
    assert all(piece.endswith(".") for piece in pieces)
    marks = ("*something*", "_it_") if kind == "twilio_whatsapp" else ("something", "it")
    expected = [f"Sentence {number} says {marks[0]} of note about {marks[1]}." for number in range(120)]
    assert " ".join(pieces) == " ".join(expected)
    (message,) = [one for one in it.messages if "Sentence 119" in one.text]
    assert message.status in {"delivered", "read"}
