"""Whatever a model's end does wrong: the visitor reads something, the owner reads what it was and what to do.

Each goes through the API, a real endpoint and the real SDK, and is well again with the next good answer.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from convoship.lib.outbound import sending
from deployments.models import Handoff, Spending
from deployments.pages import thought_words
from deployments.responders import llm
from tests.models.model_end import ModelEnd, Plan, Refuses, Says
from tests.models.test_at_the_door import KEY, Office, ask
from tests.models.test_at_the_door import office as office
from tests.runtime.conftest import site  # noqa: F401 (a fixture)

pytestmark = pytest.mark.asyncio

COLLECT = {"type": "collect", "name": "order", "description": "the order's number"}
NEVER = threading.Event()
CUT = "The answer was cut off while being written."


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ends, sooner."""
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(llm, "FIRST_PIECE_SECONDS", 0.3)
    monkeypatch.setattr(llm, "WHOLE_SECONDS", 1.0)
    monkeypatch.setattr(sending, "CONNECT_SECONDS", 0.2)


def event(data: str) -> Says:
    """A stream of one event that isn't what it should be."""
    return Says(raw=f"data: {data}\n\ndata: [DONE]\n\n".encode())


def choice(delta: Any, **more: Any) -> Says:
    return event(json.dumps({"choices": [{"index": 0, "delta": delta, **more}]}))


