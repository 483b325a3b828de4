"""Try it with a model: an answer piece by piece, what it was made of beside it, and failures with what to do."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import live, trying
from deployments.models import Assistant
from deployments.pages import try_stream
from tests import factories
from tests.models.model_end import ModelEnd, Refuses, Says, running
from tests.pages.conftest import Browser, Form, browser_of, form_of, words
from workspaces.models import Workspace
from workspaces.permissions import PERMISSIONS, Role

pytestmark = pytest.mark.django_db(transaction=True)

HOURS = {"name": "Hours", "phrases": ["when are you open"], "answers": [{"text": "From **9** on."}]}


@pytest.fixture
def model(settings: Any) -> Iterator[ModelEnd]:
    with running() as end:
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}
        yield end


@pytest.fixture
def path(workspace: Workspace, model: ModelEnd) -> str:
    """Where an assistant is tried whose answers this model writes."""
    assistant = factories.make_assistant(workspace, template=None)
    with tenant(workspace.id):
        row = Assistant.objects.get(id=assistant.id)
        row.responder = "llm"
        llm = {
            "base_url": model.base_url,
            "model": "test-model",
            "tools": [{"type": "collect", "name": "order", "description": "The order."}],
        }
        row.draft = {"scripted": {**row.draft["scripted"], "intents": [HOURS]}, "llm": llm}
        row.save()
    return f"/app/assistants/{assistant.id}/try"


def form(page: Any) -> Form:
    return form_of(page, "/try#try-end")


def streamed(member: Browser, filled: Form, text: str, heard: threading.Event | None = None) -> tuple[list[str], str]:
    """The pieces in the order in which they came, and the panel after them; `heard` is set with the first piece."""
    filled["text"] = text
    answer: Any = member.client.post(
        filled.action,
        {**filled.values, "op": "say"},
        headers={"HX-Request": "true", "Accept": try_stream.MEDIA_TYPE},
    )
    assert (answer.status_code, answer["Content-Type"]) == (200, try_stream.MEDIA_TYPE)

    async def lines() -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        async for chunk in answer:
            found += [json.loads(line) for line in chunk.splitlines()]
            if heard is not None:
                heard.set()
        return found

    found = async_to_sync(lines)()
    return [one["piece"] for one in found[:-1]], found[-1]["panel"]


def test_pieces_come_before_the_panel_that_says_what_it_took(member: Browser, path: str, model: ModelEnd) -> None:
    # What comes at once is read, and told, in one go: so the second piece is written once the first one is heard.
    heard = threading.Event()
    model.script(Says(["It is ", "on its ", "way."], usage=(50, 6), gates={1: heard}))
    pieces, panel = streamed(member, form(member.get(path)), "Where is it?", heard)
    assert pieces[0] == "It is "
    assert "".join(pieces) == "It is on its way."
    assert "<html" not in panel
    for said in ("It is on its way.", "Written by test-model", "50 read, 6 written", "the first words after"):
        assert said in panel, said


def test_without_javascript_the_whole_answer_comes_at_once(member: Browser, path: str, model: ModelEnd) -> None:
    model.script(Says(["It is ", "on its way."], usage=(50, 6)))
    filled = form(member.get(path))
    filled["text"] = "Where is it?"
    told = words(member.send(filled, op="say"))
    assert "It is on its way." in told
    assert "50 read, 6 written" in told
    assert "Add as test case" not in told, "test cases know intents alone"


def test_what_the_model_keeps_comes_back_with_the_next_turn(member: Browser, path: str, model: ModelEnd) -> None:
    filled = form(member.get(path))
    model.script(Says([], [("collect_order", {"value": "4711"})]), Says(["Thank you."]))
    filled["text"] = "It is 4711."
    page = member.send(filled, op="say")
    model.script(Says(["Still here."]))
    filled = form(page)
    filled["text"] = "And now?"
    assert "Still here." in words(member.send(filled, op="say"))


def test_a_failure_stands_there_with_what_to_do_and_the_script_answers(
    member: Browser, path: str, model: ModelEnd
) -> None:
    model.script(Refuses(401))
    _, panel = streamed(member, form(member.get(path)), "when are you open?")
    assert "From <strong>9</strong> on." in panel
    assert "does not accept the key" in panel
    assert "Add as test case" in panel, "the script has answered"
    assert "Workspace, Secrets" in panel


def test_what_breaks_off_stays_with_its_record(member: Browser, path: str, model: ModelEnd) -> None:
    model.script(Says(["It is ", "on its ", "way."], cut=2))
    pieces, panel = streamed(member, form(member.get(path)), "Where is it?")
    assert "".join(pieces) == "It is on its "
    for said in ("It is on its", "Cut off while being written", "test-model", "the first words after", "read, "):
        assert said in panel, said
    assert panel.count("broke off in the middle") == 1


def test_what_breaks_off_is_cut_also_where_other_words_follow(
    member: Browser, workspace: Workspace, path: str, model: ModelEnd
) -> None:
    with tenant(workspace.id):
        row = Assistant.objects.get()
        row.draft = {**row.draft, "on_failure": {"text": {"text": "Please ask again."}}}
        row.save()
    model.script(Says(["It is ", "on its ", "way."], cut=2))
    filled = form(member.get(path))
    filled["text"] = "Where is it?"
    told = words(member.send(filled, op="say"))
    assert told.index("It is on its") < told.index("Cut off while being written") < told.index("Please ask again.")
    assert "The model could not answer" in told


BELL = "0123456789abcdef" * 2


def test_what_is_stopped_stays_with_its_record(
    member: Browser, workspace: Workspace, path: str, model: ModelEnd
) -> None:
    model.script(Says(["It is ", "on its ", "way."], gates={2: threading.Event()}))
    filled = form(member.get(path))
    filled["text"] = "Where is it?"
    answer: Any = member.client.post(
        filled.action,
        {**filled.values, "op": "say", "bell": BELL},
        headers={"HX-Request": "true", "Accept": try_stream.MEDIA_TYPE},
    )

    async def ring_until_heard() -> None:
        # A process hears what is rung on others a moment after it begins to listen.
        while True:
            try_stream.ring(try_stream.bell_of(workspace.id, BELL))
            await asyncio.sleep(0.05)

    async def until_stopped() -> str:
        found: list[dict[str, str]] = []
        ringing: asyncio.Task[None] | None = None
        try:
            async for chunk in answer:
                found += [json.loads(line) for line in chunk.splitlines()]
                if len(found) == 1:
                    ringing = asyncio.create_task(ring_until_heard())
        finally:
            if ringing is not None:
                ringing.cancel()
            await live.Hub.get().close()
        return found[-1]["panel"]

    panel = async_to_sync(until_stopped)()
    assert model.left.wait(5)
    for said in ("It is", ">Stopped<", "test-model", "the first words after", "read, "):
        assert said in panel, said
    assert "could not answer" not in panel
    assert "Cut off" not in panel


def test_a_bell_is_rung_in_ones_own_workspace_alone(
    member: Browser, workspace: Workspace, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(live, "send", lambda group, event: rung.append(group))
    filled = form(member.get(path))
    for name, status in ((BELL, 204), ("c." + "0" * 30, 204), ("", 204), ("\x00", 204)):
        answer = member.client.post(filled.action, {**filled.values, "op": "stop", "bell": name})
        assert answer.status_code == status
    assert rung == [f"y.{workspace.id.hex}.{BELL}"]


@pytest.mark.parametrize("role", Role)
def test_only_who_may_change_assistants_has_a_model_asked(
    workspace: Workspace, path: str, model: ModelEnd, role: Role
) -> None:
    someone = browser_of(workspace, factories.member(workspace, role))
    filled = form(someone.get(path))
    filled["text"] = "Where is it?"
    page = someone.send(filled, op="say")
    if role in PERMISSIONS["assistants.write"]:
        assert (page.status_code, len(model.asked)) == (200, 1)
        return
    assert (page.status_code, model.asked) == (403, [])
    assert "trying it takes assistants:write." in words(page)
    assert form(page)["text"] == "Where is it?"
    with tenant(workspace.id):
        Assistant.objects.update(responder="scripted")
    filled = form(someone.get(path))
    filled["text"] = "when are you open?"
    assert "From 9 on." in words(someone.send(filled, op="say"))


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "Accept": try_stream.MEDIA_TYPE}])
def test_a_model_is_not_tried_without_end(
    member: Browser, path: str, model: ModelEnd, settings: Any, headers: dict[str, str]
) -> None:
    settings.LIMITS = {**settings.LIMITS, "tries": "2/60"}
    for _ in range(2):
        streamed(member, form(member.get(path)), "Where is it?")
    filled = form(member.get(path))
    filled["text"] = "And now?"
    page: Any = member.client.post(filled.action, {**filled.values, "op": "say"}, headers=headers)
    assert page.status_code == (200 if headers else 429)
    assert 0 < int(page["Retry-After"]) <= 61
    assert "at most 2 in 60 seconds" in words(page)
    assert (len(model.asked), form(page)["text"]) == (2, "And now?")


def test_a_state_may_hold_what_a_model_and_the_script_beside_it_remember() -> None:
    state = {"fields": {"order": "4711"}, "script": {"misses": 1}}
    assert trying.checked_state(state) == state
    refused: list[dict[str, Any]] = [
        {"fields": {"order": 4711}},
        {"fields": {"Order": "x"}},
        {"script": {"script": {}}},
        {"more": 1},
    ]
    for wrong in refused:
        with pytest.raises(Problem):
            trying.checked_state(wrong)
