"""A paused deployment: its visitors read that it is, lose nothing, and go on where they were once it is resumed."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program

ACT = """
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import admission, deploying
from deployments.models import Deployment
key = admission.key_of("{token}")
with tenant(key.workspace_id):
    deploying.{act}(SYSTEM, Deployment.objects.get(id=key.deployment_id))
"""


def act(product: Product, name: str, token: str) -> None:
    product.manage("shell", "-c", ACT.format(token=token, act=name))


def test_a_pause_is_told_in_an_open_chat_and_the_chat_goes_on_where_it_was(
    product: Product, program: Program, visit: Visit
) -> None:
    made = program.deploy(product.stranger_url)
    visitor = visit(product.page_with(made["embed_snippet"])).chat()
    visitor.ask("where is my order", "tracking link")
    visitor.is_connected()
    act(product, "pause", made["token"])
    visitor.sees("The chat is paused")
    visitor.sees("Nobody can answer here at the moment.")
    visitor.sees("Code: 503 unavailable")
    expect(visitor.field).to_have_count(0)
    assert any("Resume" in line for line in visitor.our_errors)

    act(product, "resume", made["token"])
    visitor.tap("Try again")
    visitor.hears("tracking link")
    visitor.ask("do you ship to norway", "")
    expect(visitor.said).to_have_text([re.compile("where is my order"), re.compile("do you ship to norway")])


def test_a_page_that_loads_while_it_is_paused_says_so_and_tries_again(
    product: Product, program: Program, visit: Visit
) -> None:
    made = program.deploy(product.stranger_url)
    act(product, "pause", made["token"])
    visitor = visit(product.page_with(made["embed_snippet"])).open()
    visitor.sees("The chat is paused")
    act(product, "resume", made["token"])
    visitor.tap("Try again")
    visitor.hears("What can I do for you?")
