"""The workspace that is shown: visitors have talked on the stranger's site, a member answered, and it has a past."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.driver import Up, clean_environment
from tests.e2e.conftest import Product
from tests.e2e.visitor import Visitor

PAST = Path(__file__).with_name("past.py")


@dataclass(frozen=True)
class Scene:
    """The workspace that is shown."""

    member: StorageState
    deploy_url: str
    conversation_url: str
    shop_url: str
    assistant_id: str
    deployment_id: str


@contextmanager
def running_product() -> Iterator[Product]:
    """`manage.py up` on its usual port where that is free: the pictures show its address."""
    base = Path(tempfile.mkdtemp(prefix="convoship-screenshots-"))
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)
    up = Up(base / "local", environment=clean_environment())
    try:
        yield Product(up.is_up(), far_port=0)
    finally:
        up.close()
        shutil.rmtree(base, ignore_errors=True)


def visitor_called(browser: Browser, shop_url: str, name: str) -> Visitor:
    """A visitor who has opened the chat on the shop's page."""
    visitor = Visitor(browser.new_context(reduced_motion="reduce").new_page())
    visitor.goto(shop_url)
    expect(visitor.launcher).to_be_visible()
    visitor.page.evaluate("(name) => Convoship.identify({name})", name)
    return visitor.chat()


def owner(product: Product, context: BrowserContext) -> Page:
    """The owner of the ready workspace, with names that a shop would have."""
    page = context.new_page()
    page.goto(product.sign_in_url)
    page.goto(f"{product.base_url}/account/")
    page.get_by_label("Name").fill("Mara Lind")
    page.get_by_role("button", name="Save the name").click()
    page.goto(f"{product.base_url}/app/workspace/")
    page.get_by_label("Name").first.fill("Harbour & Pine")
    page.get_by_role("button", name="Save the name").click()
    return page


def talk(browser: Browser, product: Product, page: Page, shop_url: str) -> str:
    """A few conversations; answers the address of the one between a visitor and the owner."""
    for name, question, answer in (
        ("Priya Raman", "do you ship to Norway?", "Express"),
        ("Tomasz Wilk", "can I pay by invoice", "credit cards"),
        ("Ines Duarte", "when are you open on saturdays", "Monday to Friday"),
    ):
        visitor = visitor_called(browser, shop_url, name)
        visitor.ask(question, answer)
        if name == "Tomasz Wilk":
            visitor.chooses("End conversation")
            visitor.panel.get_by_role("button", name="End it").click()
            visitor.sees("This conversation has ended.")
    visitor = visitor_called(browser, shop_url, "Jonas Ek")
    visitor.ask("my parcel hasn't arrived yet", "tracking link")
    visitor.tap("Talk to a person")
    visitor.sees("We’ve let the team know")
    visitor.say("It is order 4471, a drift kettle.")
    url = f"{product.base_url}/app/conversations/{visitor.conversation_id}/"
    page.goto(url)
    page.get_by_label("Your answer").fill("Hello Jonas! It left us on **Monday**, and is out for delivery today.")
    page.get_by_role("button", name="Send").click()
    visitor.hears("out for delivery today")
    visitor.say("Lovely, thank you!")
    waiting = visitor_called(browser, shop_url, "Aino Salmi")
    waiting.say("the blanket came with a hole in it")
    waiting.tap("Talk to a person")
    waiting.sees("We’ve let the team know")
    return url


def publish_another(page: Page, assistant_url: str) -> None:
    """Another version, a draft that is newer still, and a test case that fails."""
    page.goto(assistant_url)
    page.locator("summary").filter(has_text="Opening hours").first.click()
    answer = page.get_by_role("textbox", name="Answer").filter(visible=True).first
    answer.fill(answer.input_value().replace("Monday to Friday", "Monday to Saturday"))
    page.get_by_label("Note for this version").fill("Open on Saturdays")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 2 is live")).to_be_visible()
    welcome = "Hi there! Ask about **orders, delivery and returns**, day and night."
    page.get_by_role("textbox", name="Welcome", exact=True).fill(welcome)
    page.get_by_role("button", name="Save draft").last.click()
    expect(page.get_by_text("The draft is saved")).to_be_visible()


def prepare(browser: Browser, product: Product) -> Scene:
    """The workspace with its conversations."""
    context = browser.new_context()
    page = owner(product, context)
    page.goto(f"{product.base_url}/")
    shop_url = page.get_by_role("link", name="See it on another site").get_attribute("href") or ""
    conversation_url = talk(browser, product, page, shop_url)
    page.goto(f"{product.base_url}/app/assistants/")
    page.get_by_role("link", name="Deploy").first.click()
    deploy_url = page.url
    assistant_id = id_in(deploy_url)
    deployment_id = id_in(page.locator("article h3 a").first.get_attribute("href") or "")
    publish_another(page, deploy_url.removesuffix("deploy"))
    product.manage("shell", "-c", PAST.read_text().replace("DEPLOYMENT_ID", deployment_id))
    return Scene(context.storage_state(), deploy_url, conversation_url, shop_url, assistant_id, deployment_id)


def id_in(url: str) -> str:
    """The first id in an address."""
    found = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", url)
    assert found is not None, url
    return found[0]
