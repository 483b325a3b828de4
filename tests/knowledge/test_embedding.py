"""Embeddings: a local server speaks OpenAI's `/embeddings` over HTTP, the real SDK asks it."""

from __future__ import annotations

import gzip
import json
import math
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import budgets
from deployments.budgets import Who
from deployments.knowledge import embedding, sources, vocabulary
from deployments.models import Budget, BudgetCount, KnowledgeChunk, KnowledgeEmbedding, Spending
from deployments.models.knowledge import EmbeddingStatus
from deployments.reaching import WorkspaceReach
from deployments.responders.base import Usage
from tests.knowledge.conftest import Reader, reply
from workspaces import secret_store
from workspaces.permissions import of_role

# What means the same points the same way here.
MEANINGS = (
    ("kayak", "boat", "paddle", "watercraft"),
    ("salary", "wage", "remuneration"),
    ("parcel", "delivery", "freight"),
)


def vector_of(text: str, size: int = 8) -> list[float]:
    found = [1.0 + sum(word in text.lower() for word in group) * 5 for group in MEANINGS]
    return [*found, *([0.5] * (size - len(found)))]


class Model(ThreadingHTTPServer):
    """Counts what it is asked, and fails as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], str]] = []
        self.seen: list[tuple[str, str]] = []
        self.status, self.size, self.wait = 200, 8, threading.Event()
        self.stalls = False
        # In place of an answer: its body, and headers of it.
        self.raw: bytes | None = None
        self.headers: dict[str, str] = {}
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((body, self.headers.get("Authorization", "")))
        self.server.seen += self.headers.items()
        if self.server.stalls:
            self.server.wait.wait(10)
        if self.server.status != 200:
            reply(self, b'{"error": {"message": "no"}}', self.server.status, **{"Content-Type": "application/json"})
            return
        if self.server.raw is not None:
            reply(self, self.server.raw, 200, **{"Content-Type": "application/json", **self.server.headers})
            return
        data = [
            {"object": "embedding", "index": at, "embedding": vector_of(text, self.server.size)}
            for at, text in enumerate(body["input"])
        ]
        answer = {
            "object": "list",
            "data": data,
            "model": body["model"],
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }
        reply(self, json.dumps(answer).encode(), 200, **{"Content-Type": "application/json"})

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def model(settings: Any) -> Iterator[Model]:
    """An endpoint on this machine, opened by name as its owner would."""
    server = Model()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", server.server_address[1])})
    yield server
    server.wait.set()
    server.shutdown()
    server.server_close()


def put(reader: Reader, model: Model, **more: Any) -> KnowledgeEmbedding:
    with tenant(reader.workspace.id):
        return embedding.put(reader.actor, reader.assistant, **{"base_url": model.url, "model": "one", **more})


def embed(reader: Reader) -> KnowledgeEmbedding:
    with tenant(reader.workspace.id):
        row = KnowledgeEmbedding.objects.get()
    embedding.embed(reader.workspace.id, row.id)
    with tenant(reader.workspace.id):
        return KnowledgeEmbedding.objects.get()


def find(reader: Reader, text: str) -> list[str]:
    found = embedding.passages_waiting(reader.workspace.id, reader.assistant.id, text, 3)
    return [passage.title for passage in found]


@pytest.fixture
def known(reader: Reader) -> Reader:
    """One that has read three things."""
    for title, text in (
        ("Boats", "A kayak costs thirty a day."),
        ("Pay", "The salary comes on the first."),
        ("Post", "A parcel takes three days."),
    ):
        reader.add(sources.add_text, title=title, text=text)
    return reader


def test_what_shares_no_word_with_the_question_is_found_by_its_meaning(known: Reader, model: Model) -> None:
    assert find(known, "renumeration, remuneration") == []
    with tenant(known.workspace.id):
        secret_store.write(known.actor, "embedding_key", "sk-not-to-be-shown")
    put(known, model, secret="embedding_key")
    row = embed(known)
    assert (row.status, row.dimensions, row.due_at) == (EmbeddingStatus.READY, 8, None)
    with tenant(known.workspace.id):
        assert embedding.counts(known.assistant.id) == (3, 3)
        lengths = [math.hypot(*(chunk.embedding or ())) for chunk in KnowledgeChunk.objects.all()]
    assert lengths == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)
    assert find(known, "remuneration")[0] == "Pay"
    assert find(known, "watercraft")[0] == "Boats"
    assert {key for _, key in model.asked} == {"Bearer sk-not-to-be-shown"}
    before = len(model.asked)
    assert find(known, "watercraft")[0] == "Boats"
    assert len(model.asked) == before  # the same question is not sent twice


def test_new_passages_are_sent_and_old_ones_not_again(known: Reader, model: Model) -> None:
    put(known, model)
    embed(known)
    sent = sum(len(body["input"]) for body, _ in model.asked)
    known.add(sources.add_text, title="More", text="Freight is sent on Mondays.")
    embed(known)
    assert sum(len(body["input"]) for body, _ in model.asked) == sent + 1


@pytest.mark.parametrize(
    ("status", "words", "again"),
    [
        (401, "does not accept the key", False),
        (404, "knows no such model", False),
        (400, "refuses the request", False),
        (429, "asked too often", True),
        (503, "answers 503", True),
    ],
)
def test_each_error_of_an_endpoint_has_its_words_and_is_tried_again_or_not(
    known: Reader, model: Model, status: int, words: str, again: bool
) -> None:
    put(known, model)
    model.status = status
    row = embed(known)
    assert row.status == EmbeddingStatus.FAILED
    assert words in row.reason
    assert row.remedy
    assert (row.due_at is not None) is again
    assert find(known, "kayak") == ["Boats"]  # by its words, as before
    model.status = 200
    put(known, model)
    assert embed(known).status == EmbeddingStatus.READY


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'"no"',
        b"{}",
        b"{",
        b"[" * 100_000,
        b'{"data": null}',
        b'{"data": 7}',
        b'{"data": [null, null, null]}',
        *(
            b'{"data": [%s]}' % b", ".join(b'{"index": %d, "embedding": %s}' % (at, one) for at in range(3))
            for one in (b"null", b"7", b"[]", b'["a"]', b"[null]", b"[[1]]", b'"AAAA"', b"{}", b"[NaN]", b"[0]")
        ),
        b'{"data": [%s]}' % b", ".join(b'{"index": %d, "embedding": [1%s]}' % (at, b"0" * 400) for at in range(3)),
        b'{"data": [{"embedding": [1]}, {"index": "a", "embedding": [1]}, {"index": 2, "embedding": [1]}]}',
    ],
)
def test_an_answer_of_another_form_has_its_words_and_is_not_paid_for_again(
    known: Reader, model: Model, body: bytes
) -> None:
    put(known, model)
    model.raw = body
    row = embed(known)
    assert row.status == EmbeddingStatus.FAILED
    assert row.reason
    assert row.remedy
    assert row.due_at is None
    assert len(model.asked) == 1
    model.raw = None
    put(known, model)
    embed(known)
    model.raw = body
    assert find(known, "kayak") == ["Boats"]
    embedding._rests_until.clear()


def test_a_packed_answer_is_not_unpacked(known: Reader, model: Model) -> None:
    put(known, model)
    model.raw, model.headers = gzip.compress(b" " * 2_000_000), {"Content-Encoding": "gzip"}
    assert "something packed" in embed(known).reason


def test_an_endpoint_that_is_slow_costs_a_question_its_time_once(
    known: Reader, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(known, model)
    embed(known)
    monkeypatch.setattr(embedding, "QUESTION_SECONDS", 0.2)
    model.stalls = True
    asked = len(model.asked)
    assert find(known, "kayak")[0] == "Boats"
    assert find(known, "a kayak please")[0] == "Boats"
    assert len(model.asked) == asked + 1
    embedding._rests_until.clear()


def test_another_model_behind_the_same_name_has_everything_embedded_anew(known: Reader, model: Model) -> None:
    put(known, model)
    embed(known)
    model.size = 12
    known.add(sources.add_text, title="More", text="Freight is sent on Mondays.")
    embed(known)
    row = embed(known)
    assert row.dimensions == 12
    with tenant(known.workspace.id):
        assert {len(chunk.embedding or ()) for chunk in KnowledgeChunk.objects.all()} == {12}


def asked_by_a_visitor(reader: Reader, text: str, turn_id: uuid.UUID | None = None) -> list[str]:
    reach = WorkspaceReach(reader.workspace.id, reader.assistant.id, Who(visitor_id=VISITOR, turn_id=turn_id))
    return [passage.title for passage in async_to_sync(reach.passages)(text, 3)]


VISITOR = uuid.uuid4()


@pytest.mark.django_db(transaction=True)
def test_the_embedding_of_a_visitors_question_counts_as_tokens_and_as_no_message(known: Reader, model: Model) -> None:
    put(known, model)
    embed(known)
    with tenant(known.workspace.id):
        for measure in ("messages", "tokens"):
            Budget.objects.create(measure=measure, per="visitor", most=1_000)
    assert asked_by_a_visitor(known, "any watercraft?", uuid.uuid4())[0] == "Boats"
    with tenant(known.workspace.id):
        [spent] = Spending.objects.all()
        [count] = BudgetCount.objects.all()
        assert (spent.model, spent.messages, spent.tokens_out, spent.held_until) == ("one", 0, 0, None)
        assert (count.budget.measure, count.count) == ("tokens", spent.tokens_in)
        assert 4 <= spent.tokens_in <= len("any watercraft?")
        # The model that is asked afterwards is the message.
        assert budgets.take(Who(visitor_id=VISITOR, turn_id=spent.turn), Usage("m", 1, 1))
        assert Spending.objects.get(model="m").messages == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("measure", "most"), [("tokens", 1), ("messages", 1)])
def test_where_nothing_is_left_a_question_goes_without_an_embedding(
    known: Reader, model: Model, measure: str, most: int
) -> None:
    put(known, model)
    embed(known)
    before = len(model.asked)
    with tenant(known.workspace.id):
        budget = Budget.objects.create(measure=measure, per="visitor", most=most)
        if measure == "messages":
            assert isinstance(budgets.take(Who(visitor_id=VISITOR), Usage("m", 1, 1)), str)
    assert asked_by_a_visitor(known, "any watercraft?", uuid.uuid4()) == []
    assert asked_by_a_visitor(known, "kayak", uuid.uuid4()) == ["Boats"]
    assert len(model.asked) == before
    with tenant(known.workspace.id):
        budget.refresh_from_db()
        assert budget.spent_at is None, "nobody is told: it was found by its words"


@pytest.mark.django_db(transaction=True)
def test_what_fails_takes_nothing(known: Reader, model: Model) -> None:
    put(known, model)
    embed(known)
    model.status = 500
    asked_by_a_visitor(known, "any watercraft?")
    with tenant(known.workspace.id):
        [spent] = Spending.objects.all()
        assert (spent.tokens_in, spent.held_until) == (0, None)


def test_what_the_servers_environment_says_of_its_own_account_goes_to_nobody(
    known: Reader, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-server")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-server")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Own: of-the-server")
    put(known, model)
    embed(known)
    assert model.seen
    assert "of-the-server" not in json.dumps(model.seen)


def test_an_endpoint_inside_is_not_called(known: Reader, model: Model, settings: Any) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset()
    put(known, model)
    row = embed(known)
    assert row.status == EmbeddingStatus.FAILED
    assert model.asked == []


def test_a_secret_that_is_missing_says_so(known: Reader, model: Model) -> None:
    with pytest.raises(Problem) as refused:
        put(known, model, secret="nothing_here")
    assert "missing" in refused.value.errors["secret"][0]
    with tenant(known.workspace.id):
        secret_store.write(known.actor, "a_key", "value")
    put(known, model, secret="a_key")
    with tenant(known.workspace.id):
        assert [use.name for use in secret_store.uses()["a_key"]] == ["Reader"]
        secret_store.delete(known.actor, "a_key")
    assert "a_key is missing" in embed(known).reason
    with tenant(known.workspace.id):
        secret_store.write(known.actor, "a_key", "value")
    # One that is made anew under the key is another: nobody has said where it may go.
    assert "a_key may not be sent to http://127.0.0.1" in embed(known).reason
    assert model.asked == []
    put(known, model, secret="a_key", secret_value="value")
    assert embed(known).status == EmbeddingStatus.READY


def test_a_key_goes_to_no_host_that_it_was_not_given_for(known: Reader, model: Model, settings: Any) -> None:
    with tenant(known.workspace.id):
        secret_store.write(known.actor, "a_key", "the value")
    put(known, model, secret="a_key")
    elsewhere = {"base_url": model.url.replace("127.0.0.1", "localhost"), "secret": "a_key"}
    settings.OUTBOUND_ALLOWLIST |= {("localhost", model.server_address[1])}
    for typed, said in (("", "Type its value again"), ("another", "That is not its value.")):
        with pytest.raises(Problem) as refused:
            put(known, model, **elsewhere, secret_value=typed)
        assert said in refused.value.errors["secret"][0]
    # Whoever may set connections and is no admin has it sent nowhere, whatever they type.
    developer = replace(known.actor, permissions=of_role("developer"))
    with tenant(known.workspace.id), pytest.raises(Problem) as refused:
        embedding.put(developer, known.assistant, model="one", **elsewhere, secret_value="the value")
    assert refused.value.code == "scope_missing"
    # A row that came there otherwise is not believed.
    with tenant(known.workspace.id):
        KnowledgeEmbedding.objects.update(base_url=elsewhere["base_url"])
    assert "may not be sent to http://localhost" in embed(known).reason
    assert find(known, "kayaks") == ["Boats"]
    assert model.asked == []
    put(known, model, **elsewhere, secret_value="the value")
    assert embed(known).status == EmbeddingStatus.READY
    assert {key for _, key in model.asked} == {"Bearer the value"}


def test_without_pgvector_no_endpoint_can_be_set_and_words_are_found(
    known: Reader, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vocabulary, "has_extension", lambda name: False)
    with pytest.raises(Problem, match="pgvector"):
        put(known, model)
    assert find(known, "kayaks") == ["Boats"]
