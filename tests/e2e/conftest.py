"""The browser tests run against the real product, started as a person starts it, in a real Chromium."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from convoship.machine import packages, ports
from tests.driver import Up, clean_environment, wait_for
from tests.e2e.programs import Program
from tests.e2e.visitor import Visitor

PATIENCE = 45_000  # milliseconds: two busy cores are slow now and then, and a right answer comes at once
LINES_TOLD = 60  # of what the product said, where a test fails
# One machine visits all day, so the limit per address is out of the way here; tests/runtime holds it.
VISITS = {"LIMIT_SESSIONS_PER_IP": "2000/60"}

expect.set_options(timeout=PATIENCE)


@dataclass
class Product:
    """The running product, for tests that click on it and pull its plugs."""

    up: Up
    # Where a customer's far end may listen: the product may call it although it is on this machine.
    far_port: int
    # And where a model may.
    model_port: int = 0

    @property
    def base_url(self) -> str:
        """Where it serves."""
        return self.up.base_url

    @cached_property
    def stranger_url(self) -> str:
        """The site on another origin."""
        return str(self.up.run["environment"]["CONVOSHIP_STRANGER_SITE_URL"])

    @cached_property
    def sign_in_url(self) -> str:
        """The one-time link it printed; whoever opens it first has used it."""
        return self.up.says("Sign in (works once)").split()[-1]

    @cached_property
    def demo(self) -> dict[str, Any]:
        """One demo workspace for all tests: CONTRACT section 9."""
        return self.new_demo()

    def new_demo(self) -> dict[str, Any]:
        """Another demo workspace, for a test that changes it."""
        answer: dict[str, Any] = json.loads(self.up.manage("demo", "--json"))
        return answer

    def manage(self, *arguments: str) -> str:
        """A command in a second terminal."""
        return self.up.manage(*arguments)

    def page_with(self, snippet: str) -> str:
        """The address of a page on the stranger's site with this snippet in it, verbatim."""
        name = uuid.uuid4()
        (self.up.folder / "stranger" / f"{name}.html").write_text(snippet, encoding="utf-8")
        return f"{self.stranger_url}/demo/{name}"

    def kill_web(self) -> None:
        """Kill the web server; the supervisor starts another, which this does not wait for."""
        self.up.kill("web")

    def wait_web(self) -> None:
        """Wait until the web server answers."""
        wait_for("the web server answers", self.up.answers)

    def restart_web(self) -> None:
        """Kill the web server and wait for the next one."""
        self.kill_web()
        self.wait_web()

    def end(self, *names: str) -> None:
        """Tell these children to end, all at once, as a new release does, and wait for the next ones."""
        pids = {name: self.up.pid_of(name) for name in names}
        for pid in pids.values():
            os.kill(pid, signal.SIGTERM)
        for name, pid in pids.items():
            self.up.wait_for_another(name, pid)
        self.wait_web()

    def kill(self, name: str) -> None:
        """Kill another child: worker, beat, Valkey, PostgreSQL, stranger."""
        self.up.kill(name)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """`manage.py up` in a folder of its own; CONVOSHIP_E2E_ENV adds variables (JSON)."""
    base = Path(tempfile.mkdtemp(prefix="convoship-e2e-"))
    # As root the database's user has to pass through.
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)
    far_port, model_port = ports.free(), ports.free()
    more = {
        "CONVOSHIP_PRIVATE_ALLOWLIST": f"127.0.0.1:{far_port},127.0.0.1:{model_port}",
        **json.loads(os.environ.get("CONVOSHIP_E2E_ENV", "{}")),
    }
    up = Up(base / "local", environment=clean_environment(PORT=str(ports.free()), **{**VISITS, **more}))
    try:
        yield Product(up.is_up(), far_port, model_port)
    finally:
        up.close()
        shutil.rmtree(base, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the product said last stands under each failure: a browser sees only that nobody answers."""
    report = yield
    product = getattr(item, "funcargs", {}).get("product")
    if report.failed and product is not None:
        ended = product.up.process.poll()
        state = "is up" if ended is None else f"ended with {ended}"
        report.sections.append((f"the product, which {state}", product.up.latest(LINES_TOLD)))
    return report


@pytest.fixture(autouse=True)
def answers(product: Product) -> None:
    """Whatever the test before did, or failed to do in time, this one begins with a product that answers."""
    ended = product.up.process.poll()
    assert ended is None, f"the product ended with {ended}:\n{product.up.latest(LINES_TOLD)}"
    product.wait_web()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium, told to stay on this machine; Playwright's own would be downloaded."""
    return {
        **browser_type_launch_args,
        "executable_path": packages.chromium(),
        "args": [
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--disable-quic",
        ],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desktop's window, in English; no animation to wait for."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-GB",
        "reduced_motion": "reduce",
    }


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]) -> Iterator[Visit]:
    """Sends visitors to pages, each in a browser of their own unless it is told another's; none may see an error.

    `script` runs in the page before anything else.
    """
    visitors: list[Visitor] = []

    def arrive(url: str = "", *, context: BrowserContext | None = None, script: str = "") -> Visitor:
        context = context or new_context()
        context.set_default_timeout(PATIENCE)
        if script:
            context.add_init_script(script)
        visitors.append(Visitor(context.new_page()))
        if url:
            visitors[-1].goto(url)
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        assert not visitor.uncaught, f"uncaught on {visitor.page.url}: {visitor.uncaught}"


