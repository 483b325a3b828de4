"""What the embed leaves alone on the page it lives on, and what it takes with it when it goes."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import Product, Visit
from tests.e2e.visitor import plain_snippet

# Runs before anything else on the page: what a careful site could have set up, and what it could count.
HOST = """
window.before = new Set(Object.getOwnPropertyNames(window));
window.before.add('before');
window.readNatives = () =>
  [fetch, WebSocket, XMLHttpRequest, history.pushState, addEventListener, setTimeout, Promise, JSON.parse];
window.natives = readNatives();
window.heardErrors = [];
window.heardMessages = [];
window.onerror = (...all) => { heardErrors.push(all) };
window.onmessage = (event) => { heardMessages.push(event.data) };
window.onunhandledrejection = (event) => { heardErrors.push(event.reason) };
window.handlers = [window.onerror, window.onmessage, window.onunhandledrejection];
for (const name of ['natives', 'readNatives', 'heardErrors', 'heardMessages', 'handlers']) before.add(name);
"""
# Counts what the embed's scripts leave on the page: listeners on what outlives them, and running intervals.
COUNTING = """
(() => {
  const add = EventTarget.prototype.addEventListener, drop = EventTarget.prototype.removeEventListener;
  const held = window.held = new Map();
  const ours = () => /\\/(embed|static\\/widget)\\//.test(new Error().stack);
  EventTarget.prototype.addEventListener = function (type, fn, options) {
    const lasts = [undefined, window, document, visualViewport, navigator.connection].includes(this);
    if (fn && (lasts || this instanceof MediaQueryList || this === document.body) && ours()) {
      const key = {target: this, type, fn};
      held.set(key, type);
      options?.signal?.addEventListener('abort', () => held.delete(key));
    }
    return add.call(this, type, fn, options);
  };
  EventTarget.prototype.removeEventListener = function (type, fn, options) {
    for (const key of held.keys()) if (key.target === this && key.type === type && key.fn === fn) held.delete(key);
    return drop.call(this, type, fn, options);
  };
  const timers = window.timers = new Set(), set = setInterval, clear = clearInterval;
  window.setInterval = (...all) => { const id = set(...all); if (ours()) timers.add(id); return id };
  window.clearInterval = (id) => { timers.delete(id); clear(id) };
})();
"""
NO_STORAGE = """
for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])
  Object.defineProperty(window, name, {get() { throw new DOMException('denied', 'SecurityError') }});
"""


def test_the_page_has_two_new_names_and_nothing_else_changed(shop: str, visit: Visit, demo: dict[str, Any]) -> None:
    visitor = visit(shop, script=HOST).chat()
    visitor.ask("where is my order", "tracking link")
    new = visitor.js("Object.getOwnPropertyNames(window).filter((name) => !before.has(name)).sort()")
    assert new == ["Convoship", "ConvoshipQueue"]
    assert visitor.js("readNatives().every((it, n) => it === natives[n])")
    assert visitor.js("handlers.every((it, n) => it === [onerror, onmessage, onunhandledrejection][n])")
    assert visitor.js("[heardErrors.length, heardMessages.length]") == [0, 0]
    # One element more in the body, none in the head, and no class or style on either.
    assert visitor.js("document.querySelectorAll('convoship-widget').length") == 1
    assert visitor.js("[...document.head.children].map((it) => it.tagName)") == [
        "META",
        "META",
        "TITLE",
        "LINK",
        "LINK",
    ]
    assert visitor.js("document.body.attributes.length + document.documentElement.attributes.length") == 1

    assert visitor.page.context.cookies() == []
    prefix = f"convoship:{demo['deployment_token'][:12]}:"
    keys = visitor.js("Object.keys(localStorage)")
    assert keys
    assert all(key.startswith(prefix) for key in keys)
    assert visitor.js("sessionStorage.length") == 0
    assert visitor.js("indexedDB.databases()") == []


def test_destroy_leaves_nothing(shop: str, visit: Visit) -> None:
    visitor = visit(shop, script=COUNTING)
    visitor.chat().ask("where is my order", "tracking link")
    visitor.is_connected()
    assert visitor.js("held.size") > 0
    visitor.js("Convoship.destroy()")
    expect(visitor.host).to_have_count(0)
    visitor.waits_for("timers.size === 0")
    assert visitor.js("[...held.values()]") == []
    assert visitor.sockets
    for socket in visitor.sockets:
        if not socket.is_closed():
            socket.wait_for_event("close")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    # What would wake a widget that had left an ear behind.
    visitor.js("for (const name of ['online', 'focus', 'pageshow', 'storage']) dispatchEvent(new Event(name))")
    visitor.js("document.dispatchEvent(new Event('visibilitychange'))")
    visitor.js("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))")
    assert asked == []
    # And it can come back.
    visitor.js("ConvoshipQueue.push(ConvoshipQueue[0])")
    visitor.open()
    visitor.hears("tracking link")


def test_the_strictest_policy_lets_it_work(shop: str, visit: Visit) -> None:
    visitor = visit(shop + "?csp=strict").chat()
    visitor.ask("how do I return something", "How to return an item")
    visitor.ask("where is my order", "tracking link")
    expect(visitor.panel).to_have_css("display", "flex")
    assert [line for line in visitor.console if "Content Security Policy" in line] == []
    assert visitor.our_errors == []


def test_it_works_where_nothing_can_be_stored(shop: str, visit: Visit) -> None:
    visitor = visit(shop, script=NO_STORAGE).chat()
    visitor.ask("where is my order", "tracking link")
    visitor.ask("when are you open", "Monday to Friday")
    expect(visitor.said).to_have_text(["where is my order", "when are you open"])


def test_it_works_where_no_socket_opens(shop: str, visit: Visit) -> None:
    no_sockets = "window.WebSocket = function () { throw new Error('no sockets here') }"
    visitor = visit(shop, script=no_sockets).chat()
    visitor.ask("where is my order", "tracking link")
    expect(visitor.said).to_have_text(["where is my order"])


def test_the_snippet_twice_is_one_widget(product: Product, demo: dict[str, Any], visit: Visit) -> None:
    snippet = plain_snippet(product.base_url, demo["assistant_id"], demo["deployment_token"])
    visitor = visit(product.page_with(snippet + snippet)).chat()
    expect(visitor.host).to_have_count(1)
    assert any("twice" in line for line in visitor.console)


def test_the_page_can_drive_the_chat(shop: str, visit: Visit) -> None:
    visitor = visit(shop)
    expect(visitor.launcher).to_be_visible()
    visitor.js(
        "window.heard = [];"
        "for (const name of ['open', 'close', 'session:start', 'message:sent', 'message:received'])"
        " { Convoship.on(name, () => heard.push(name)); void 0 }"
    )
    visitor.js("ConvoshipQueue.push(['open'])")
    visitor.hears("What can I do for you?")
    visitor.js("Convoship.sendMessage('where is my order')")
    visitor.hears("tracking link")
    visitor.js("Convoship.close()")
    expect(visitor.panel).to_be_hidden()
    assert set(visitor.js("heard")) == {"open", "close", "session:start", "message:sent", "message:received"}
    assert visitor.js("Object.isFrozen(Convoship.state)")
    visitor.js("Convoship.hide()")
    expect(visitor.launcher).to_be_hidden()
    visitor.js("Convoship.show()")
    expect(visitor.launcher).to_be_visible()
