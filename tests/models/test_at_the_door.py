"""An assistant with a language model, from the API that makes it to the visitor who reads its answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from asgiref.sync import ThreadSensitiveContext

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments.knowledge import rounds, sources
from deployments.models import Assistant, Handoff, Turn
from tests import factories
from tests.models.model_end import ModelEnd, Refuses, Says
from tests.runtime.conftest import Site, site  # noqa: F401 (a fixture)
from workspaces.models import AuditEvent, SecretHost

pytestmark = pytest.mark.asyncio

KEY = "sk-test-1234567890abcdef"
RETURNS = "Return anything within sixty days, unused and in its packaging."


@dataclass
class Office:
    """The site's workspace, changed through its API."""

    site: Site
    token: str

    async def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer: Any = await self.site.client.generic(
            method,
            f"/v1{path}",
            json.dumps(body or {}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == status, answer.content
        return json.loads(answer.content)

    @property
    def path(self) -> str:
        return f"/assistants/{self.site.agent_id}"

    async def change(self, status: int = 200, **changes: Any) -> Any:
        return await self.call("PATCH", self.path, changes, status)

    async def publish(self) -> None:
        await self.call("POST", f"{self.path}/publish")

    async def turns(self) -> list[Turn]:
        return await self.read(lambda: list(Turn.objects.order_by("created_at")))

    async def read(self, what: Any) -> Any:
        def run() -> Any:
            with tenant(self.site.workspace_id):
                return what()

        return await in_thread(run)


T = TypeVar("T")


async def at_once(call: Awaitable[T]) -> T:
    """A call beside others, as the server takes it: Django's test client else holds one thread for all of them."""
    async with ThreadSensitiveContext():
        return await call


@pytest.fixture
async def office(site: Site, model: ModelEnd) -> Office:  # noqa: F811
    """A workspace whose assistant is a model with a key, and nothing known in its script."""

    def key() -> str:
        with tenant(site.workspace_id):
            workspace = site.made.deployment.workspace
        return factories.make_api_key(workspace).token

    office = Office(site, await in_thread(key))
    await office.call("PUT", "/secrets/model_key", {"value": KEY}, 201)
    await office.change(
        responder="llm",
        llm={
            "base_url": model.base_url,
            "model": "test-model",
            "api_key": "model_key",
            "tools": [{"type": "hand_over"}],
        },
        scripted={"intents": [{"name": "hours", "phrases": ["when are you open"], "answers": [{"text": "From 9."}]}]},
    )
    await office.publish()
    return office


async def ask(office: Office, text: str = "Where is my parcel?") -> list[dict[str, Any]]:
    """A visitor's first words, and the texts that answer them."""
    session = (await office.site.start()).data
    answer = await office.site.say(session, text)
    assert answer.status_code == 201, answer.data
    replies: list[dict[str, Any]] = answer.data["replies"]
    return replies


async def test_a_try_of_a_model_takes_a_key_that_may_write_and_has_a_limit(
    office: Office, model: ModelEnd, settings: Any
) -> None:
    def reader() -> str:
        with tenant(office.site.workspace_id):
            workspace = office.site.made.deployment.workspace
        return factories.make_api_key(workspace, ["assistants:read"]).token

    settings.LIMITS = {**settings.LIMITS, "tries": "2/60"}
    reads = Office(office.site, await in_thread(reader))
    asked = {"text": "Where is it?"}
    for which in ({}, {"version": 2}):
        refused = await reads.call("POST", f"{office.path}/try", {**asked, **which}, 403)
        assert (refused["code"], refused["scope"]) == ("scope_missing", "assistants:write")
    assert model.asked == []
    for _ in range(2):
        await office.call("POST", f"{office.path}/try", asked)
    answer: Any = await office.site.client.post(
        f"/v1{office.path}/try",
        json.dumps(asked),
        content_type="application/json",
        headers={"Authorization": f"Bearer {office.token}"},
    )
    assert (answer.status_code, 0 < int(answer["Retry-After"]) <= 61) == (429, True)
    assert len(model.asked) == 2
    await office.change(responder="scripted")
    await reads.call("POST", f"{office.path}/try", asked)


async def test_a_visitor_reads_what_the_model_writes_and_its_owner_what_it_took(
    office: Office, model: ModelEnd
) -> None:
    model.script(Says(["It is ", "on its way."], usage=(50, 6)))
    [reply] = await ask(office)
    assert (reply["text"], reply["status"], reply["author"]["kind"]) == ("It is on its way.", "sent", "assistant")
    assert model.asked[0].headers["authorization"] == f"Bearer {KEY}"
    [turn] = await office.turns()
    assert (turn.status, turn.trace["by"], turn.trace["tokens_out"]) == ("done", "llm", 6)
    assert "parcel" not in json.dumps(turn.trace)
    shown = await office.call("GET", office.path)
    assert shown["health"] == {"ok": True, "code": "", "reason": "", "remedy": "", "since": None}
    assert KEY not in json.dumps(shown)


async def test_it_remembers_the_conversation(office: Office, model: ModelEnd) -> None:
    session = (await office.site.start()).data
    await office.site.say(session, "My name is Bo.")
    await office.site.say(session, "What is my name?")
    said = [(one["role"], one["content"]) for one in model.asked[1].body["messages"][1:]]
    assert said[-3:] == [("user", "My name is Bo."), ("assistant", "Hello."), ("user", "What is my name?")]


async def test_a_broken_key_turns_it_red_and_the_script_answers_what_it_knows(office: Office, model: ModelEnd) -> None:
    model.script(Refuses(401))
    [reply] = await ask(office, "when are you open?")
    assert (reply["text"], reply["status"]) == ("From 9.", "sent")
    health = (await office.call("GET", office.path))["health"]
    assert (health["ok"], health["code"]) == (False, "key")
    assert health["reason"] == "127.0.0.1 does not accept the key."
    assert "Workspace, Secrets" in health["remedy"]
    [turn] = await office.turns()
    assert (turn.status, turn.trace["failure"]["code"], turn.trace["by"]) == ("done", "key", "words")
    model.script(Says(["Well again."]))
    await ask(office)
    assert (await office.call("GET", office.path))["health"]["ok"] is True


async def test_where_nothing_else_knows_the_failure_is_said_or_a_person_asked_for(
    office: Office, model: ModelEnd
) -> None:
    model.script(Refuses(401))
    [notice] = await ask(office)
    assert (notice["author"]["kind"], notice["status"]) == ("system", "failed")
    assert (await office.turns())[0].status == "failed"
    await office.change(on_failure={"text": {"text": "One moment."}, "person": True})
    await office.publish()
    replies = await ask(office)
    assert replies[0]["text"] == "One moment."
    case = await office.read(lambda: Handoff.objects.get())
    assert case.reason == "The assistant could not answer: 127.0.0.1 does not accept the key."


async def test_a_script_that_goes_first_spares_the_model(office: Office, model: ModelEnd) -> None:
    await office.change(on_failure={"scripted": "first"})
    await office.publish()
    assert [one["text"] for one in await ask(office, "when are you open?")] == ["From 9."]
    assert model.asked == []
    assert [one["text"] for one in await ask(office)] == ["Hello."]


async def test_what_was_read_is_the_model_s_to_tell_though_the_script_goes_first(
    office: Office, model: ModelEnd
) -> None:
    def read() -> None:
        with tenant(office.site.workspace_id):
            assistant = Assistant.objects.get(id=office.site.agent_id)
            actor = factories.actor(assistant.workspace)
            source = sources.add_text(actor, assistant, title="Returns", text=RETURNS)
        rounds.read(office.site.workspace_id, source.id)

    await in_thread(read)
    script = (await office.call("GET", office.path))["scripted"]
    assert script["uses_knowledge"] is True
    await office.change(on_failure={"scripted": "first"})
    await office.publish()
    assert [one["text"] for one in await ask(office, "until when may I return it?")] == ["Hello."]
    assert "sixty days" in str(model.asked[0].body["messages"])
    # Where the model doesn't answer, and the script comes after it, the script quotes what was read.
    await office.change(on_failure={"scripted": "after"})
    await office.publish()
    model.script(Refuses(401))
    [quoted] = await ask(office, "until when may I return it?")
    assert "within sixty days" in quoted["text"]


async def test_an_answer_that_breaks_off_is_kept_and_visibly_cut(office: Office, model: ModelEnd) -> None:
    model.script(Says(["Half an ", "answer"], cut=1))
    cut, notice = await ask(office)
    assert (cut["text"], cut["status"], cut["reason"]) == (
        "Half an ",
        "failed",
        "The answer was cut off while being written.",
    )
    assert notice["status"] == "failed"
    assert (await office.turns())[0].trace["failure"]["code"] == "unreachable"


async def test_a_model_asks_for_a_person(office: Office, model: ModelEnd) -> None:
    model.script(Says(["I get somebody."], [("hand_over", {"reason": "Angry."})]))
    replies = await ask(office)
    assert replies[0]["text"] == "I get somebody."
    assert (await office.read(lambda: Handoff.objects.get())).reason == "Angry."


# --- Where a key may go -----------------------------------------------------------------------------------------------


async def test_a_new_value_goes_where_the_key_is_used_now_and_nowhere_else(office: Office, model: ModelEnd) -> None:
    """Point it at A, away to B, write a new value, point back: A has never been given this one."""
    llm = (await office.call("GET", office.path))["llm"]
    other = {**llm, "base_url": "https://b.example/v1"}
    headers = [{"name": "X-Key", "secret": "model_key"}]
    tool = {"type": "http", "name": "t", "description": "d", "method": "GET", "url": "https://tool.example/x"}
    await office.change(llm={**other, "tools": [{**tool, "headers": headers}]}, secret_values={"model_key": KEY})
    shown = {one["host"]: one["in_use"] for one in (await office.call("GET", "/secrets/model_key"))["hosts"]}
    here = model.base_url.removesuffix("/v1")
    # What visitors meet is used, too.
    assert shown == {here: True, "https://b.example": True, "https://tool.example": True}
    await office.change(llm=other)
    await office.publish()
    await office.call("PUT", "/secrets/model_key", {"value": "sk-new-0123456789abcdef"})
    [left] = (await office.call("GET", "/secrets"))["results"][0]["hosts"]
    assert (left["host"], left["in_use"]) == ("https://b.example", True)
    assert left["granted_by"]
    ended = await office.read(lambda: list(AuditEvent.objects.filter(action="secret.host_ended")))
    assert {one.data["host"] for one in ended} == {here, "https://tool.example"}
    refused = await office.change(422, llm=llm)
    assert "Type its value again" in refused["errors"]["llm.api_key"][0]
    # Nor does an old version take the new value there: neither restored, nor as it is.
    await office.call("POST", f"{office.path}/restore", {"version": 2}, 422)
    tried = await office.call("POST", f"{office.path}/try", {"text": "Where is it?", "version": 2}, 409)
    assert ("may not be sent to" in str(tried), model.asked) == (True, [])


async def test_a_replaced_key_is_no_new_one_though_nothing_uses_it(office: Office, model: ModelEnd) -> None:
    await office.call("PUT", "/secrets/spare", {"value": "sk-spare"}, 201)
    await office.call("PUT", "/secrets/spare", {"value": "sk-spare-2"})
    llm = {**(await office.call("GET", office.path))["llm"], "api_key": "spare"}
    assert "llm.api_key" in (await office.change(422, llm=llm))["errors"]
    await office.change(llm=llm, secret_values={"spare": "sk-spare-2"})


async def test_a_key_goes_to_another_host_only_where_its_value_is_typed_again(office: Office, model: ModelEnd) -> None:
    elsewhere = {"base_url": "https://evil.example/v1", "model": "m", "api_key": "model_key"}
    refused = await office.change(422, llm=elsewhere)
    assert "Type its value again" in refused["errors"]["llm.api_key"][0]
    refused = await office.change(422, llm=elsewhere, secret_values={"model_key": "wrong"})
    assert "That is not its value" in refused["errors"]["llm.api_key"][0]
    await office.change(llm=elsewhere, secret_values={"model_key": KEY})
    hosts = await office.read(lambda: sorted(SecretHost.objects.values_list("host", flat=True)))
    assert hosts == sorted(["https://evil.example", model.base_url.removesuffix("/v1")])
    lines = await office.read(
        lambda: list(AuditEvent.objects.filter(action="secret.pointed").values_list("data", flat=True))
    )
    assert {"host": "https://evil.example"} in lines
    assert KEY not in json.dumps(lines)


async def test_a_key_that_may_not_go_there_is_not_sent_whatever_a_version_says(office: Office, model: ModelEnd) -> None:
    await office.read(lambda: SecretHost.objects.all().delete())
    await ask(office)
    assert model.asked == []
    [turn] = await office.turns()
    assert "may not be sent to" in turn.trace["failure"]["reason"]


async def test_a_secret_says_which_assistant_stands_on_it(office: Office, model: ModelEnd) -> None:
    secret = await office.call("GET", "/secrets/model_key")
    assert [use["name"] for use in secret["used_by"]] == ["Ada"]


async def test_nothing_answers_by_a_model_that_is_not_there(office: Office) -> None:
    made = await office.call("POST", "/assistants", {"name": "Bo"}, 201)
    refused = await office.call("PATCH", f"/assistants/{made['id']}", {"responder": "llm"}, 422)
    assert "give llm, too" in refused["errors"]["responder"][0]


async def test_a_restored_version_brings_its_model_back(office: Office, model: ModelEnd) -> None:
    number = (await office.call("GET", office.path))["published_version"]
    await office.change(responder="scripted", llm={"base_url": model.base_url, "model": "another"})
    await office.publish()
    await office.call("POST", f"{office.path}/restore", {"version": number})
    shown = await office.call("GET", office.path)
    assert (shown["responder"], shown["llm"]["model"]) == ("llm", "test-model")
