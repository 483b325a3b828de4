"""A demo workspace whose assistant is a model at an endpoint of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.driver import wait_for
from tests.e2e.conftest import PATIENCE, Product
from tests.e2e.programs import Program
from tests.e2e.visitor import Visitor
from tests.models.model_end import ModelEnd, counts
from tests.models.model_end import running as model_running

_TURN = """
import json
from uuid import UUID
from convoship.lib.tenancy import tenant
from deployments.models import Turn
with tenant(UUID({workspace_id!r})):
    turn = Turn.objects.filter(conversation_id=UUID({conversation_id!r})).latest("seq")
    print("TURN " + json.dumps([turn.status, turn.reason, turn.trace, turn.attempts]))
"""


@dataclass(frozen=True)
class Turn:
    """How the last message of a conversation was answered."""

    status: str
    reason: str
    trace: dict[str, Any]
    attempts: int


@dataclass
class Thinking:
    """The product, the workspace and its model, which counts unless it is told otherwise (`model_end.counts`)."""

    product: Product
    demo: dict[str, Any]
    model: ModelEnd

    @property
    def program(self) -> Program:
        """A program with the workspace's key."""
        return Program(self.demo)

    @property
    def page(self) -> str:
        """The shop with the chat in it."""
        return str(self.demo["demo_page"])

    def publish(self, **changes: Any) -> None:
        """Change the assistant, and let visitors have it."""
        path = f"/assistants/{self.demo['assistant_id']}"
        self.program.call("PATCH", path, changes)
        self.program.call("POST", f"{path}/publish")

    def budget(self, *budgets: Mapping[str, Any]) -> None:
        """Set these budgets of the deployment, and no others."""
        path = f"/deployments/{self.demo['deployment_id']}/budgets"
        self.program.call("PUT", path, {"budgets": [*budgets]})

    def sign_in(self, context: BrowserContext) -> Page:
        """The owner's tab, in this browser."""
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(f"{self.product.base_url}/sign-in/")
        page.get_by_label("E-mail").fill(self.demo["email"])
        page.get_by_label("Password", exact=True).fill(self.demo["password"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Overview")).to_be_visible()
        return page

    def turn(self, conversation_id: str) -> Turn:
        """How the conversation's last message was answered."""
        code = _TURN.format(workspace_id=self.demo["workspace_id"], conversation_id=conversation_id)
        told = self.product.manage("shell", "-c", code)
        line = next(line for line in told.splitlines() if line.startswith("TURN "))
        return Turn(*json.loads(line[5:]))


@contextmanager
def running(product: Product) -> Iterator[Thinking]:
    """It runs until the block ends. One at a time: the product knows one address for it."""
    with model_running(product.model_port) as model:
        model.answers = counts
        thinking = Thinking(product, product.new_demo(), model)
        # Knowing nothing by heart, it asks the model.
        thinking.publish(
            responder="llm",
            llm={"base_url": model.base_url, "model": "test-model", "max_tokens": 4000},
            on_failure={"scripted": "never"},
        )
        yield thinking


def shown(visitor: Visitor) -> str:
    """The newest answer, as it is read."""
    return str(visitor.heard.last.inner_text())


def grows(visitor: Visitor, beyond: int = 20) -> None:
    """Wait until so much of an answer is seen."""
    wait_for("words", lambda: shown(visitor).startswith("w0") and len(shown(visitor)) > beyond, seconds=20)
