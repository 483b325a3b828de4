"""A visitor's browser on somebody's site, with the chat in it and all that the browser says about it."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, Response, WebSocket, expect

from tests.driver import wait_for

WELCOME = "What can I do for you?"


class Visitor:
    """One tab."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.uncaught: list[str] = []
        self.console: list[str] = []
        self.sockets: list[WebSocket] = []
        page.on("pageerror", lambda error: self.uncaught.append(str(error)))
        page.on("console", lambda line: self.console.append(f"{line.type}: {line.text}"))
        page.on("websocket", lambda socket: self.sockets.append(socket))

        self.host = page.locator("convoship-widget")
        self.launcher = self.host.locator("button.launcher")
        self.panel = page.get_by_role("dialog")
        self.field = self.panel.get_by_role("textbox", name="Message")
        self.said = self.panel.locator(".row.mine .bubble")
        self.heard = self.panel.locator(".row.theirs .bubble")
        self.banner = self.panel.locator(".banner")

    def goto(self, url: str) -> Response | None:
        """Go to a page of the site."""
        return self.page.goto(url)

    def open(self) -> Visitor:
        """Click the launcher, and wait for the panel."""
        self.launcher.click()
        expect(self.panel).to_be_visible()
        return self

    def chat(self) -> Visitor:
        """Open, and wait for the assistant's welcome."""
        self.open()
        self.hears(WELCOME)
        return self

    def say(self, text: str) -> None:
        """Type a message and send it with Enter."""
        self.field.fill(text)
        self.field.press("Enter")

    def ask(self, text: str, answer: str) -> None:
        """Say something and wait for the answer."""
        self.say(text)
        self.hears(answer)

    def hears(self, text: str, timeout: float | None = None) -> None:
        """Wait until the other side has said this, in a bubble or below one."""
        expect(self.panel.locator(".row.theirs").filter(has_text=text).last).to_be_visible(timeout=timeout)

    def sees(self, text: str, timeout: float | None = None) -> None:
        """Wait for words anywhere in the panel."""
        expect(self.panel.get_by_text(text).last).to_be_visible(timeout=timeout)

    def tap(self, label: str) -> None:
        """Tap the newest button of this name."""
        self.panel.get_by_role("button", name=label, exact=True).last.click()

    def chooses(self, entry: str) -> None:
        """Choose from the menu in the chat's header."""
        self.panel.get_by_role("button", name="More options").click()
        self.panel.get_by_role("menuitem", name=entry).click()

    def js(self, expression: str) -> Any:
        """What the page's own script would read."""
        return self.page.evaluate(expression)

    @property
    def conversation_id(self) -> str:
        """The conversation that this tab is in."""
        self.waits_for("window.Convoship?.state.session")
        return str(self.js("Convoship.state.session.conversationId"))

    def is_connected(self) -> None:
        """Wait until the socket is up."""
        self.waits_for("window.Convoship?.state.connection === 'online'")

    def waits_for(self, expression: str) -> None:
        """Wait until it holds. Playwright's own waiting evaluates text in the page, which a strict policy forbids."""
        wait_for(expression, lambda: self.js(expression), seconds=20)

    @property
    def loads_failed(self) -> list[str]:
        """The console's errors that the browser itself writes for requests without a good answer."""
        return [line for line in self.console if "Failed to load resource" in line]

    @property
    def our_errors(self) -> list[str]:
        """The console's errors that a script wrote."""
        return [line for line in self.console if line.startswith("error:") and line not in self.loads_failed]

    def focused(self) -> Locator:
        """What has the focus inside the widget."""
        return self.host.locator(":focus")


def plain_snippet(product_url: str, agent_id: str, token: str, **more: Any) -> str:
    """The snippet without guard and without `async`; `api_url` and `script_url` choose other hosts."""
    options = {
        "agentId": agent_id,
        "token": token,
        "channel": "web",
        "apiUrl": more.pop("api_url", product_url),
    }
    script = more.pop("script_url", product_url)
    return (
        f'<script src="{script}/embed/v1.js"></script>\n'
        f"<script>ConvoshipQueue.push(['init', {json.dumps({**options, **more})}]);</script>\n"
    )
