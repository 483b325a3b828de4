"""Embeddings of passages and of questions, by an OpenAI-compatible endpoint that an assistant's people name.

They are kept as plain numbers beside the passages and compared by pgvector, which not every PostgreSQL has; without it
there are none, and finding goes by words alone. The endpoint is asked by the official SDK over the guarded client, by a
worker in batches, and for a question while somebody waits, briefly: an endpoint that is slow or away costs a question
that time once, and nothing else.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
import uuid
from typing import Any, Protocol
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db.models import F, Q
from django.utils import timezone

from convoship.lib import rows
from convoship.lib.actors import Actor
from convoship.lib.outbound import OutboundError, checked
from convoship.lib.problems import invalid
from convoship.lib.remembering import Remembered
from convoship.lib.tenancy import in_tenant, tenant
from deployments import doors
from deployments.knowledge import searching, vocabulary
from deployments.knowledge.endpoint import LONGEST_TEXT, Endpoint, NotEmbedded, ask
from deployments.models import Assistant, KnowledgeChunk, KnowledgeEmbedding
from deployments.models.knowledge import EmbeddingStatus
from deployments.responders.base import Passage, Usage
from workspaces import audit, secret_hosts, secret_store
from workspaces.secret_hosts import Pointing
from workspaces.secret_store import SecretMissing, Use

logger = logging.getLogger(__name__)

BATCH = 32  # passages of one request
QUESTION_SECONDS = 2.5
LEASE = dt.timedelta(minutes=3)
SLICE_SECONDS = 15.0
# After a failure that may pass: minutes, one after another, then the last again.
BACK_OFF = (1, 5, 15, 60)
# After a question that got no embedding in time the next ones go without, for so long.
REST_SECONDS = 60.0
MOST_KEPT_BYTES = 8 * 2**20

WITHOUT_VECTOR = (
    "This installation's database lacks the extension pgvector, so passages are found by their words alone. Whoever "
    "runs it can add it (CREATE EXTENSION vector); then embeddings can be turned on here."
)


def is_possible() -> bool:
    """Whether the database can compare embeddings."""
    return vocabulary.has_extension("vector")


# --- Settings; inside `tenant()` --------------------------------------------------------------------------------------


def of_assistant(assistant_id: UUID) -> KnowledgeEmbedding | None:
    """The assistant's endpoint, if one is set."""
    return rows.first(KnowledgeEmbedding, "t.assistant_id = %s", [assistant_id])


def put(
    actor: Actor, assistant: Assistant, *, base_url: str, model: str, secret: str = "", secret_value: str = ""
) -> KnowledgeEmbedding:
    """Set the endpoint; another model or address has all passages embedded anew. 422 with words at the fields.

    `secret_value` is that of a secret which goes to this host for the first time (`secret_hosts`); only an admin may
    send one to another host, 403.
    """
    base_url, model, secret = base_url.strip().rstrip("/"), model.strip(), secret.strip()
    errors: dict[str, list[str]] = {}
    if not is_possible():
        errors["base_url"] = [WITHOUT_VECTOR]
    try:
        if checked(base_url).query:
            errors.setdefault("base_url", ["Give the address without a question mark and what follows it."])
    except OutboundError as error:
        errors.setdefault("base_url", [error.words])
    if len(base_url) > 500:
        errors.setdefault("base_url", ["This is too long: at most 500 characters are possible."])
    if not model or len(model) > 100 or "\x00" in model:
        errors["model"] = ["Give the model's name as its provider spells it, such as text-embedding-3-small."]
    if secret and not secret_store.KEY_FORM.fullmatch(secret):
        errors["secret"] = ["Choose one of the workspace's secrets, or none."]
    elif secret:
        try:
            secret_store.value_of(secret)
        except SecretMissing as missing:
            errors["secret"] = [f"{missing.words} {missing.remedy}"]
    if errors:
        raise invalid(errors)
    if secret:
        secret_hosts.point(actor, [Pointing("secret", secret, base_url)], {secret: secret_value})
    before = KnowledgeEmbedding.objects.select_for_update().filter(assistant=assistant).first()
    is_same = before is not None and (before.base_url, before.model) == (base_url, model)
    row, _ = KnowledgeEmbedding.objects.update_or_create(
        assistant=assistant,
        defaults={
            "base_url": base_url,
            "model": model,
            "secret": secret,
            "status": EmbeddingStatus.WAITING,
            "reason": "",
            "remedy": "",
            "attempts": 0,
            "due_at": timezone.now(),
            **({} if is_same else {"dimensions": None, "claim": None, "leased_until": None}),
        },
    )
    if not is_same:
        KnowledgeChunk.objects.filter(assistant=assistant, embedding__isnull=False).update(embedding=None)
    host = secret_hosts.host_of(base_url)
    audit.record(actor, "knowledge.embeddings_set", assistant, host=host, model=model, secret=secret)
    return row


