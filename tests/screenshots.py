"""The README's pictures, from the running product: `make screenshots`.

A throw-away product is started, a few visitors talk on the stranger's site, a member answers; then each subject is
taken on a desktop and on a phone, light and dark, into docs/screenshots/{subject}-{desktop|phone}-{light|dark}.png.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from convoship.machine import packages
from convoship.machine.state import ROOT
from tests.driver import Up, clean_environment
from tests.e2e.conftest import Product
from tests.e2e.visitor import Visitor

FOLDER = ROOT / "docs" / "screenshots"
COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 864}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}


@dataclass(frozen=True)
class Scene:
    """The workspace that is shown."""

    member: StorageState
    deploy_url: str
    conversation_url: str
    shop_url: str


@contextmanager
def running_product() -> Iterator[Product]:
    """`manage.py up` on its usual port where that is free: the pictures show its address."""
    base = Path(tempfile.mkdtemp(prefix="convoship-screenshots-"))
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)
    up = Up(base / "local", environment=clean_environment())
    try:
        yield Product(up.is_up())
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


def prepare(browser: Browser, product: Product) -> Scene:
    """The workspace with its conversations."""
    context = browser.new_context()
    page = owner(product, context)
    page.goto(f"{product.base_url}/")
    shop_url = page.get_by_role("link", name="See it on another site").get_attribute("href") or ""
    conversation_url = talk(browser, product, page, shop_url)
    page.goto(f"{product.base_url}/app/assistants/")
    page.get_by_role("link", name="Deploy").first.click()
    return Scene(context.storage_state(), page.url, conversation_url, shop_url)


def show_widget(page: Page, scene: Scene) -> None:
    """The chat on the stranger's site, after a question."""
    visitor = Visitor(page)
    visitor.goto(scene.shop_url)
    visitor.chat()
    visitor.tap("Returns")
    visitor.hears("How to return an item")
    visitor.say("wehn do you close today?")
    visitor.hears("Monday to Friday")
    visitor.panel.evaluate("(panel) => panel.querySelector('.scroller').scrollTo(0, 1e6)")


def show_deploy(page: Page, scene: Scene) -> None:
    """The Deploy page with its deployment."""
    page.goto(scene.deploy_url)
    page.get_by_text("Show the embed snippet").click()


def show_conversations(page: Page, scene: Scene) -> None:
    """The list of conversations."""
    page.goto(scene.conversation_url.rsplit("/", 2)[0] + "/")
    expect(page.get_by_text("Aino Salmi")).to_be_visible()


def show_conversation(page: Page, scene: Scene) -> None:
    """A conversation that the owner has taken over."""
    page.goto(scene.conversation_url)
    expect(page.get_by_text("out for delivery today")).to_be_visible()


SUBJECTS = {
    "deploy": show_deploy,
    "conversations": show_conversations,
    "conversation": show_conversation,
    # Last, for its visitors would stand in the list of conversations.
    "widget": show_widget,
}


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_product() as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=packages.chromium(), args=["--no-sandbox"])
        scene = prepare(browser, product)
        for subject, show in SUBJECTS.items():
            for device, options in DEVICES.items():
                for colours in COLOURS:
                    context = browser.new_context(
                        **options,
                        color_scheme=colours,
                        reduced_motion="reduce",
                        locale="en-GB",
                        storage_state=None if subject == "widget" else scene.member,
                    )
                    page = context.new_page()
                    show(page, scene)
                    page.wait_for_load_state("networkidle")
                    path = FOLDER / f"{subject}-{device}-{colours}.png"
                    page.screenshot(path=path)
                    print(path.relative_to(ROOT))
                    context.close()
        browser.close()


if __name__ == "__main__":
    main()
