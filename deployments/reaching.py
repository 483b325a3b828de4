"""What a responder may ask a turn for (`responders.base.Reach`), for an assistant of a workspace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from convoship.lib.tenancy import in_tenant
from deployments import budget_notices, budgets, rehearsed_bots, webhook_callbacks, webhook_secrets
from deployments.budget_notices import Near
from deployments.budgets import Refusal, Who
from deployments.knowledge import embedding, vocabulary
from deployments.models import Assistant
from deployments.responders.base import (
    Callback,
    Opening,
    Passage,
    ResponderError,
    Usage,
    Wanted,
    found_in_parts,
)
from workspaces import secret_hosts, secret_store

R = TypeVar("R")

# What is given back for answers that nobody waits for any more.
_settling: set[asyncio.Task[int | None]] = set()


# Passages, secret, what the call may take and whether that was set aside.
_Found = tuple[Sequence[Passage], str, Usage, str | Refusal]


@dataclass
class Prepared:
    """An opening without passages that was found ahead, for whoever wants just this, once."""

    wanted: Wanted
    secret: str = field(repr=False)
    most: Usage
    # "" once somebody has it.
    spent: str

    def take(self, wanted: Wanted) -> Opening | None:
        """What was found, where this is what it was found for."""
        asked, found = ((one.text, one.limit, one.secret) for one in (wanted, self.wanted))
        if not self.spent or asked != found or wanted.most(()) != self.most:
            return None
        spent, self.spent = self.spent, ""
        return Opening((), self.secret, spent)


def prepare(assistant_id: UUID, who: Who, wanted: Wanted) -> Prepared | None:
    """Find an opening within the transaction that claims the turn; None where it is better asked for afterwards.

    So it is where passages have to be searched for or a budget counts, which may take long or fail, and where there is
    an error to be told of.
    """
    if wanted.limit and vocabulary.about(assistant_id) is not None:
        return None
    try:
        secret = _secret(*wanted.secret) if wanted.secret else ""
    except ResponderError:
        return None
    most = wanted.most(())
    spent = budgets.take_ahead(who, most)
    return Prepared(wanted, secret, most, spent) if spent else None


@dataclass(frozen=True)
class WorkspaceReach:
    """`Reach` for one turn: each call crosses the database by itself and gives its connection back."""

    workspace_id: UUID
    assistant_id: UUID
    # For whom it is asked: whose budgets it takes from.
    who: Who = field(default_factory=Who)
    # What was found with the turn's claim.
    prepared: Prepared | None = None

    async def secret(self, key: str, url: str) -> str:
        """The secret's value, if it is there and may be sent to this address."""
        return await in_tenant(_secret)(self.workspace_id, key, url)

    async def passages(self, text: str, limit: int) -> Sequence[Passage]:
        """What it has read that fits this text best."""
        return await embedding.passages(self.workspace_id, self.assistant_id, text, limit, counting=self)

    async def opening(self, wanted: Wanted) -> Opening:
        """All of it in one transaction, where no endpoint has to be asked for the question's embedding in between.

        Or in none, where it was found with the claim.
        """
        if self.prepared is not None and (opening := self.prepared.take(wanted)):
            return opening
        found = await self._open(wanted)
        if found is None:
            return await found_in_parts(self, wanted)
        passages, secret, most, taken = found
        return Opening(passages, secret, await self._taken(taken, most))

    async def _open(self, wanted: Wanted) -> _Found | None:
        return await self._or_given_back(
            in_tenant(_opening)(self.workspace_id, self.assistant_id, self.who, wanted),
            lambda found: found and found[-1],
        )

    async def spend(self, most: Usage) -> str:
        """Set it aside in every budget that it falls under."""
        taken = await self._or_given_back(in_tenant(budgets.take)(self.workspace_id, self.who, most), lambda it: it)
        return await self._taken(taken, most)

    async def _or_given_back(self, taking: Awaitable[R], spent: Callable[[R], object]) -> R:
        """What is being set aside; where nobody waits for it any more, it is given back once it is there.

        Its transaction runs in a thread, which nothing stops: `spent` is the id of what it set aside.
        """
        task = asyncio.ensure_future(taking)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda _: self._give_back(task, spent))
            raise

    def _give_back(self, task: asyncio.Future[R], spent: Callable[[R], object]) -> None:
        if task.cancelled() or task.exception() is not None:
            return
        if isinstance(taken := spent(task.result()), str):
            settling = asyncio.get_running_loop().create_task(self.settle(taken, Usage()))
            _settling.add(settling)
            settling.add_done_callback(_settling.discard)

    async def _taken(self, taken: str | Refusal, most: Usage) -> str:
        """Its id; where there was no room, what processes that died had set aside is given back first."""
        if not isinstance(taken, str) and await self._frees():
            taken = await in_tenant(budgets.take)(self.workspace_id, self.who, most)
        if isinstance(taken, str):
            return taken
        raise taken.error(self.who.locale)

    async def spend_beside(self, most: Usage) -> str:
        """As `spend`, for what is asked beside an answer: "" where there is no room, and nobody is told."""
        taken = await in_tenant(partial(budgets.take, is_beside=True))(self.workspace_id, self.who, most)
        return taken if isinstance(taken, str) else ""

    async def settle(self, spent: str, usage: Usage) -> int | None:
        """What it took, in every budget in which it was counted."""
        cost, near = await in_tenant(_settled)(self.workspace_id, spent, usage)
        if near:
            await in_tenant(budget_notices.note_near)(self.workspace_id, near)
        return cost

    async def close(self) -> None:
        """Take back what was set aside with the claim, where nobody asked for it."""
        if self.prepared is not None and self.prepared.spent:
            spent, self.prepared.spent = self.prepared.spent, ""
            await in_tenant(budgets.take_back)(self.workspace_id, spent)

    async def _frees(self) -> bool:
        """Give back what processes that died had set aside; whether there was any."""
        overdue = await in_tenant(budgets.overdue)(self.workspace_id)
        for spending_id in overdue:
            await in_tenant(budgets.free)(self.workspace_id, spending_id)
        return bool(overdue)

    async def signing_secrets(self) -> Sequence[str]:
        """What its webhook is signed with now."""
        return await in_tenant(_signers)(self.workspace_id, self.assistant_id)

    async def bot_stand_in(self, name: str) -> str:
        """Where the rehearsal's bot of this name takes this assistant's questions."""
        return rehearsed_bots.address(self.workspace_id, self.assistant_id, name)

    async def open_callback(self, turn_id: str, seconds: float) -> Callback:
        """An address for this turn's answer."""
        return await in_tenant(webhook_callbacks.opened)(self.workspace_id, turn_id, seconds)

    async def called_back(self, callback: Callback) -> Mapping[str, Any] | None:
        """What was posted there, if anything was."""
        return await in_tenant(webhook_callbacks.answer_to)(self.workspace_id, callback)