def drop(actor: Actor, assistant: Assistant) -> None:
    """Find by words alone from now on; the embeddings are deleted."""
    gone, _ = KnowledgeEmbedding.objects.filter(assistant=assistant).delete()
    KnowledgeChunk.objects.filter(assistant=assistant, embedding__isnull=False).update(embedding=None)
    if gone:
        audit.record(actor, "knowledge.embeddings_dropped", assistant)


def counts(assistant_id: UUID) -> tuple[int, int]:
    """How many passages have an embedding, and how many there are."""
    chunks = KnowledgeChunk.objects.filter(assistant_id=assistant_id)
    return chunks.filter(embedding__isnull=False).count(), chunks.count()


def uses_of_secrets() -> list[Use]:
    """For the page of a secret: whose embeddings stand on it."""
    using = KnowledgeEmbedding.objects.select_related("assistant").exclude(secret="")
    return [
        Use(row.secret, "Embeddings of", row.assistant.name, f"/app/assistants/{row.assistant_id}/knowledge")
        for row in using
    ]


def pointings() -> list[Pointing]:
    """Which secrets go where for embeddings."""
    using = KnowledgeEmbedding.objects.exclude(secret="")
    return [Pointing("secret", row.secret, row.base_url) for row in using]


def secret_written(_actor: Actor, key: str) -> None:
    """A secret was written: endpoints that use it are tried again."""
    KnowledgeEmbedding.objects.filter(secret=key).update(
        due_at=timezone.now(), attempts=0, status=EmbeddingStatus.WAITING, reason="", remedy=""
    )


def secret_deleted(_actor: Actor, key: str) -> None:
    """A secret is gone: the endpoints that used it say so when they are asked next."""
    KnowledgeEmbedding.objects.filter(secret=key).update(due_at=timezone.now())


def _opened(row: KnowledgeEmbedding) -> Endpoint:
    try:
        key = secret_store.value_of(row.secret) if row.secret else ""
    except SecretMissing as missing:
        raise NotEmbedded(missing.words, missing.remedy, may_pass=False) from None
    if row.secret and not secret_hosts.may_go(row.secret, row.base_url):
        raise NotEmbedded(
            f"The secret {row.secret} may not be sent to {secret_hosts.host_of(row.base_url)}.",
            "Choose it again here, and type its value.",
            may_pass=False,
        )
    return Endpoint(row.base_url, row.model, key)


# --- Passages, by a worker --------------------------------------------------------------------------------------------


def embed_due() -> int:
    """Send passages that have no embedding yet; returns how many batches were kept."""
    until, done = time.monotonic() + SLICE_SECONDS, 0
    for workspace_id, row_id in doors.due_embeddings(20):
        if time.monotonic() > until:
            break
        try:
            done += embed(workspace_id, row_id, until=until)
        except Exception:
            logger.exception("embedding for %s failed, it stays due", row_id)
    return done


