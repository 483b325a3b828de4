"""What is taken, and how each page is brought to where it shows itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from playwright.sync_api import Page, expect

from tests.e2e.visitor import Visitor
from tests.screenshots.scene import Scene

Show = Callable[[Page, Scene], None]


def show_widget(page: Page, scene: Scene) -> None:
    """The chat on the stranger's site, after a question."""
    visitor = Visitor(page)
    visitor.goto(scene.shop_url)
    visitor.chat()
    visitor.tap("Returns")
    visitor.hears("How to return an item")
    visitor.say("wehn do you close today?")
    visitor.hears("Monday to")
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


def show_page(path: str, page: Page, scene: Scene) -> None:
    """A page as it opens."""
    base = scene.deploy_url.split("/app/")[0]
    page.goto(base + path.format(assistant=scene.assistant_id, deployment=scene.deployment_id))


def show_editor(page: Page, scene: Scene) -> None:
    """The editor with an intent open, and where there is room a conversation beside it."""
    show_page("/app/assistants/{assistant}/", page, scene)
    panel = page.get_by_role("complementary", name="Try it")
    if panel.is_visible():
        panel.get_by_role("textbox", name="What a visitor says").fill("wher is my pakcage")
        panel.get_by_role("button", name="Send", exact=True).last.click()
        expect(panel.get_by_text("Understood as").first).to_be_visible()
    intent = page.locator("summary").filter(has_text="Opening hours").first
    intent.click()
    intent.scroll_into_view_if_needed()


def show_try(page: Page, scene: Scene) -> None:
    """A conversation with how its answers were found."""
    show_page("/app/assistants/{assistant}/try", page, scene)
    for number, words in enumerate(("do you ship to norway", "when do you close on saturdays"), start=1):
        page.get_by_role("textbox", name="What a visitor says").fill(words)
        page.get_by_role("button", name="Send", exact=True).last.click()
        expect(page.locator(".try-how")).to_have_count(number)


def show_appearance(page: Page, scene: Scene) -> None:
    """Colours that were typed, and the chat in them."""
    show_page("/app/deployments/{deployment}/appearance", page, scene)
    expect(page.frame_locator("iframe").get_by_role("dialog")).to_be_visible()
    page.locator("input[name=primaryColor]").last.fill("#0a6640")
    page.keyboard.press("Tab")


def show_rehearsal(page: Page, scene: Scene) -> None:
    """A phone of ours: an answer, and a message that was not taken at first."""
    show_page("/app/channels/", page, scene)
    page.get_by_role("link", name=re.compile("^rehearsal of")).first.click()
    if page.get_by_text("Nothing was said yet.").is_visible():
        for number, (words, fault) in enumerate((("how do I return something", ""), ("hello", "no_number")), start=1):
            page.get_by_label("When something is sent, it").select_option(fault)
            page.get_by_role("button", name="Behave like that").click()
            page.get_by_role("textbox", name="Message").fill(words)
            page.keyboard.press("Enter")
            expect(page.get_by_role("log").get_by_role("link")).to_have_count(number, timeout=20_000)
    expect(page.get_by_role("log").get_by_role("link", name="Failed")).to_be_visible(timeout=20_000)
    page.reload()


def show_delivery(page: Page, scene: Scene) -> None:
    """Why a message failed, and the button that repairs it."""
    show_rehearsal(page, scene)
    page.get_by_role("log").get_by_role("link", name="Failed").click()
    expect(page.locator("#standing")).to_contain_text("Failed")


# In every look, for the README.
SUBJECTS: dict[str, Show] = {
    "deploy": show_deploy,
    "conversations": show_conversations,
    "conversation": show_conversation,
}
# On a desktop in light and on a phone in dark, for the other documents.
TABS: dict[str, Show] = {
    "editor": show_editor,
    "try": show_try,
    "tests": partial(show_page, "/app/assistants/{assistant}/tests"),
    "versions": partial(show_page, "/app/assistants/{assistant}/versions/"),
    "compare": partial(show_page, "/app/assistants/{assistant}/versions/compare?from=1&to=2"),
    "deployment": partial(show_page, "/app/deployments/{deployment}/"),
    "settings": partial(show_page, "/app/deployments/{deployment}/settings"),
    "origins": partial(show_page, "/app/deployments/{deployment}/origins"),
    "appearance": show_appearance,
    "install": partial(show_page, "/app/deployments/{deployment}/install"),
    "identity": partial(show_page, "/app/deployments/{deployment}/identity"),
    "numbers": partial(show_page, "/app/deployments/{deployment}/numbers"),
    "channels": partial(show_page, "/app/channels/"),
    "rehearsal": show_rehearsal,
    "delivery": show_delivery,
    "rollout": partial(show_page, "/app/deployments/{deployment}/rollout"),
}
# Last, for its visitors would stand in the list of conversations.
WIDGET: dict[str, Show] = {"widget": show_widget}