# What it does, the kind of failure, and words of what its owner reads.
FAILURES: dict[str, tuple[Plan, str, str]] = {
    "a wrong key": (Refuses(401, f"Incorrect API key provided: {KEY}"), "key", "does not accept the key"),
    "a key without rights": (Refuses(403, f"The key {KEY} is not for this."), "key", "refuses this key"),
    "no such model": (Refuses(404, "The model does not exist", "model_not_found"), "model", "no model 'test-model'"),
    "no such address": (Refuses(404, body=b"<html>nothing here</html>"), "model", "no model 'test-model'"),
    "no credit": (Refuses(429, "You exceeded your current quota", "insufficient_quota"), "quota", "no credit left"),
    "to be paid": (Refuses(402, "Pay first"), "quota", "no credit left"),
    "too many requests": (Refuses(429, "Slow down"), "busy", "takes no more requests"),
    "a filter, before": (Refuses(400, "Filtered", "content_filter"), "filter", "kept the answer back"),
    "a filter, in the middle": (Says(["Yes"], finish="content_filter"), "filter", "kept the answer back"),
    "too long to read": (Refuses(400, "maximum context length is 8192"), "context", "longer than the model"),
    "what it does not know": (Refuses(400, "Unsupported value: 'x'"), "broken", "Unsupported value"),
    "broken": (Refuses(500, "Oops"), "broken", "broken just now"),
    "a gateway that waits": (Refuses(504, "Gateway"), "timeout", "did not answer in time"),
    "no first piece": (Says(["Late."], gates={0: NEVER}), "timeout", "did not answer in time"),
    "its turn, and no first piece": (Says(["Late."], role=True, gates={0: NEVER}), "timeout", "did not answer in time"),
    "no end": (Says(["So", " it"], gates={2: NEVER}), "timeout", "had not finished its answer"),
    "broken off before the first piece": (Says(["a"], cut=0), "unreachable", "broke off in the middle"),
    "broken off in the middle": (Says(["Half an ", "answer"], cut=1), "unreachable", "broke off in the middle"),
    "an error in the middle": (Says(["Half"], error={"message": "overloaded"}), "broken", "overloaded"),
    "done without an end": (Says([], ends_early=True), "unreachable", "broke off in the middle"),
    "not a word": (Says([]), "broken", "without a word"),
    "only tools": (Says(calls=[("order", {"value": "A-1"})]), "broken", "called tools 5 times in a row"),
    "a page": (Refuses(200, body=b"<html>a page</html>"), "unreachable", "broke off in the middle"),
    "without an end of any line": (Says(raw=b"data: " + b"x" * 9_000_000), "unreachable", "more than 256 KB"),
    "an error without an end": (Refuses(400, body=b"x" * 9_000_000), "broken", "refused the request (400)"),
    "no JSON": (event("{not json"), "broken", "can't be read"),
    "only brackets": (event("[" * 100_000), "broken", "can't be read"),
    "no text": (Says(raw=b"data: \xff\xfe\n\n"), "broken", "can't be read"),
    "a list": (event("[1]"), "broken", "can't be read"),
    "a word": (event('"hello"'), "broken", "can't be read"),
    "choices that are none": (event('{"choices": "abc"}'), "broken", "can't be read"),
    "a choice that is none": (event('{"choices": [7]}'), "broken", "can't be read"),
    "a text that is none": (choice({"content": {"a": 1}}), "broken", "can't be read"),
    "a call that is none": (choice({"tool_calls": ["x"]}), "broken", "can't be read"),
    "arguments that are none": (
        choice({"tool_calls": [{"index": 0, "function": {"name": "order", "arguments": {"a": 1}}}]}),
        "broken",
        "can't be read",
    ),
}
# Said of the question, or of what was asked for: whatever answers is well.
NOT_ILL = {"filter", "context"}


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that is logged by anybody, at whatever level, with its errors."""
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text


@pytest.mark.parametrize("what", FAILURES)
async def test_it_is_said_with_a_remedy_kept_on_the_timeline_and_well_again_after(
    office: Office, model: ModelEnd, heard: Callable[[], str], what: str
) -> None:
    plan, code, words = FAILURES[what]
    shown = await office.call("GET", office.path)
    await office.change(llm={**shown["llm"], "tools": [COLLECT]})
    await office.publish()
    model.script(plan)
    said = await ask(office, "Where is my mauve parcel?")
    # The visitor: what was seen of it is visibly cut, and the last word is that there is no answer.
    *before, notice = said
    assert (notice["author"]["kind"], notice["status"]) == ("system", "failed")
    assert notice["text"]
    has_begun = isinstance(plan, Says) and bool(plan.pieces) and 0 not in plan.gates and plan.cut != 0
    assert [(one["status"], one["reason"]) for one in before] == ([("failed", CUT)] if has_begun else [])
    # The owner: what, why and what to do.
    [turn] = await office.turns()
    failure = turn.trace["failure"]
    assert (turn.status, failure["code"]) == ("failed", code), failure
    assert words in failure["reason"]
    assert failure["remedy"].endswith(".")
    facts = dict(thought_words.facts(turn.trace))
    assert facts["Failed"] == f"{failure['reason']} {failure['remedy']}"
    assert facts["Model"] == "test-model"
    assert turn.trace["calls"] == len(model.asked)
    # What was set aside is settled, whatever happened.
    assert await office.read(lambda: Spending.objects.exclude(held_until=None).count()) == 0
    health = (await office.call("GET", office.path))["health"]
    is_ill = code not in NOT_ILL
    assert (health["ok"], health["code"]) == (not is_ill, code if is_ill else "")
    assert bool(health["reason"] and health["remedy"]) is is_ill
    assert KEY not in json.dumps([said, turn.trace, health])
    model.script(Says(["Well ", "again."]))
    assert [one["text"] for one in await ask(office)] == ["Well again."]
    assert (await office.call("GET", office.path))["health"]["ok"] is True
    assert not any(one in heard() for one in (KEY, "mauve", "Half", "Well", "A-1"))


async def test_an_address_that_takes_no_connection_is_told_apart_from_one_that_refuses_it(
    office: Office, model: ModelEnd, settings: Any, heard: Callable[[], str]
) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        settings.OUTBOUND_ALLOWLIST = settings.OUTBOUND_ALLOWLIST | {("127.0.0.1", port)}
        await office.change(
            llm={"base_url": f"http://127.0.0.1:{port}/v1", "model": "m", "api_key": "model_key"},
            secret_values={"model_key": KEY},
        )
        await office.publish()
        await ask(office)
    await ask(office)
    told = [turn.trace["failure"] for turn in await office.turns()]
    assert [(one["code"], one["reason"]) for one in told] == [
        ("timeout", "127.0.0.1 did not answer in time."),
        ("unreachable", "127.0.0.1 can't be reached."),
    ]
    assert (await office.call("GET", office.path))["health"]["code"] == "unreachable"
    assert KEY not in heard()


@pytest.mark.parametrize(
    "plan", [Says(["Half ", "a"], gates={2: NEVER}), Says(["Half ", "a"], cut=1)], ids=["late", "cut"]
)
async def test_half_an_answer_is_visibly_cut_also_where_other_words_follow(
    office: Office, model: ModelEnd, plan: Says
) -> None:
    await office.change(on_failure={"text": {"text": "One moment."}, "person": True})
    await office.publish()
    model.script(plan)
    half, words, *asked_for = await ask(office)
    assert half["text"].startswith("Half")
    assert (half["status"], half["reason"]) == ("failed", CUT)
    assert (words["text"], words["status"]) == ("One moment.", "sent")
    assert asked_for, "a person is asked for"
    assert await office.read(lambda: Handoff.objects.count()) == 1


@pytest.mark.parametrize(
    "plan",
    [Says(["Late."], role=True, gates={0: NEVER}), Says(calls=[("order", {"value": "A-1"})])],
    ids=["no first piece", "only tools"],
)
async def test_the_script_answers_in_place_of_what_never_ends(office: Office, model: ModelEnd, plan: Says) -> None:
    shown = await office.call("GET", office.path)
    await office.change(llm={**shown["llm"], "tools": [COLLECT]})
    await office.publish()
    model.script(plan)
    assert [one["text"] for one in await ask(office, "when are you open?")] == ["From 9."]
    [turn] = await office.turns()
    assert (turn.status, turn.trace["by"]) == ("done", "words")
    assert turn.trace["failure"]["code"] in {"timeout", "broken"}


@pytest.mark.parametrize("arguments", ["{not json", "[1]", "", {"value": 7}, {"value": "A-1", "admin": True}])
async def test_a_tool_called_with_bad_arguments_is_said_to_the_model_and_stands_on_the_timeline(
    office: Office, model: ModelEnd, heard: Callable[[], str], arguments: Any
) -> None:
    shown = await office.call("GET", office.path)
    await office.change(llm={**shown["llm"], "tools": [COLLECT]})
    await office.publish()
    model.script(Says(["I look. "], calls=[("order", arguments)]), Says(["Which order?"]))
    replies = await ask(office)
    assert "".join(one["text"] for one in replies) == "I look. \n\nWhich order?"
    assert {one["status"] for one in replies} == {"sent"}
    [turn] = await office.turns()
    [call] = turn.trace["tools"]
    assert (turn.status, call["name"], call["ok"]) == ("done", "order", False)
    assert call["words"]
    assert "order (" in dict(thought_words.facts(turn.trace))["Tools"]
    assert (await office.call("GET", office.path))["health"]["ok"] is True
    assert "A-1" not in heard()


async def test_calls_without_a_place_are_calls_of_their_own(office: Office, model: ModelEnd) -> None:
    """As an endpoint sends them that leaves `index` out, each whole."""
    shown = await office.call("GET", office.path)
    await office.change(llm={**shown["llm"], "tools": [COLLECT, {**COLLECT, "name": "city"}]})
    await office.publish()
    calls = [
        {"id": f"c{name}", "function": {"name": name, "arguments": json.dumps({"value": value})}}
        for name, value in (("order", "A-1"), ("city", "Kiel"))
    ]
    model.script(choice({"tool_calls": calls}, finish_reason="tool_calls"), Says(["Thanks."]))
    assert [one["text"] for one in await ask(office)] == ["Thanks."]
    [turn] = await office.turns()
    assert turn.trace["fields"] == {"order": "A-1", "city": "Kiel"}


async def test_a_model_that_thinks_aloud_says_only_what_it_means_to(office: Office, model: ModelEnd) -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    model.script(choice({"content": [thinking, {"type": "text", "text": "Yes."}]}, finish_reason="stop"))
    assert [one["text"] for one in await ask(office)] == ["Yes."]


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": None},
        {"prompt_tokens": -9, "completion_tokens": -9},
        {},
        5,
        {"prompt_tokens": 2**63, "completion_tokens": 2},
    ],
)
async def test_a_count_that_is_none_is_estimated(office: Office, model: ModelEnd, usage: Any) -> None:
    """Else a provider's slip would give a budget back what it never held."""
    end = json.dumps({"choices": [], "usage": usage})
    text = json.dumps({"choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]})
    model.script(event(f"{text}\n\ndata: {end}"))
    assert [one["text"] for one in await ask(office)] == ["Yes."]
    [spending] = await office.read(lambda: list(Spending.objects.all()))
    assert (spending.tokens_in > 20, spending.tokens_out) == (True, 2)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Refuses(401), "I can't answer at the moment, and sending your message again won't help."),
        (Refuses(402), "I can't answer at the moment, and sending your message again won't help."),
        (Refuses(400, "Filtered", "content_filter"), "I can't answer this. Please ask it in fewer or other words."),
        (Refuses(500), "Something went wrong while answering. Please send your message again."),
    ],
    ids=["key", "quota", "filter", "broken"],
)
async def test_a_visitor_is_told_whether_to_try_again_and_can_ask_for_a_person_by_a_button(
    office: Office, model: ModelEnd, plan: Plan, words: str
) -> None:
    model.script(plan)
    session = (await office.site.start()).data
    [notice] = (await office.site.say(session, "Where is my parcel?")).data["replies"]
    assert notice["text"] == f"{words} You can also talk to a person."
    [button] = notice["blocks"][0]["buttons"]
    asked = len(model.asked)
    pressed = await office.site.say(session, button["label"], payload=button["payload"])
    assert pressed.status_code == 201
    case = await office.read(lambda: Handoff.objects.get())
    assert case.reason == "The visitor asked for a person where no answer came."
    assert len(model.asked) == asked, "the press is no question"


async def test_where_nobody_can_be_asked_no_person_is_offered(office: Office, model: ModelEnd) -> None:
    await office.change(handoff={"on_request": False})
    await office.publish()
    model.script(Refuses(401))
    [notice] = await ask(office)
    assert (notice["text"].endswith("won't help."), notice["blocks"]) == (True, [])


async def test_where_a_person_is_asked_for_anyway_there_is_no_button_for_it(office: Office, model: ModelEnd) -> None:
    await office.change(handoff={"after_failures": 1})
    await office.publish()
    model.script(Refuses(401))
    notice, *_ = await ask(office)
    assert notice["blocks"] == []
    assert await office.read(lambda: Handoff.objects.count()) == 1