def embed(workspace_id: UUID, row_id: UUID, *, until: float | None = None) -> int:
    """What one endpoint has to do, for a while, if nobody else does so; the number of batches. Outside `tenant()`."""
    until = until if until is not None else time.monotonic() + SLICE_SECONDS
    with tenant(workspace_id):
        row = _claimed(row_id)
        if row is None:
            return 0
        if not is_possible():
            _fail(row, NotEmbedded(WITHOUT_VECTOR, "", may_pass=False))
            return 0
    done = 0
    try:
        with tenant(workspace_id):
            endpoint = _opened(row)
        while batch := _next_batch(workspace_id, row):
            if time.monotonic() > until:
                break
            vectors = asyncio.run(ask(endpoint, [text for _, text in batch]))
            with tenant(workspace_id):
                if not _kept(row, batch, vectors):
                    return done
            done += 1
        else:
            _settle(workspace_id, row, due_at=None)
            return done
        _settle(workspace_id, row, due_at=timezone.now())
    except NotEmbedded as failure:
        with tenant(workspace_id):
            _fail(row, failure)
    return done


def _claimed(row_id: UUID) -> KnowledgeEmbedding | None:
    now = timezone.now()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    taken = KnowledgeEmbedding.objects.filter(free, id=row_id, due_at__lte=now).update(
        claim=uuid.uuid4(), leased_until=now + LEASE
    )
    return KnowledgeEmbedding.objects.get(id=row_id) if taken else None


def _mine(row: KnowledgeEmbedding) -> Any:
    return KnowledgeEmbedding.objects.filter(id=row.id, claim=row.claim)


def _next_batch(workspace_id: UUID, row: KnowledgeEmbedding) -> list[tuple[UUID, str]]:
    with tenant(workspace_id):
        chunks = KnowledgeChunk.objects.filter(assistant_id=row.assistant_id, embedding__isnull=True)
        listed = chunks.order_by("page", "position").values_list("id", "page__title", "heading", "text")[:BATCH]
        return [(chunk, "\n".join(filter(None, (title, heading, text)))) for chunk, title, heading, text in listed]


def _kept(row: KnowledgeEmbedding, batch: list[tuple[UUID, str]], vectors: list[list[float]]) -> bool:
    """Keep a batch, if the claim still stands and the endpoint is the same."""
    size = len(vectors[0])
    held = _mine(row).select_for_update().first()
    if held is None or (held.base_url, held.model) != (row.base_url, row.model):
        return False
    if held.dimensions not in {None, size}:
        # The same name, another model behind it: nothing of before can be compared with it.
        KnowledgeChunk.objects.filter(assistant_id=row.assistant_id).update(embedding=None)
    _mine(row).update(
        dimensions=size,
        status=EmbeddingStatus.READY,
        reason="",
        remedy="",
        attempts=0,
        leased_until=timezone.now() + LEASE,
    )
    for (chunk, _), vector in zip(batch, vectors, strict=True):
        KnowledgeChunk.objects.filter(id=chunk).update(embedding=vector)
    return True


def _settle(workspace_id: UUID, row: KnowledgeEmbedding, *, due_at: dt.datetime | None) -> None:
    with tenant(workspace_id):
        _mine(row).update(claim=None, leased_until=None, due_at=due_at)
        # A page that was kept meanwhile has new passages: whoever kept it saw that somebody was at work.
        if (
            due_at is None
            and KnowledgeChunk.objects.filter(assistant_id=row.assistant_id, embedding__isnull=True).exists()
        ):
            KnowledgeEmbedding.objects.filter(id=row.id).update(due_at=timezone.now())


def _fail(row: KnowledgeEmbedding, failure: NotEmbedded) -> None:
    wait = BACK_OFF[min(row.attempts, len(BACK_OFF) - 1)]
    _mine(row).update(
        claim=None,
        leased_until=None,
        status=EmbeddingStatus.FAILED,
        reason=failure.reason[:400],
        remedy=failure.remedy[:400],
        attempts=F("attempts") + 1,
        due_at=timezone.now() + dt.timedelta(minutes=wait) if failure.may_pass else None,
    )