def _opening(assistant_id: UUID, who: Who, wanted: Wanted) -> _Found | None:
    """What there is of it; None where an embedding is wanted."""
    passages: Sequence[Passage] = ()
    if wanted.limit:
        endpoint, passages = embedding.known_without(assistant_id, wanted.text, wanted.limit)
        if endpoint is not None:
            return None
    secret = _secret(*wanted.secret) if wanted.secret else ""
    most = wanted.most(passages)
    return passages, secret, most, budgets.take(who, most)


def _settled(spent: str, usage: Usage) -> tuple[int | None, list[Near]]:
    cost, is_counted = budgets.settle(spent, usage)
    return cost, budget_notices.newly_near(spent) if is_counted else []


def _signers(assistant_id: UUID) -> list[str]:
    return webhook_secrets.signers(Assistant.objects.get(id=assistant_id))


def _secret(key: str, url: str) -> str:
    try:
        value = secret_hosts.value_for(key, url)
    except secret_store.SecretMissing as missing:
        raise ResponderError(missing.words, missing.remedy, code="key") from None
    if value is None:
        raise ResponderError(
            f"The secret {key} may not be sent to {secret_hosts.host_of(url)}.",
            "Choose it again on the assistant's page, and type its value there.",
            code="key",
        )
    return value
