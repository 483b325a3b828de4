"""What a caller's turn word by word costs the database."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper

from channels_app.voice import relay_session
from tests.channels.relays import Telephone

# Fixtures, by their names.
from tests.channels.test_relay_calls import greeted, hub_of_this_loop, model, phone, thinking, whole  # noqa: F401
from tests.models.model_end import ModelEnd, Says

pytestmark = pytest.mark.asyncio

# What the test itself asks is not counted: tasks and threads have the context in which they were begun.
_is_counted: ContextVar[bool] = ContextVar("is_counted", default=True)


async def test_a_turn_that_a_model_answers_takes_so_many_statements_and_no_more(
    thinking: Telephone,  # noqa: F811
    model: ModelEnd,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    execute = CursorWrapper.execute

    def counting(cursor: CursorWrapper, sql: Any, values: Any = None) -> Any:
        if _is_counted.get():
            said.append(str(sql))
        return execute(cursor, sql, values)

    model.script(Says(["Your order ", "has left us."]))
    # How the call stands is looked at by the clock, whatever is said in it.
    monkeypatch.setattr(relay_session, "LOOK_EVERY", 1000.0)
    session = await greeted(thinking)
    _is_counted.set(False)
    # The first turn reads what is kept from then on.
    for number in (1, 2):
        if number == 2:
            monkeypatch.setattr(CursorWrapper, "execute", counting)
        await session.say("Where is my order?")
        assert await session.words() == "Your order has left us."
        await whole(thinking, number)
    transactions = [sql for sql in said if "set_config('app.workspace_id'" in sql]
    # Taken, with what is known of it and set aside; settled; the answer stored; what was heard of it.
    assert len(transactions) <= 4, "\n".join(transactions)
    assert 25 <= len(said) <= 37, f"{len(said)} statements:\n" + "\n".join(said)