# --- Questions, while somebody waits ----------------------------------------------------------------------------------

_asked: Remembered[tuple[UUID, str, str, str], list[float]] = Remembered(MOST_KEPT_BYTES)
_rests_until: dict[UUID, float] = {}


class Counting(Protocol):
    """Where what a question's embedding takes is set aside and settled (`reaching.WorkspaceReach`)."""

    async def spend_beside(self, most: Usage) -> str:
        """The id to settle it by; "" where there is no room."""
        ...

    async def settle(self, spent: str, usage: Usage) -> object:
        """What it took."""
        ...


async def passages(
    workspace_id: UUID, assistant_id: UUID, text: str, limit: int = 5, *, counting: Counting | None = None
) -> list[Passage]:
    """`searching.find`, with the text's embedding where the assistant has an endpoint that answers in time.

    Where no budget has room for the embedding, words alone are looked for.
    """
    endpoint, known = await in_tenant(known_without)(workspace_id, assistant_id, text, limit)
    if endpoint is None:
        return known
    embedding = await _of_question(assistant_id, endpoint, text, counting)
    return await in_tenant(searching.find)(workspace_id, assistant_id, text, limit, embedding=embedding)


def known_without(assistant_id: UUID, text: str, limit: int) -> tuple[tuple[Endpoint, int] | None, list[Passage]]:
    """The endpoint that is to be asked first; where there is none, what words find, in the same transaction."""
    endpoint = _endpoint_for_questions(assistant_id)
    return endpoint, [] if endpoint else searching.find(assistant_id, text, limit)


def passages_waiting(workspace_id: UUID, assistant_id: UUID, text: str, limit: int = 5) -> list[Passage]:
    """As `passages`, from a thread that may wait itself. Outside of `tenant()`."""
    with tenant(workspace_id):
        found = _endpoint_for_questions(assistant_id)
    embedding = async_to_sync(_of_question)(assistant_id, found, text) if found else None
    with tenant(workspace_id):
        return searching.find(assistant_id, text, limit, embedding=embedding)


async def _of_question(
    assistant_id: UUID, found: tuple[Endpoint, int], text: str, counting: Counting | None = None
) -> list[float] | None:
    endpoint, dimensions = found
    key = (assistant_id, endpoint.base_url, endpoint.model, text[:LONGEST_TEXT])
    if (held := _asked.get(key)) is not None:
        return held
    # As for models: a letter of ours is a third of a token, another sign one.
    sent = text[:LONGEST_TEXT]
    plain = sum(letter.isascii() and (letter.isalpha() or letter == " ") for letter in sent)
    took = Usage(endpoint.model, plain // 3 + len(sent) - plain + 1, 0)
    spent = await counting.spend_beside(took) if counting else ""
    if counting and not spent:
        return None
    try:
        (vector,) = await ask(endpoint, [text], seconds=QUESTION_SECONDS)
    except NotEmbedded as failure:
        took = Usage(endpoint.model)
        logger.info("a question goes without an embedding: %s", failure.reason)
        _rests_until[assistant_id] = time.monotonic() + REST_SECONDS
        return None
    finally:
        if counting:
            await counting.settle(spent, took)
    # Another model behind the same name: the passages are embedded anew by it, and until then go by their words.
    return _asked.put(key, vector, 32 * len(vector)) if len(vector) == dimensions else None


def _endpoint_for_questions(assistant_id: UUID) -> tuple[Endpoint, int] | None:
    """The endpoint and its dimensions; None where there is none that works, or it has just failed."""
    if _rests_until.get(assistant_id, 0.0) > time.monotonic():
        return None
    row = of_assistant(assistant_id)
    if row is None or row.dimensions is None or not is_possible():
        return None
    try:
        return _opened(row), row.dimensions
    except NotEmbedded:
        return None
