"""The responder that asks somebody's bot, against one over real HTTP."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from standardwebhooks.webhooks import Webhook

from convoship.lib import standard_webhooks
from deployments.responders import webhook, webhook_content
from deployments.responders.base import (
    Callback,
    End,
    EndOfText,
    HandOver,
    Line,
    Missed,
    NoReach,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
)
from deployments.responders.content import ContentRefused
from deployments.responders.event_stream import Event, EventReader, TooLarge
from deployments.responders.safe_output import SafeOutput
from tests.models.bot_end import BotEnd, Sends, event, says, streams

AT = dt.datetime(2026, 11, 27, 12, 0, tzinfo=dt.UTC)
BUTTONS = {"type": "buttons", "buttons": [{"label": "Track", "payload": "track"}]}


@dataclass
class Desk(NoReach):
    """What the responder may reach, and what it asked for."""

    secrets: list[str] = field(default_factory=lambda: [standard_webhooks.new_secret()])
    # What is found, a look each; the last one from then on.
    looks: list[Mapping[str, Any] | None] = field(default_factory=lambda: [None])
    earlier: Mapping[str, Any] | None = None
    opened: list[tuple[str, float]] = field(default_factory=list)
    kept: Mapping[str, str] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)

    async def secret(self, key: str, url: str) -> str:
        if key not in self.kept:
            return await super().secret(key, url)
        self.sent.append((key, url))
        return self.kept[key]

    async def signing_secrets(self) -> Sequence[str]:
        return self.secrets

    async def open_callback(self, turn_id: str, seconds: float) -> Callback:
        self.opened.append((turn_id, seconds))
        return Callback("k-1", "https://convoship.example/once", self.earlier)

    async def called_back(self, callback: Callback) -> Mapping[str, Any] | None:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def turn(bot: BotEnd, desk: Desk | None = None, **content: Any) -> TurnInput:
    return TurnInput(
        text="Where is my parcel?",
        payload="track",
        locale="de-AT",
        channel="web",
        history=[Line("visitor", "Hi", None, AT), Line("assistant", "Hello.", None, AT)],
        state={"order": 7},
        content=webhook_content.validate({"url": bot.url, **content}),
        about={"assistant": {"name": "Ada"}, "visitor": {"plan": "gold"}, "page": {"url": "https://shop.example/"}},
        at=AT,
        reach=desk or Desk(),
        conversation_id="c-1",
        turn_id="t-1",
        user_id="user/7",
    )


async def replies(asked: TurnInput) -> list[Reply]:
    return [reply async for reply in webhook.WebhookResponder().answer(asked)]


def acts(said: Sequence[Reply]) -> list[Reply]:
    return [reply for reply in said if not isinstance(reply, Trace)]


def trace_of(said: Sequence[Reply]) -> Mapping[str, Any]:
    [trace] = [reply for reply in said if isinstance(reply, Trace)]
    return trace.data


async def failure(asked: TurnInput) -> ResponderError:
    with pytest.raises(ResponderError) as raised:
        await replies(asked)
    assert raised.value.remedy
    return raised.value


async def test_an_answer_is_read_beside_the_loop_in_which_others_wait(
    bot: BotEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    read = SafeOutput.take

    def seen(output: SafeOutput, piece: str) -> str:
        threads.append(threading.current_thread())
        return read(output, piece)

    monkeypatch.setattr(SafeOutput, "take", seen)
    bot.script(says({"messages": [{"text": "[" * 8000}] * 20}), says({}, 202))
    await replies(turn(bot))
    await replies(turn(bot, Desk(looks=[{"messages": [{"text": "Later."}]}])))
    assert len(threads) == 41
    assert threading.current_thread() not in threads


# --- What is asked ----------------------------------------------------------------------------------------------------


async def test_the_turn_is_posted_whole_and_signed(bot: BotEnd) -> None:
    desk = Desk([standard_webhooks.new_secret(), standard_webhooks.new_secret()])
    await replies(turn(bot, desk))
    [asked] = bot.asked
    assert asked.body == {
        "type": "turn",
        "turn_id": "t-1",
        "conversation_id": "c-1",
        "assistant": {"name": "Ada"},
        "channel": "web",
        "locale": "de-AT",
        "message": {"text": "Where is my parcel?", "payload": "track", "at": "2026-11-27T12:00:00.000Z"},
        "history": [
            {"author": "visitor", "text": "Hi", "payload": None, "at": "2026-11-27T12:00:00.000Z"},
            {"author": "assistant", "text": "Hello.", "payload": None, "at": "2026-11-27T12:00:00.000Z"},
        ],
        "state": {"order": 7},
        "visitor": {"plan": "gold"},
        "page": {"url": "https://shop.example/"},
        "user_id": "user/7",
        "callback_url": "https://convoship.example/once",
    }
    for secret in desk.secrets:  # while two overlap, either proves it
        Webhook(secret).verify(asked.raw, dict(asked.headers))
    assert asked.headers["webhook-id"] == "t-1"
    assert desk.opened == [("t-1", 45)]


async def test_headers_of_the_customer_s_own_go_along_and_a_secret_goes_to_its_address_alone(bot: BotEnd) -> None:
    desk = Desk(kept={"gateway": "gw-1"})
    headers = [{"name": "X-Shop", "value": "de"}, {"name": "Authorization", "secret": "gateway"}]
    await replies(turn(bot, desk, headers=headers))
    [asked] = bot.asked
    assert (asked.headers["x-shop"], asked.headers["authorization"]) == ("de", "gw-1")
    assert desk.sent == [("gateway", bot.url)]
    Webhook(desk.secrets[0]).verify(asked.raw, dict(asked.headers))


@pytest.mark.parametrize("kept", [{}, {"gateway": "two\nlines"}])
async def test_without_what_a_header_needs_the_bot_is_not_asked(bot: BotEnd, kept: dict[str, str]) -> None:
    error = await failure(turn(bot, Desk(kept=kept), headers=[{"name": "X-Key", "secret": "gateway"}]))
    assert (error.code, bot.asked) == ("key", [])


async def test_an_older_webhook_with_headers_that_are_taken_is_asked_without_them(bot: BotEnd) -> None:
    theirs = [("Host", "elsewhere.example"), ("Convoship-User", "admin"), ("Keep-Alive", "1"), ("X-Gate", "1")]
    asked = turn(bot)
    older = {**asked.content, "headers": [{"name": name, "value": value} for name, value in theirs]}
    await replies(replace(asked, content=older))
    headers = bot.asked[0].headers
    assert (headers["host"], headers["x-gate"]) == (f"127.0.0.1:{bot.port}", "1")
    assert not {"convoship-user", "keep-alive"} & set(headers)


async def test_it_is_told_as_much_of_what_was_said_as_its_owner_wants(bot: BotEnd) -> None:
    await replies(turn(bot, history=1))
    await replies(turn(bot, history=0))
    assert [[line["text"] for line in asked.body["history"]] for asked in bot.asked] == [["Hello."], []]


# --- Answers at once --------------------------------------------------------------------------------------------------


async def test_an_answer_at_once_is_said_and_done_in_order(bot: BotEnd) -> None:
    bot.script(
        says(
            {
                "messages": [{"text": "It is on its way."}, {"text": "What else?", "blocks": [BUTTONS]}],
                "actions": [{"type": "hand_over", "reason": "Angry."}, {"type": "remember", "state": {"order": 8}}],
            }
        )
    )
    said = await replies(turn(bot))
    assert acts(said) == [
        Say("It is on its way."),
        Say("What else?", (BUTTONS,)),
        Remember({"order": 8}),
        HandOver("Angry."),
    ]
    told = trace_of(said)
    assert (told["responder"], told["by"], told["how"], told["calls"]) == ("webhook", "webhook", "json", 1)
    assert (told["host"], told["first_ms"] <= told["ms"]) == ("127.0.0.1", True)
    assert "way" not in json.dumps(told)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ({}, []),
        ({"actions": [{"type": "missed"}]}, [Missed()]),
        ({"actions": [{"type": "end"}]}, [End("The assistant ended the conversation.")]),
    ],
)
async def test_it_may_say_nothing(bot: BotEnd, content: Any, wanted: list[Reply]) -> None:
    bot.script(says(content))
    assert acts(await replies(turn(bot))) == wanted


async def test_an_empty_answer_says_nothing(bot: BotEnd) -> None:
    bot.script(Sends((b"",)))
    assert acts(await replies(turn(bot))) == []


async def test_where_links_lead_is_said_as_the_words_may_be_a_models(bot: BotEnd) -> None:
    bot.script(says({"messages": [{"text": "See [our offer](https://evil.example/x).\u202e"}]}))
    [said] = acts(await replies(turn(bot)))
    assert said == Say("See [our offer (evil.example)](https://evil.example/x).")


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ([], "The answer of 127.0.0.1 can't be used: This must be an object"),
        ({"messages": [{"text": "Hi"}, {"txt": "Hi"}]}, "messages[1].text: This is missing."),
        ({"message": []}, "message: This key isn't known. Did you mean “messages”?"),
        ({"messages": [{"text": " "}]}, "messages[0].text: This must not be empty."),
        ({"messages": [{"text": "\u202e"}]}, "messages[0].text: This must not be empty."),
        ({"messages": [{"text": "a\u0000"}]}, "messages[0].text: This contains a character that can't be stored."),
        ({"messages": [{"text": "a" * 8001}]}, "messages[0].text: "),
        (
            {"messages": [{"text": "a", "blocks": [{"type": "buttons", "buttons": [{"label": "x"}]}]}]},
            "messages[0].blocks[0].buttons[0]: A button has either a payload",
        ),
        (
            {"messages": [{"text": "a", "blocks": [{"type": "card", "title": "x", "image_url": "http://a.b/c"}]}]},
            "messages[0].blocks[0].image_url: ",
        ),
        ({"actions": [{"type": "dance"}]}, "actions[0].type: "),
        ({"actions": [{"type": "remember", "state": 7}]}, "actions[0].state: "),
        ({"actions": [{"type": "remember", "state": {"a": "x" * 17_000}}]}, "actions[0].state: This is too large"),
        ({"actions": [{"type": "remember", "state": {"a": "\ud800"}}]}, "actions[0].state.a: This contains"),
    ],
)
async def test_what_is_wrong_with_an_answer_is_said_by_its_path(bot: BotEnd, content: Any, path: str) -> None:
    bot.script(says(content))
    error = await failure(turn(bot))
    assert error.code == "broken"
    assert path in error.reason
    assert len(bot.asked) == 1  # it would be as wrong again


@pytest.mark.parametrize("body", [b"Hello", b"{", b"\xff\xfe", b'{"actions": NaN}', b"[" * 100_000])
async def test_what_is_no_json_is_no_answer(bot: BotEnd, body: bytes) -> None:
    bot.script(Sends((body,)))
    error = await failure(turn(bot))
    assert (error.code, "This is no JSON." in error.reason) == ("broken", True)


async def test_an_answer_without_an_end_is_not_read_to_it(bot: BotEnd) -> None:
    bot.script(Sends([b" " * 65_536] * 100))
    assert "larger than 256 KB" in (await failure(turn(bot))).reason
    bot.script(streams(*[b"data: " + b" " * 65_530] * 100))
    assert "larger than 256 KB" in (await failure(turn(bot))).reason


# --- Errors told apart ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "calls"),
    [
        (401, "key", 1),
        (403, "key", 1),
        (404, "broken", 1),
        (400, "broken", 1),
        (302, "broken", 1),
        (429, "busy", 2),
        (503, "busy", 2),
        (500, "broken", 2),
        (504, "timeout", 2),
    ],
)
async def test_statuses_are_told_apart_and_what_may_pass_is_tried_again(
    bot: BotEnd, monkeypatch: pytest.MonkeyPatch, status: int, code: str, calls: int
) -> None:
    monkeypatch.setattr(webhook, "RETRY_AFTER_SECONDS", 0)
    bot.script(Sends((b"",), status, {"Location": "https://elsewhere.example/"}))
    error = await failure(turn(bot))
    assert (error.code, len(bot.asked)) == (code, calls)
    assert {asked.headers["webhook-id"] for asked in bot.asked} == {"t-1"}


async def test_a_second_try_may_succeed(bot: BotEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "RETRY_AFTER_SECONDS", 0)
    bot.script(says({}, 503), says({"messages": [{"text": "Here."}]}))
    said = await replies(turn(bot))
    assert (acts(said), trace_of(said)["calls"]) == ([Say("Here.")], 2)


async def test_a_bot_that_does_not_answer_is_given_up(bot: BotEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "RETRY_AFTER_SECONDS", 0)
    gate = threading.Event()
    bot.script(Sends(hold=gate))
    try:
        error = await failure(turn(bot, timeout_seconds=1))
    finally:
        gate.set()
    assert (error.code, error.reason) == ("timeout", "127.0.0.1 did not answer within 1 seconds.")


async def test_a_json_answer_has_to_be_whole_in_time(bot: BotEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "RETRY_AFTER_SECONDS", 0)
    gate = threading.Event()
    bot.script(Sends((b'{"messages"', b": []}"), gates={1: gate}))
    try:
        assert (await failure(turn(bot, timeout_seconds=1))).code == "timeout"
    finally:
        gate.set()


async def test_a_bot_that_is_not_there_or_may_not_be_called(
    bot: BotEnd, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "RETRY_AFTER_SECONDS", 0)
    settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", bot.port), ("127.0.0.1", 1)}
    assert (await failure(turn(bot, url="http://127.0.0.1:1/"))).code == "unreachable"
    settings.OUTBOUND_ALLOWLIST = set()
    assert (await failure(turn(bot))).code == "unreachable"
    assert bot.asked == []


async def test_without_a_secret_nothing_is_asked(bot: BotEnd) -> None:
    asked = turn(bot)
    with pytest.raises(ResponderError) as raised:
        await replies(TurnInput(**{name: getattr(asked, name) for name in asked.__slots__} | {"reach": NoReach()}))
    assert (raised.value.code, bot.asked) == ("key", [])


# --- Streams ----------------------------------------------------------------------------------------------------------


async def test_a_stream_is_given_on_piece_by_piece(bot: BotEnd) -> None:
    gate = threading.Event()
    bot.script(
        streams(
            b": hello\n\n" + event("token", {"text": "It is "}),
            event("token", {"text": "on its way."}) + event("message", {"text": "And this.", "blocks": [BUTTONS]}),
            event("action", {"type": "end", "reason": "Bye."}) + event("action", {"type": "missed"}),
            event("token", {"text": "More?"}) + event("done", {"blocks": [BUTTONS]}),
            gates={1: gate},
        )
    )
    async with aclosing(cast("AsyncGenerator[Reply]", webhook.WebhookResponder().answer(turn(bot)))) as answer:
        assert await anext(answer) == Token("It is ")
        gate.set()
        rest = [reply async for reply in answer]
    assert acts(rest) == [
        Token("on its way."),
        EndOfText(),
        Say("And this.", (BUTTONS,)),
        Token("More?"),
        EndOfText((BUTTONS,)),
        Missed(),
        End("Bye."),
    ]
    assert trace_of(rest)["how"] == "stream"


async def test_a_link_that_comes_in_pieces_says_where_it_leads(bot: BotEnd) -> None:
    parts = ["See [our", " offer](https://ev", "il.example/x)", "."]
    bot.script(streams(*[event("token", {"text": part}) for part in parts], event("done")))
    said = await replies(turn(bot))
    text = "".join(reply.text for reply in said if isinstance(reply, Token))
    assert text == "See [our offer (evil.example)](https://evil.example/x)."


async def test_a_stream_that_breaks_off_is_not_begun_again(bot: BotEnd) -> None:
    for plan in (streams(event("token", {"text": "Half"})), streams(event("token", {"text": "Half"}), cut=True)):
        bot.script(plan)
        error = await failure(turn(bot))
        assert error.code == "unreachable"
    assert len(bot.asked) == 2


async def test_an_event_that_is_wrong_is_named(bot: BotEnd) -> None:
    bot.script(streams(event("token", {"text": "Hi"}), event("tokens", {"text": "there"})))
    assert (
        "Event 2 (tokens) of 127.0.0.1 can't be used: event: There is no event 'tokens'"
        in (await failure(turn(bot))).reason
    )
    bot.script(streams(event("token", {"words": "Hi"})))
    assert "Event 1 (token) of 127.0.0.1 can't be used: text: This is missing." in (await failure(turn(bot))).reason


async def test_leaving_an_answer_closes_the_connection(bot: BotEnd) -> None:
    gate = threading.Event()
    bot.script(streams(event("token", {"text": "One"}), *[event("token", {"text": "x"})] * 50_000, gates={1: gate}))
    async with aclosing(cast("AsyncGenerator[Reply]", webhook.WebhookResponder().answer(turn(bot)))) as answer:
        await anext(answer)
    gate.set()
    assert bot.left.wait(10)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    raw = (
        "\ufeffdata: one\r\ndata:two\r\n\r\n: hold on\n\nevent: token\rdata: {\u2028ä}\r\rid: 7\nevent: done\n\n"
        "data: not ended"
    ).encode()
    reader = EventReader(longest=1000, largest=1000)
    found = [one for start in range(0, len(raw), size) for one in reader.take(raw[start : start + size])]
    assert found == [Event("message", "one\ntwo"), Event("token", "{\u2028ä}"), Event("done", "")]


def test_comments_may_go_on_and_one_event_may_not() -> None:
    reader = EventReader(longest=100, largest=10_000)
    for _ in range(50):
        assert list(reader.take(b": " + b"x" * 60 + b"\n")) == []
    assert list(reader.take(b"data: " + b"x" * 60 + b"\n")) == []
    with pytest.raises(TooLarge):
        list(reader.take(b"data: " + b"x" * 60 + b"\n"))


# --- Called back ------------------------------------------------------------------------------------------------------


async def test_a_bot_that_calls_back_is_waited_for(bot: BotEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "LOOKS", (0.0,))
    bot.script(says({}, 202))
    said = await replies(turn(bot, Desk(looks=[None, None, {"messages": [{"text": "At last."}]}])))
    assert (acts(said), trace_of(said)["how"]) == ([Say("At last.")], "callback")
    assert len(bot.asked) == 1


async def test_one_that_does_not_call_back_is_given_up(bot: BotEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "WHOLE_SECONDS", 1.0)
    bot.script(says({}, 202))
    error = await failure(turn(bot, waits_seconds=5))
    assert (error.code, "did not call back" in error.reason) == ("timeout", True)


async def test_what_came_while_nobody_waited_is_not_asked_for_again(bot: BotEnd) -> None:
    said = await replies(turn(bot, Desk(earlier={"messages": [{"text": "Here."}]})))
    assert (acts(said), bot.asked) == ([Say("Here.")], [])


# --- What it is made of -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({}, "url"),
        ({"url": "ftp://a.example/"}, "url"),
        ({"url": "https://user:pw@a.example/"}, "url"),
        ({"url": "https://a.example/", "timeout_seconds": 31}, "timeout_seconds"),
        ({"url": "https://a.example/", "waits_seconds": 51}, "waits_seconds"),
        ({"url": "https://a.example/", "secret": "x"}, "secret"),
        ({"url": "https://a.example/", "headers": [{"name": "X-Key"}]}, "headers[0]"),
        ({"url": "https://a.example/", "headers": [{"name": "X Key", "value": "1"}]}, "headers[0].name"),
        ({"url": "https://a.example/", "headers": [{"name": "X-Key", "value": "1\r\n2"}]}, "headers[0].value"),
        (
            {"url": "https://a.example/", "headers": [{"name": "Webhook-Signature", "value": "v1,mine"}]},
            "headers[0].name",
        ),
        ({"url": "https://a.example/", "headers": [{"name": "Convoship-User", "value": "1"}]}, "headers[0].name"),
        ({"url": "https://a.example/", "headers": [{"name": "Keep-Alive", "value": "1"}]}, "headers[0].name"),
        (
            {"url": "https://a.example/", "headers": [{"name": name, "value": "1"} for name in ("X-Key", "x-key")]},
            "headers[1].name",
        ),
        ("https://a.example/", ""),
    ],
)
def test_what_is_no_webhook_is_refused_by_its_path(content: Any, path: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        webhook_content.validate(content)
    assert list(refused.value.errors) == [path]


def test_every_fault_is_found_at_once() -> None:
    headers = [{"name": "Host", "value": "elsewhere"}]
    with pytest.raises(ContentRefused) as refused:
        webhook_content.validate({"url": "https://user:pw@a.example/", "history": 99, "headers": headers})
    assert sorted(refused.value.errors) == ["headers[0].name", "history", "url"]


def test_what_holds_anyway_is_left_out() -> None:
    made = webhook_content.validate({"url": " https://a.example/x ", "timeout_seconds": 15, "history": 5})
    assert made == {"url": "https://a.example/x", "history": 5}
