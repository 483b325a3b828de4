"""The responder of language models, against an endpoint over real HTTP and through the real SDK."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from deployments.responders import llm, llm_content
from deployments.responders.base import (
    End,
    EndOfText,
    HandOver,
    NoReach,
    Passage,
    Remember,
    Reply,
    ResponderError,
    Token,
    Trace,
    TurnInput,
    Usage,
)
from deployments.responders.content import ContentRefused
from tests.channels.far_end import FarEnd, Said
from tests.channels.far_end import running as far_running
from tests.models.model_end import ModelEnd, Refuses, Says

KEY = "sk-test-1234567890abcdef"


@dataclass
class Desk(NoReach):
    """What the responder may reach, and what it took."""

    read: Sequence[Passage] = ()
    spent: list[Usage] = field(default_factory=list)
    settled: list[tuple[str, Usage]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def secret(self, key: str, url: str) -> str:
        self.asked.append((key, url))
        return KEY

    async def passages(self, text: str, limit: int) -> Sequence[Passage]:
        return self.read[:limit]

    async def spend(self, most: Usage) -> str:
        self.spent.append(most)
        return f"s{len(self.spent)}"

    async def settle(self, spent: str, usage: Usage) -> None:
        self.settled.append((spent, usage))


def turn(model: ModelEnd, desk: Desk | None = None, state: dict[str, Any] | None = None, **content: Any) -> TurnInput:
    return TurnInput(
        text="Where is my parcel?",
        payload=None,
        locale="en",
        channel="web",
        history=(),
        state=state or {},
        content=llm_content.validate({"base_url": model.base_url, "model": "test-model", **content}),
        reach=desk or Desk(),
        conversation_id="c-1",
        turn_id="t-1",
        user_id="user/7",
    )


async def replies(asked: TurnInput) -> list[Reply]:
    return [reply async for reply in llm.LLMResponder().answer(asked)]


def opened(asked: TurnInput) -> AsyncGenerator[Reply]:
    return cast("AsyncGenerator[Reply]", llm.LLMResponder().answer(asked))


def text_of(said: Sequence[Reply]) -> str:
    return "".join(reply.text for reply in said if isinstance(reply, Token))


def trace_of(said: Sequence[Reply]) -> dict[str, Any]:
    return {key: value for reply in said if isinstance(reply, Trace) for key, value in reply.data.items()}


async def test_an_answer_comes_in_pieces_and_what_it_took_is_told(model: ModelEnd) -> None:
    desk = Desk()
    model.script(Says(["Hel", "lo ", "there."], usage=(120, 4)))
    said = await replies(turn(model, desk, api_key="model_key", temperature=0.2, max_tokens=99))
    assert text_of(said) == "Hello there."
    told = trace_of(said)
    assert (told["responder"], told["by"], told["finish"], told["calls"]) == ("llm", "llm", "stop", 1)
    assert (told["tokens_in"], told["tokens_out"]) == (120, 4)
    assert 0 <= told["first_ms"] <= told["ms"]
    [asked] = model.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert (asked.body["temperature"], asked.body["max_tokens"], asked.body["stream"]) == (0.2, 99, True)
    assert "tools" not in asked.body
    assert desk.asked == [("model_key", model.base_url)]
    assert desk.spent[0].tokens_out == 99
    assert desk.settled == [("s1", Usage("test-model", 120, 4))]


async def test_a_piece_is_given_on_before_the_next_one_is_written(model: ModelEnd) -> None:
    gate = threading.Event()
    model.script(Says(["First. ", "Second."], gates={1: gate}))
    async with aclosing(opened(turn(model))) as answer:
        first = await anext(answer)
        assert isinstance(first, Token)
        assert first.text == "First. "
        gate.set()
        assert text_of([first, *[reply async for reply in answer]]) == "First. Second."


async def test_openai_itself_is_told_the_longest_answer_by_its_own_name(model: ModelEnd) -> None:
    await replies(turn(model, preset="openai", max_tokens=50))
    assert model.asked[0].body["max_completion_tokens"] == 50
    assert "max_tokens" not in model.asked[0].body


async def test_without_a_count_it_is_estimated(model: ModelEnd) -> None:
    desk = Desk()
    model.script(Says(["x" * 300], usage=None))
    await replies(turn(model, desk))
    [(_, usage)] = desk.settled
    assert usage.tokens_out == 100
    assert usage.tokens_in > 0


@pytest.mark.parametrize("said", ["}{" * 500, "0123456789" * 100, "\u6f22\u5b57" * 500])
async def test_as_many_tokens_are_set_aside_as_there_may_be(model: ModelEnd, said: str) -> None:
    desk = Desk()
    await replies(replace(turn(model, desk), text=said))
    assert desk.spent[0].tokens_in >= len(said)


async def test_what_it_has_read_is_given_to_it_and_cited(model: ModelEnd) -> None:
    read = [
        Passage("a", "Parcels", "https://shop.example/parcels", "Two days.", 0.9),
        Passage("b", "Other", "", "x", 0.1),
    ]
    model.script(Says(["It takes two days [1]."]))
    said = await replies(turn(model, Desk(read)))
    [end] = [reply for reply in said if isinstance(reply, EndOfText)]
    assert end.blocks == ({"type": "list", "items": [{"title": "Parcels", "url": "https://shop.example/parcels"}]},)
    assert [(one["title"], one["cited"]) for one in trace_of(said)["knowledge"]] == [
        ("Parcels", True),
        ("Other", False),
    ]
    assert "Two days." in model.asked[0].system


async def test_links_of_the_model_say_where_they_lead(model: ModelEnd) -> None:
    model.script(Says(["Look [he", "re](https://evil", ".example/x)."]))
    assert text_of(await replies(turn(model))) == "Look [here (evil.example)](https://evil.example/x)."


async def test_more_than_a_message_can_hold_is_cut_and_the_connection_closed(model: ModelEnd) -> None:
    model.script(Says(["x" * 5_000] * 100, gates={90: threading.Event()}))
    said = await replies(turn(model))
    assert len(text_of(said)) == 8_000
    assert trace_of(said)["finish"] == "length"
    assert await asyncio.to_thread(model.left.wait, 5)


# --- Tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "name", "act"),
    [
        ("hand_over", "hand_over", HandOver("They want a person.")),
        ("end", "end_conversation", End("They want a person.")),
    ],
)
async def test_a_model_hands_over_and_ends(model: ModelEnd, tool: str, name: str, act: Reply) -> None:
    model.script(Says(["One moment."], [(name, {"reason": "They  want a\nperson."})]))
    said = await replies(turn(model, tools=[{"type": tool}]))
    assert text_of(said) == "One moment."
    assert said[-1] == act
    assert len(model.asked) == 1


async def test_what_the_visitor_tells_is_kept_for_the_next_turns(model: ModelEnd) -> None:
    tools = [{"type": "collect", "name": "order", "description": "the order's number"}]
    model.script(Says(calls=[("order", {"value": "A-1"})]), Says(["Thanks."], usage=(200, 2)))
    desk = Desk()
    said = await replies(turn(model, desk, {"kept": 1}, tools=tools))
    assert Remember({"kept": 1, "fields": {"order": "A-1"}}) in said
    assert text_of(said) == "Thanks."
    assert [message["role"] for message in model.asked[1].body["messages"]] == ["system", "user", "assistant", "tool"]
    told = trace_of(said)
    assert (told["calls"], told["tokens_in"], told["fields"]) == (2, 211, {"order": "A-1"})
    assert [one for one, _ in desk.settled] == ["s1", "s2"]
    # Told again in the next turn.
    await replies(turn(model, state={"fields": {"order": "A-1"}}, tools=tools))
    assert '{"order": "A-1"}' in model.asked[-1].system


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<think>\nThey want <b>this</b>.\n</think>\n\nHello.", "Hello."),
        ("\n<think></think>Hello.", "Hello."),
        ("<thinking> is hard.", "<thinking> is hard."),
        ("<th", "<th"),
        ("Use <think> and </think>.", "Use <think> and </think>."),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>"),
    ],
)
async def test_what_a_model_thinks_before_it_answers_is_not_shown(
    model: ModelEnd, written: str, shown: str, size: int
) -> None:
    model.script(Says([written[at : at + size] for at in range(0, len(written), size)]))
    assert text_of(await replies(turn(model))) == shown


async def test_a_model_that_only_thinks_has_not_answered(model: ModelEnd) -> None:
    model.script(Says(["<think>", "Hm, hm, hm."], finish="length"))
    with pytest.raises(ResponderError, match="without a word") as told:
        await replies(turn(model))
    assert "raise that" in told.value.remedy


async def test_what_it_says_before_and_after_a_tool_is_one_answer_in_paragraphs(model: ModelEnd) -> None:
    tools = [{"type": "collect", "name": "order", "description": "the order's number"}]
    call = ("order", {"value": "A-1"})
    read = (Passage("1", "Sending", "https://shop.example/sending", "Sent daily.", 0.9),)
    model.script(Says(["One ", "moment [1]."], [call]), Says(["It was", " sent."]))
    said = await replies(turn(model, Desk(read), tools=tools))
    assert text_of(said) == "One moment [1].\n\nIt was sent."
    [end] = [reply for reply in said if isinstance(reply, EndOfText)]
    assert end.blocks, "what the first part cites is a source"
    # Each call is told what it said itself, and nothing twice.
    assert model.asked[1].body["messages"][-2]["content"] == "One moment [1]."


async def test_an_answer_that_ends_after_a_tool_without_another_word_is_one(model: ModelEnd) -> None:
    tools = [{"type": "collect", "name": "order", "description": "the order's number"}]
    model.script(Says(["Thanks, I have it."], [("order", {"value": "A-1"})]), Says([], finish="stop"))
    said = await replies(turn(model, tools=tools))
    assert text_of(said) == "Thanks, I have it."
    assert any(isinstance(reply, EndOfText) for reply in said)


async def test_the_longest_answer_holds_over_all_calls(model: ModelEnd) -> None:
    tools = [{"type": "collect", "name": "order", "description": "the order's number"}]
    model.script(Says(["x" * 5_000], [("order", {"value": "A-1"})]), Says(["y" * 5_000]))
    said = await replies(turn(model, tools=tools))
    assert len(text_of(said)) == 8_000


LOOK_UP = {
    "type": "http",
    "name": "order_status",
    "description": "Where an order is.",
    "method": "POST",
    "headers": [{"name": "X-Api-Key", "secret": "shop_key"}, {"name": "X-Shop", "value": "1"}],
    "parameters": {
        "type": "object",
        "properties": {"number": {"type": "string", "pattern": "^A-[0-9]+$"}},
        "required": ["number"],
    },
}


@pytest.fixture
def shop(settings: Any, model: ModelEnd) -> Any:
    with far_running() as end:
        settings.OUTBOUND_ALLOWLIST |= {("127.0.0.1", end.port)}
        yield end


async def test_a_tool_of_the_workspace_is_called_with_the_visitors_rights_alone(model: ModelEnd, shop: FarEnd) -> None:
    shop.script(Said(body=b'{"status": "sent"}'))
    model.script(Says(calls=[("order_status", {"number": "A-1"})]), Says(["It was sent."]))
    desk = Desk()
    said = await replies(turn(model, desk, tools=[{**LOOK_UP, "url": shop.url}]))
    [request] = shop.seen
    assert request.json == {"number": "A-1"}
    assert (request.headers["x-api-key"], request.headers["x-shop"]) == (KEY, "1")
    assert (request.headers["convoship-conversation"], request.headers["convoship-user"]) == ("c-1", "user%2F7")
    assert desk.asked == [("shop_key", shop.url)]
    assert model.asked[1].body["messages"][-1]["content"] == '{"status": "sent"}'
    [record] = trace_of(said)["tools"]
    assert (record["name"], record["ok"], record["words"]) == ("order_status", True, "")


TAKEN = (
    *("Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive"),
    *("TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization", "Accept-Encoding", "Convoship-User"),
    *("Convoship-Conversation", "webhook-signature", "WEBHOOK-ID"),
)


async def test_an_older_tool_with_headers_that_are_taken_is_called_without_them(model: ModelEnd, shop: FarEnd) -> None:
    model.script(Says(calls=[("order_status", {"number": "A-1"})]), Says(["It was sent."]))
    theirs = [{"name": name, "value": "5"} for name in TAKEN] + [{"name": "X-Shop", "value": "1"}]
    asked = turn(model, tools=[{**LOOK_UP, "url": shop.url}])
    older = {**asked.content, "tools": [{**LOOK_UP, "url": shop.url, "headers": theirs}]}
    await replies(replace(asked, content=older))
    [request] = shop.seen
    assert request.headers["host"] == f"127.0.0.1:{shop.port}"
    assert (request.headers["convoship-user"], request.headers["content-type"]) == ("user%2F7", "application/json")
    assert (request.headers["x-shop"], request.json) == ("1", {"number": "A-1"})
    assert not {"te", "expect", "proxy-authorization", "webhook-id", "transfer-encoding"} & set(request.headers)


@pytest.mark.parametrize("name", TAKEN)
def test_a_tool_has_no_header_by_a_name_that_is_taken(name: str) -> None:
    tool = {
        **LOOK_UP,
        "url": "https://a.example",
        "headers": [{"name": "A", "value": "1"}, {"name": name, "value": "1"}],
    }
    with pytest.raises(ContentRefused) as refused:
        llm_content.validate({"base_url": "https://m.example/v1", "model": "m", "tools": [tool]})
    assert refused.value.errors == {"tools[0].headers[1].name": [f"{name} is set with each call. Use another name."]}


async def test_arguments_go_into_the_query_of_a_get_and_nowhere_else(model: ModelEnd, shop: FarEnd) -> None:
    model.script(Says(calls=[("order_status", {"number": "A-1"})]), Says(["Ok."]))
    await replies(turn(model, tools=[{**LOOK_UP, "method": "GET", "url": shop.url + "?fixed=1"}]))
    assert shop.seen[0].path == "/hook?fixed=1&number=A-1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"number": "B"}, "number: "),
        ({}, "This is missing."),
        ({"number": "A-1", "admin": True}, "admin: This key isn't known."),
        ("{not json", "The arguments are no JSON."),
        ("[1]", "The arguments have to be an object."),
    ],
)
async def test_arguments_that_do_not_fit_are_told_to_the_model_and_sent_nowhere(
    model: ModelEnd, shop: FarEnd, arguments: Any, words: str
) -> None:
    model.script(Says(calls=[("order_status", arguments)]), Says(["Sorry."]))
    said = await replies(turn(model, tools=[{**LOOK_UP, "url": shop.url}]))
    assert shop.seen == []
    assert words in model.asked[1].body["messages"][-1]["content"]
    assert trace_of(said)["tools"][0]["ok"] is False


async def test_a_pattern_takes_no_time_whatever_the_visitor_has_it_held_against(model: ModelEnd, shop: FarEnd) -> None:
    parameters = {"type": "object", "properties": {"number": {"type": "string", "pattern": r"^(\w+\s?)*$"}}}
    model.script(Says(calls=[("order_status", {"number": "a" * 40 + "!"})]), Says(["Sorry."]))
    async with asyncio.timeout(20):
        await replies(turn(model, tools=[{**LOOK_UP, "url": shop.url, "parameters": parameters}]))
    assert shop.seen == []


async def test_a_pattern_that_was_published_before_and_is_not_understood_is_not_run(
    model: ModelEnd, shop: FarEnd
) -> None:
    asked = turn(model, tools=[{**LOOK_UP, "url": shop.url}])
    properties = {"number": {"type": "string", "pattern": r"^(?=(\w+\s?)*$)a"}}
    tools = [{**LOOK_UP, "url": shop.url, "parameters": {"type": "object", "properties": properties}}]
    model.script(Says(calls=[("order_status", {"number": "a" * 40 + "!"})]), Says(["Sorry."]))
    async with asyncio.timeout(20):
        said = await replies(replace(asked, content={**asked.content, "tools": tools}))
    assert shop.seen == []
    assert "look-ahead" in trace_of(said)["tools"][0]["words"]


async def test_a_tool_that_takes_more_than_is_named_gets_it(model: ModelEnd, shop: FarEnd) -> None:
    parameters = {**cast("dict[str, Any]", LOOK_UP["parameters"]), "additionalProperties": {"type": "string"}}
    model.script(Says(calls=[("order_status", {"number": "A-1", "note": "x"})]), Says(["Ok."]))
    await replies(turn(model, tools=[{**LOOK_UP, "url": shop.url, "parameters": parameters}]))
    assert shop.seen[0].json == {"number": "A-1", "note": "x"}


async def test_of_calls_no_more_are_read_than_are_ever_done(model: ModelEnd) -> None:
    tools = [{"type": "collect", "name": "order", "description": "the order's number"}]
    model.script(Says(calls=[("order", {"value": "A-1"})] * 2_000), Says(["Done."]))
    said = await replies(turn(model, tools=tools))
    assert text_of(said) == "Done."
    results = [one for one in model.asked[1].body["messages"] if one["role"] == "tool"]
    assert len(results) == len(trace_of(said)["tools"]) == 12


async def test_of_arguments_no_more_is_read_than_is_ever_taken(model: ModelEnd, shop: FarEnd) -> None:
    model.script(Says(calls=[("order_status", {"number": "A-" + "1" * 200_000})]), Says(["Sorry."]))
    said = await replies(turn(model, tools=[{**LOOK_UP, "url": shop.url}]))
    assert shop.seen == []
    assert len(json.dumps(model.asked[1].body)) < 10_000
    assert model.asked[1].body["messages"][-1]["content"] == "Error: The arguments are too long."
    assert trace_of(said)["tools"][0]["words"] == "The arguments are too long."


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        (("order_status", {"number": "my iban is DE02"}), LOOK_UP["parameters"]),
        (("order_status", {"my iban is DE02": 1}), LOOK_UP["parameters"]),
        (
            ("order_status", {"number": "my iban is DE02"}),
            {"type": "object", "properties": {"number": {"enum": ["A"]}}},
        ),
        (("my iban is DE02", {}), LOOK_UP["parameters"]),
    ],
)
async def test_nothing_that_the_model_wrote_of_a_refused_call_stands_on_the_timeline(
    model: ModelEnd, shop: FarEnd, call: tuple[str, dict[str, Any]], parameters: dict[str, Any]
) -> None:
    model.script(Says(calls=[call]), Says(["Sorry."]))
    said = await replies(turn(model, tools=[{**LOOK_UP, "url": shop.url, "parameters": parameters}]))
    [record] = trace_of(said)["tools"]
    assert record["ok"] is False
    assert record["words"]
    assert "iban" not in json.dumps(trace_of(said))


async def test_a_tool_that_fails_or_is_none_is_told_to_the_model(model: ModelEnd, shop: FarEnd) -> None:
    shop.script(Said(500, body=b"broken"))
    model.script(Says(calls=[("order_status", {"number": "A-1"}), ("delete_all", {})]), Says(["Sorry."]))
    await replies(turn(model, tools=[{**LOOK_UP, "url": shop.url}]))
    results = [one["content"] for one in model.asked[1].body["messages"][-2:]]
    assert results[0] == "Error: The tool answered 500: broken"
    assert results[1] == "Error: There is no tool called delete_all. There are: order_status."


async def test_a_tool_on_a_private_network_is_not_called(model: ModelEnd) -> None:
    model.script(Says(calls=[("order_status", {"number": "A-1"})]), Says(["Sorry."]))
    await replies(turn(model, tools=[{**LOOK_UP, "url": "https://10.0.0.1/x"}]))
    assert "private network" in model.asked[1].body["messages"][-1]["content"]


async def test_a_model_that_only_calls_tools_is_stopped(model: ModelEnd) -> None:
    model.script(Says(calls=[("order", {"value": "A-1"})]))
    tools = [{"type": "collect", "name": "order", "description": "the order's number"}]
    with pytest.raises(ResponderError) as refused:
        await replies(turn(model, tools=tools))
    assert refused.value.code == "broken"
    assert len(model.asked) == llm.MOST_ROUNDS


# --- What goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "code", "words"),
    [
        (
            Refuses(401, "Incorrect API key provided: sk-abcdef123456", "invalid_api_key"),
            "key",
            "does not accept the key",
        ),
        (Refuses(403, "You may not."), "key", "refuses this key: You may not."),
        (Refuses(404, "The model `x` does not exist", "model_not_found"), "model", "no model 'test-model'"),
        (Refuses(404, body=b"<html>not here</html>"), "model", "no model 'test-model'"),
        (Refuses(429, "You exceeded your current quota", "insufficient_quota"), "quota", "no credit left"),
        (Refuses(429, "Slow down"), "busy", "takes no more requests"),
        (
            Refuses(400, "This model's maximum context length is 8192 tokens", "context_length_exceeded"),
            "context",
            "longer",
        ),
        (Refuses(400, "The response was filtered", "content_filter"), "filter", "kept the answer back"),
        (Refuses(400, "Unsupported value: 'temperature'"), "broken", "Unsupported value: 'temperature'"),
        (Refuses(500, "Oops"), "broken", "broken just now (500)"),
        (Refuses(504, "Gateway"), "timeout", "did not answer in time"),
        (Says(["Yes"], finish="content_filter"), "filter", "kept the answer back"),
        (Says(error={"message": "quota is used up", "code": "insufficient_quota"}), "quota", "no credit left"),
        (Says([]), "broken", "without a word"),
        (Says(["a"], cut=0), "unreachable", "broke off in the middle"),
        (Says([], ends_early=True), "unreachable", "broke off in the middle"),
        (Refuses(200, body=b"<html>a page</html>"), "unreachable", "broke off in the middle"),
    ],
)
async def test_what_a_provider_says_is_told_apart_with_what_to_do(
    model: ModelEnd, plan: Any, code: str, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)
    model.script(plan)
    with pytest.raises(ResponderError) as refused:
        await replies(turn(model, api_key="model_key"))
    assert refused.value.code == code, refused.value.reason
    assert words in refused.value.reason
    assert refused.value.remedy
    assert "sk-" not in refused.value.reason
    # Neither the key nor what was said stands in a log of ours.
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("deployments", "convoship"))]
    assert not any(KEY in line or "parcel" in line for line in ours)


@pytest.mark.parametrize("before", range(150, 205, 6))
@pytest.mark.parametrize("as_event", [False, True])
async def test_no_part_of_a_key_is_repeated_wherever_it_stands(model: ModelEnd, before: int, as_event: bool) -> None:
    key = "tok_LIVE 0123456789abcdefghijklmnop"  # as no provider writes them

    class Own(Desk):
        async def secret(self, key_of: str, url: str) -> str:
            return key

    said = f"{'x' * before} {key} is unknown here, says the endpoint."
    model.script(Says(error={"message": said}) if as_event else Refuses(400, said))
    with pytest.raises(ResponderError) as refused:
        await replies(turn(model, Own(), api_key="model_key"))
    assert "xxx" in refused.value.reason
    assert "LIVE" not in refused.value.reason
    assert "tok_" not in refused.value.reason


async def test_it_is_asked_again_once_where_nothing_has_come_yet(
    model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)
    model.script(Refuses(500), Says(["Here."]))
    said = await replies(turn(model))
    assert text_of(said) == "Here."
    assert trace_of(said)["calls"] == 2


@pytest.mark.parametrize("plan", [Refuses(401), Refuses(404), Refuses(400, "context length")])
async def test_what_trying_again_cannot_help_is_asked_once(model: ModelEnd, plan: Refuses) -> None:
    model.script(plan)
    with pytest.raises(ResponderError):
        await replies(turn(model))
    assert len(model.asked) == 1


async def test_after_the_first_piece_nothing_is_asked_again(model: ModelEnd) -> None:
    model.script(Says(["Half an ", "answer"], cut=1))
    said: list[Reply] = []

    async def listen() -> None:
        async for reply in llm.LLMResponder().answer(turn(model)):
            said.append(reply)

    with pytest.raises(ResponderError) as refused:
        await listen()
    assert text_of(said) == "Half an "
    assert refused.value.code == "unreachable"
    assert len(model.asked) == 1


async def test_a_model_that_says_nothing_is_not_waited_for(model: ModelEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "FIRST_PIECE_SECONDS", 0.2)
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)
    model.script(Says(["Late."], gates={0: threading.Event()}))
    with pytest.raises(ResponderError) as refused:
        await replies(turn(model))
    assert refused.value.code == "timeout"
    assert len(model.asked) == 2


async def test_who_leaves_closes_the_connection_and_frees_what_was_set_aside(model: ModelEnd) -> None:
    desk = Desk()
    model.script(Says(["One ", "two"], gates={1: threading.Event()}))
    async with aclosing(opened(turn(model, desk))) as answer:
        await anext(answer)
    assert await asyncio.to_thread(model.left.wait, 5)
    assert [spent for spent, _ in desk.settled] == ["s1"]


@pytest.mark.parametrize(
    ("content", "calls"),
    [({}, 1), ({"tools": [{"type": "collect", "name": "order", "description": "the order's number"}]}, 2)],
)
async def test_an_answer_that_is_stopped_says_what_it_took_and_what_it_had_read(
    model: ModelEnd, content: dict[str, Any], calls: int
) -> None:
    told: dict[str, Any] = {}
    model.script(
        *[Says(calls=[("order", {"value": "A-1"})], usage=(200, 5))] * (calls - 1),
        Says(["One [1] ", "two"], gates={1: threading.Event()}),
    )
    desk = Desk((Passage("1", "Sending", "", "Sent daily.", 0.9),))
    async with aclosing(opened(replace(turn(model, desk, **content), at_close=told.update))) as answer:
        await anext(answer)
    assert (told["model"], told["calls"]) == ("test-model", calls)
    assert told["tokens_in"] == sum(usage.tokens_in for _, usage in desk.settled) > 0
    assert told["tokens_out"] == 3 + 5 * (calls - 1)
    assert told["ms"] >= 0
    assert [(one["title"], one["cited"]) for one in told["knowledge"]] == [("Sending", True)]


@pytest.mark.parametrize(
    "thought",
    [
        {"reasoning_content": "x" * 300},
        # Under two names, as some do while the second takes the first one's place.
        {"reasoning": "x" * 300, "reasoning_content": "x" * 300},
        {"reasoning_details": [{"type": "reasoning.text", "text": "x" * 300}]},
        {"content": "<think>" + "x" * 285 + "</think>"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "order", "arguments": "x" * 295}}]},
    ],
)
async def test_what_a_stopped_answer_thought_and_called_counts(model: ModelEnd, thought: dict[str, Any]) -> None:
    desk = Desk()
    model.script(Says(["Yes", "No"], before=thought, gates={1: threading.Event()}))
    async with aclosing(opened(turn(model, desk))) as answer:
        assert await anext(answer) == Token("Yes")
    [(_, usage)] = desk.settled
    assert usage.tokens_out == 101


async def test_each_request_of_an_answer_that_is_asked_again_counts(
    model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm, "FIRST_PIECE_SECONDS", 0.3)
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)
    desk = Desk()
    model.script(Says(["Late."], gates={0: threading.Event()}), Says(["Here."]))
    said = await replies(turn(model, desk))
    assert text_of(said) == "Here."
    assert [spent for spent, _ in desk.settled] == ["s1", "s2"]
    assert desk.settled[0][1] == Usage("test-model", desk.spent[0].tokens_in, 0)
    assert trace_of(said)["tokens_in"] == 11 + desk.spent[0].tokens_in


async def test_what_was_thought_before_it_broke_off_counts_though_it_is_asked_again(
    model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)
    desk = Desk()
    model.script(Says(["x"], before={"reasoning": "y" * 30}, cut=0), Says(["Here."]))
    assert text_of(await replies(turn(model, desk))) == "Here."
    assert desk.settled[0][1].tokens_out == 10


@pytest.mark.parametrize(
    "plan", [Refuses(500), Refuses(503, "Overloaded"), Refuses(400, "Unsupported value"), Refuses(429, "Slow down")]
)
async def test_what_a_provider_refuses_by_a_status_costs_nothing(
    model: ModelEnd, monkeypatch: pytest.MonkeyPatch, plan: Refuses
) -> None:
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)
    desk = Desk()
    model.script(plan)
    with pytest.raises(ResponderError):
        await replies(turn(model, desk))
    assert len(desk.settled) == len(model.asked)
    assert {usage for _, usage in desk.settled} == {Usage("test-model", 0, 0)}


@pytest.mark.parametrize("usage", [(2**63, 1), (1, 10**30), (True, 2), (-1, 2), (1.5, 2), ("7", 2), (None, 2)])
async def test_a_count_that_can_be_none_is_estimated(model: ModelEnd, usage: Any) -> None:
    desk = Desk()
    model.script(Says(["x" * 300], raw_usage=usage))
    await replies(turn(model, desk))
    [(_, counted)] = desk.settled
    assert counted.tokens_out == 100
    assert counted.tokens_in == desk.spent[0].tokens_in


async def test_what_the_servers_environment_says_of_its_own_account_goes_to_nobody(
    model: ModelEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "OPENAI_API_KEY": "sk-of-the-server",
        "OPENAI_ADMIN_KEY": "sk-of-the-server",
        "OPENAI_ORG_ID": "org-of-the-server",
        "OPENAI_PROJECT_ID": "project-of-the-server",
        "OPENAI_CUSTOM_HEADERS": "X-Own: of-the-server\nAuthorization: Bearer of-the-server",
        "OPENAI_BASE_URL": "https://of-the-server.example",
    }.items():
        monkeypatch.setenv(name, value)
    await replies(turn(model))
    await replies(turn(model, api_key="model_key"))
    assert "of-the-server" not in json.dumps([dict(asked.headers) for asked in model.asked])
    assert model.asked[1].headers["authorization"] == f"Bearer {KEY}"


async def test_an_endpoint_inside_a_private_network_is_refused(model: ModelEnd, settings: Any) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset()
    with pytest.raises(ResponderError) as refused:
        await replies(turn(model))
    assert refused.value.code == "unreachable"
    assert model.asked == []


async def test_nothing_is_asked_where_nothing_may_be_spent(model: ModelEnd) -> None:
    class Broke(Desk):
        async def spend(self, most: Usage) -> str:
            raise ResponderError("Spent.", "Raise it.", code="budget", visitor="Come back at 8.")

    with pytest.raises(ResponderError) as refused:
        await replies(turn(model, Broke()))
    assert (refused.value.code, refused.value.visitor) == ("budget", "Come back at 8.")
    assert model.asked == []


def test_a_key_is_not_part_of_the_content() -> None:
    with pytest.raises(Exception, match="Give the key of a secret, not its value"):
        llm_content.validate({"base_url": "https://m.example/v1", "model": "m", "api_key": "sk-ABC def"})


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"base_url": "ftp://m.example"}, "base_url"),
        ({"base_url": "https://user:pw@m.example/v1"}, "base_url"),
        ({"base_url": "https://m.example/v1/chat/completions"}, "base_url"),
        ({"base_url": "https://m.example/v1?x=1"}, "base_url"),
        ({"model": " "}, "model"),
        ({"temperature": 3}, "temperature"),
        ({"tools": [{"type": "rm"}]}, "tools[0].type"),
        ({"tools": [{"type": "hand_over"}, {"type": "hand_over"}]}, "tools[1]"),
        ({"tools": [{"type": "collect", "name": "end_conversation", "description": "x"}]}, "tools[0].name"),
        ({"tools": [{**LOOK_UP, "url": "https://a.example", "parameters": {"type": "array"}}]}, "tools[0].parameters"),
        (
            {"tools": [{**LOOK_UP, "url": "https://a.example", "parameters": {"type": "object", "$ref": "http://x"}}]},
            "tools[0].parameters",
        ),
        ({"tools": [{**LOOK_UP, "url": "https://a.example", "headers": [{"name": "A"}]}]}, "tools[0].headers[0]"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(content: dict[str, Any], path: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        llm_content.validate({"base_url": "https://m.example/v1", "model": "m", **content})
    assert path in refused.value.errors, json.dumps(refused.value.errors)
