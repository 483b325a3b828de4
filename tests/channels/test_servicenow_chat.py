"""ServiceNow's live agents: what is posted to the Virtual Agent, and what is made of its answers and its silence."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from channels_app.providers.base import ProviderError
from channels_app.providers.desk_port import CaseThere
from channels_app.providers.servicenow.provider import Servicenow
from tests.channels.far_end import FarEnd, Said
from tests.channels.servicenow_instance import START, Desk, account, answer, error, make_case, message, page

PAGE = "https://convoship.example/app/conversations/1/"
PATH = "/api/sn_va_as_service/bot/integration"
# bot-api.md, "Supported request parameters": what a body may have.
BODY = frozenset(
    {
        *(
            "action",
            "botToBot",
            "cause",
            "clientSessionId",
            "clientVariables",
            "contextVariables",
            "emailId",
            "history",
        ),
        *("intent", "message", "requestId", "silentMessage", "timestamp", "timezone", "topic", "userId"),
    }
)
MESSAGE = frozenset({"attachment", "clientMessageId", "id", "status", "text", "typed"})
REQUIRED = {"requestId", "userId", "message"}


@pytest.fixture
def chat(far: FarEnd) -> Desk:
    far.answers = lambda seen: answer({"result": {"status": "success"}})
    return Desk(Servicenow(account(f"http://127.0.0.1:{far.port}", mode="virtual_agent")), "")


async def opened(chat: Desk, *messages: Any, **person: Any) -> Any:
    case = make_case(**person)
    chat.key = case.key
    await chat.send(*chat.provider.plan_opened(case, list(messages) or [message("A person, please")], PAGE))
    return case


def bodies(far: FarEnd) -> list[dict[str, Any]]:
    assert {(one.method, one.path) for one in far.seen} == {("POST", PATH)}
    found = [json.loads(one.body) for one in far.seen]
    for body in found:
        assert set(body) <= BODY
        assert set(body) >= REQUIRED
        assert set(body["message"]) <= MESSAGE
        assert isinstance(body["message"]["typed"], bool)
    return found


async def test_an_opening_asks_for_an_agent_with_the_whole_conversation(chat: Desk, far: FarEnd) -> None:
    said = [message("Hi", seq=1), message("Hello!", "assistant", 2), message("A person, please", seq=3)]
    case = await opened(chat, *said)
    (body,) = bodies(far)
    assert body["action"] == "AGENT"
    assert body["clientSessionId"] == str(case.conversation.id)
    assert body["clientVariables"] == {"convoship_case": case.key}
    assert body["message"]["text"] == "A person, please"
    assert body["contextVariables"]["live_agent_only"] == "true"
    assert body["contextVariables"]["requester_session_language"] == "de"
    assert "emailId" not in body
    at = str(int(START.timestamp() * 1000))
    assert body["history"][1:] == [
        {"displayName": "Anna", "isBotMessage": False, "timestamp": at, "type": "text", "value": "Hi"},
        {"displayName": "Bot", "isBotMessage": True, "timestamp": at, "type": "text", "value": "Hello!"},
        {"displayName": "Anna", "isBotMessage": False, "timestamp": at, "type": "text", "value": "A person, please"},
    ]
    assert PAGE in body["history"][0]["value"]
    assert len(at) == 13
    assert chat.there is not None
    assert chat.there.ref == str(case.conversation.id)


async def test_only_a_proven_address_links_an_account(chat: Desk, far: FarEnd) -> None:
    await opened(chat, email="anna@shop.example")
    await opened(chat, email="anna@shop.example", external_id="42")
    one, two = bodies(far)
    assert "emailId" not in one
    assert two["emailId"] == "anna@shop.example"


async def test_turns_are_messages_that_go_at_once(chat: Desk, far: FarEnd) -> None:
    case = await opened(chat)
    await chat.send(*chat.provider.plan_turn(case, message("Hello?")))
    await chat.send(*chat.provider.plan_turn(case, message("Your parcel left", "agent", author_name="Shop")))
    _, turn, note = bodies(far)
    assert "action" not in turn
    assert turn["message"]["text"] == "Hello?"
    assert note["message"]["text"] == "[Shop wrote to the visitor: Your parcel left]"
    assert chat.provider.turns_wait == 0


async def test_a_file_goes_by_its_address_and_another_kind_as_a_link(chat: Desk, far: FarEnd) -> None:
    case = await opened(chat)
    files = [
        {"id": str(uuid4()), "name": "plan.pdf", "size": 8, "content_type": "application/pdf"},
        {"id": str(uuid4()), "name": "clip.webm", "size": 8, "content_type": "video/webm"},
    ]
    await chat.send(*chat.provider.plan_turn(case, message("See", attachments=files)))
    _, words, pdf, clip = bodies(far)
    assert words["message"]["text"] == "See\n[file: plan.pdf]\n[file: clip.webm]"
    (attachment,) = pdf["message"]["attachment"]
    assert attachment["fileName"] == "plan.pdf"
    assert attachment["contentType"] == "application/pdf"
    assert "/files/" in attachment["url"]
    assert "text" not in pdf["message"]
    assert clip["message"]["text"].startswith("clip.webm: ")


async def test_a_file_that_never_came_is_said_and_one_that_came_is_sent(chat: Desk, far: FarEnd) -> None:
    case = await opened(chat)
    lost = {"id": str(uuid4()), "name": "a.png", "size": 1, "content_type": "image/png", "state": "gone", "reason": "x"}
    came = {"id": str(uuid4()), "name": "b.png", "size": 1, "content_type": "image/png"}
    await chat.send(*chat.provider.plan_files(case, message("", attachments=[lost, came])))
    _, words, file = bodies(far)
    assert words["message"]["text"] == "[file a.png could not be fetched: x]"
    assert file["message"]["attachment"][0]["fileName"] == "b.png"


async def test_the_end_has_no_words(chat: Desk, far: FarEnd) -> None:
    case = await opened(chat)
    await chat.send(*chat.provider.plan_closed(case, "ended", "The conversation ended."))
    end = bodies(far)[-1]
    assert (end["action"], end["message"]["text"]) == ("END_CONVERSATION", "")
    assert chat.provider.plan_undelivered(case, "message:1", "Hi", "It ended.") == []


async def test_words_that_wait_go_as_one_message_but_no_end_and_no_file_among_them(chat: Desk) -> None:
    case = make_case()
    (one,), (two,) = (chat.provider.plan_turn(case, message(text)) for text in ("One", "Two"))
    joined = chat.provider.join_turns(one.content, two.content)
    assert joined is not None
    assert joined["text"] == "One\nTwo"
    (end,) = chat.provider.plan_closed(case, "ended", "It ended.")
    assert chat.provider.join_turns(one.content, end.content) is None
    assert chat.provider.join_turns({**one.content, "files": []}, two.content) is None


@pytest.mark.parametrize("wrapped", [True, False])
async def test_a_200_that_says_failure_is_one(chat: Desk, far: FarEnd, wrapped: bool) -> None:
    told = {"status": "failure", "error": {"message": "Invalid request", "detail": "userId is missing"}}
    far.script(answer({"result": told} if wrapped else told))
    with pytest.raises(ProviderError, match="userId is missing") as failed:
        await opened(chat)
    assert failed.value.permanent


@pytest.mark.parametrize(
    ("said", "words", "stops"),
    [
        (error(401, "User Not Authenticated"), "refuses the credentials", True),
        (error(405, "Disabled"), "did not take it", False),
        (page("Hibernating Instance"), "sleeps", False),
    ],
)
async def test_errors_are_said_in_words(chat: Desk, far: FarEnd, said: Said, words: str, stops: bool) -> None:
    far.script(said)
    with pytest.raises(ProviderError, match=words) as failed:
        await opened(chat)
    assert failed.value.stops is stops


async def test_what_may_have_arrived_is_not_said_again(chat: Desk, far: FarEnd) -> None:
    case = await opened(chat)
    far.script(Said(cut=True))
    (plan,) = chat.provider.plan_turn(case, message("Hello?"))
    with pytest.raises(ProviderError) as lost:
        await chat.provider.send(chat.outgoing(plan))
    assert lost.value.ambiguous
    seen = len(far.seen)
    with pytest.raises(ProviderError, match="not known") as unknown:
        await chat.provider.look_up(chat.outgoing(plan))
    assert unknown.value.permanent
    assert len(far.seen) == seen


async def test_an_instance_that_never_answers_is_noticed_with_what_to_look_at(chat: Desk) -> None:
    await opened(chat)
    assert Servicenow.first_look(chat.provider.account.config) == 60
    with pytest.raises(ProviderError, match="nothing came back") as unheard:
        await chat.provider.look_at(chat.known())
    assert "Bot to Bot Outbound Configuration" in unheard.value.remedy
    assert not unheard.value.permanent
    assert unheard.value.blame == "provider"
    assert (await chat.provider.look_at(chat.known(is_heard=True))).events == []


async def test_nothing_is_said_in_a_chat_that_was_never_opened(chat: Desk) -> None:
    (plan,) = chat.provider.plan_turn(make_case(), message("Hello?"))
    with pytest.raises(ProviderError) as refused:
        await chat.provider.send(chat.outgoing(plan))
    assert refused.value.permanent
    chat.there = CaseThere("s")
    await chat.send(plan)


async def test_the_test_begins_and_ends_a_conversation(chat: Desk, far: FarEnd) -> None:
    health = await chat.provider.check()
    assert health.is_good
    assert [body["action"] for body in bodies(far)] == ["START_CONVERSATION", "END_CONVERSATION"]