@pytest.fixture(scope="session")
def demo(product: Product) -> dict[str, Any]:
    """The demo workspace that all tests share."""
    return product.demo


@pytest.fixture(scope="session")
def program(demo: dict[str, Any]) -> Program:
    """A program with the demo workspace's key."""
    return Program(demo)


@pytest.fixture
def shop(demo: dict[str, Any]) -> str:
    """The stranger's shop, which has the demo's snippet in it."""
    return str(demo["demo_page"])


@pytest.fixture(scope="session")
def member_state(product: Product, demo: dict[str, Any], browser: Browser) -> StorageState:
    """The cookies of the demo's owner, who signed in with e-mail and password."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{product.base_url}/sign-in/")
    page.get_by_label("E-mail").fill(demo["email"])
    page.get_by_label("Password", exact=True).fill(demo["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def member(new_context: Callable[..., BrowserContext], member_state: StorageState, product: Product) -> Page:
    """A tab of the demo's owner, signed in; addresses are the product's."""
    context = new_context(storage_state=member_state, base_url=product.base_url)
    context.set_default_timeout(PATIENCE)
    return context.new_page()


@pytest.fixture
def newcomer(new_context: Callable[..., BrowserContext], product: Product) -> Page:
    """A tab of somebody who has no account yet; addresses are the product's."""
    context = new_context(base_url=product.base_url)
    context.set_default_timeout(PATIENCE)
    return context.new_page()


# --- A workspace with people who answer -------------------------------------------------------------------------------

PASSWORD = "a-lamp-in-the-window"

_MEMBER = """
import uuid
from convoship.lib.tenancy import tenant
from workspaces.models import Membership, User
user = User.objects.create_user({email!r}, {password!r}, name={name!r})
with tenant(uuid.UUID({workspace!r})):
    Membership.objects.create(user=user, role="agent")
"""


@pytest.fixture(scope="module")
def office(product: Product) -> dict[str, Any]:
    """A demo workspace of our own, with two agents beside its owner."""
    demo = product.new_demo()
    demo["agents"] = {"The owner": (demo["email"], demo["password"])}
    for name in ("Dana Reyes", "Kim"):
        email = f"{name.split()[0].lower()}-{uuid.uuid4().hex[:6]}@convoship.example"
        code = _MEMBER.format(email=email, password=PASSWORD, name=name, workspace=demo["workspace_id"])
        product.manage("shell", "-c", code)
        demo["agents"][name] = (email, PASSWORD)
    return demo


Agent = Callable[[str], Page]


@pytest.fixture
def agent(product: Product, office: dict[str, Any], new_context: Callable[..., BrowserContext]) -> Iterator[Agent]:
    """Signs an agent in, in a browser of their own; none may see an error in its console."""
    errors: list[str] = []

    def sign_in(name: str) -> Page:
        context = new_context(base_url=product.base_url)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        email, password = office["agents"][name]
        page.goto("/sign-in/")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Overview")).to_be_visible()
        return page

    yield sign_in
    assert errors == []
