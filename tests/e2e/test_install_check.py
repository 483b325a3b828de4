"""Check a page against the real widget in a real Chromium: what the check says a policy blocks is what the browser
blocks, where it says that the chat works it works, and the line that it offers is the line that helps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import expect

from deployments import csp, embed_build, page_check, page_policies, page_snippet, snippets
from deployments.findings import Finding
from deployments.models import Deployment
from tests.e2e.conftest import Product, Visit
from tests.e2e.programs import Program
from tests.e2e.visitor import WELCOME

WATCH = """
window.refused = [];
document.addEventListener('securitypolicyviolation', (event) => {
  if (event.disposition === 'enforce') refused.push([event.effectiveDirective, event.blockedURI]);
});
"""


@dataclass
class Site:
    """A customer's site with one page, sent with what headers it is told."""

    origin: str = ""
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = made.body.encode()
            self.send_response(200)
            for name, value in [("Content-Type", "text/html; charset=utf-8"), *made.headers]:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    made.origin = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def deployed(program: Program, site: Site) -> dict[str, Any]:
    """A deployment for the site."""
    return program.deploy(site.origin)


@dataclass(frozen=True)
class Case:
    """A page: its policies, and how it carries the snippet. `BASE`, `WS`, `HASHES`, `PIN` and `APP` are filled in."""

    headers: tuple[str, ...] = ()
    meta: str = ""
    report: str = ""
    form: str = "async"
    nonce: str = ""


NEEDED = "script-src BASE HASHES; connect-src BASE WS"
CASES = {
    "no policy": Case(),
    "all that is needed and nothing else": Case((f"default-src 'none'; {NEEDED}",)),
    "the page's own host alone": Case(("default-src 'self'",)),
    "the script's host without the snippet's lines": Case(("script-src BASE",)),
    "the snippet's lines without the script's host": Case(("script-src HASHES",)),
    "inline allowed, no host": Case(("script-src 'self' 'unsafe-inline'",)),
    "inline and host allowed": Case(("script-src BASE 'unsafe-inline'",)),
    "nothing may be called": Case(("script-src BASE HASHES; connect-src 'self'",)),
    "no socket": Case(("script-src BASE HASHES; connect-src BASE",)),
    "no socket by scheme": Case(("script-src BASE HASHES; connect-src http: https:",)),
    "a nonce that the snippet has": Case(("script-src 'nonce-r4nd0m'; connect-src BASE WS",), nonce="r4nd0m"),
    "a nonce that the snippet lacks": Case(("script-src 'nonce-r4nd0m'; connect-src BASE WS",)),
    "strict-dynamic with the nonce": Case(("script-src 'nonce-r4nd0m' 'strict-dynamic'",), nonce="r4nd0m"),
    "strict-dynamic without a nonce": Case(("script-src BASE HASHES 'strict-dynamic'",)),
    "only the loader's folder": Case(("script-src BASE/embed/ HASHES; connect-src BASE WS",)),
    "the loader by its hash": Case(("script-src 'PIN' HASHES; connect-src BASE WS",), form="pinned"),
    "the loader by its hash and the folder of the rest": Case(
        ("script-src 'PIN' BASE/static/widget/ HASHES; connect-src BASE WS",), form="pinned"
    ),
    "two headers of which one refuses": Case((NEEDED, "connect-src 'none'")),
    "two policies in one header": Case((f"{NEEDED}, script-src 'none'",)),
    "a policy in meta": Case(meta="script-src BASE HASHES; connect-src 'self'"),
    "meta and header together": Case((NEEDED,), meta="default-src 'self'"),
    "a policy that only reports": Case(report="default-src 'none'"),
    "trusted types": Case((f"require-trusted-types-for 'script'; trusted-types 'none'; {NEEDED}",)),
    "tag manager with strict-dynamic": Case(
        ("script-src 'nonce-r4nd0m' 'strict-dynamic'",), form="gtm", nonce="r4nd0m"
    ),
    "tag manager with the nonce alone": Case(("script-src 'nonce-r4nd0m'",), form="gtm", nonce="r4nd0m"),
    "no scripts in a sandbox": Case(("sandbox allow-same-origin",)),
    "a sandbox without an origin": Case(("sandbox allow-scripts",)),
}


@pytest.fixture
def laid(site: Site, deployed: dict[str, Any], product: Product, settings: Any) -> Callable[[Case], str]:
    """Puts a case on the site; answers its address."""
    settings.PUBLIC_BASE_URL = product.base_url
    settings.OUTBOUND_ALLOW_PRIVATE = True

    def lay(case: Case) -> str:
        forms = snippets.variants(deployed["deployment"]["assistant_id"], deployed["token"])
        code = next(form.code for form in forms if form.key == case.form)
        hashes = " ".join(csp.hash_of(script) for script in snippets.inline_scripts(code))
        base = product.base_url

        def filled(policy: str) -> str:
            policy = policy.replace("HASHES", hashes).replace("PIN", embed_build.build().integrity)
            return policy.replace("BASE", base).replace("WS", base.replace("http", "ws", 1))

        if case.nonce:
            code = code.replace("<script", f'<script nonce="{case.nonce}"')
        meta = f'<meta http-equiv="Content-Security-Policy" content="{filled(case.meta)}">' if case.meta else ""
        site.body = f'<!doctype html><html lang="en"><head><title>Shop</title>{meta}</head><body>{code}</body></html>'
        site.headers = [("Content-Security-Policy", filled(policy)) for policy in case.headers]
        if case.report:
            site.headers.append(("Content-Security-Policy-Report-Only", filled(case.report)))
        return f"{site.origin}/"

    return lay


def checked(address: str, assistant_id: str) -> tuple[set[str], list[Finding]]:
    """What the check says is blocked, by part, and what it says of it."""
    page = page_check.look(address).page
    assert page is not None
    found, deployment = page_snippet.find(page), Deployment(assistant_id=assistant_id)
    needs = page_policies.wanted(found, deployment)
    parts = {it.part for policy in page.policies for it in page_policies.blocked(page, needs, policy)}
    return parts, list(page_policies.findings(page, found, deployment))


def part_of(base: str, address: str) -> str:
    """Which part of the widget the browser speaks of."""
    beginnings = {
        "inline": "inline",
        f"{base}/embed/v1.": "loader",
        f"{base}/static/widget/app.": "app",
        f"{base}/v1/": "api",
        base.replace("http", "ws", 1): "socket",
    }
    return next((part for beginning, part in beginnings.items() if address.startswith(beginning)), address)


def attempted(parts: set[str]) -> set[str]:
    """What of the blocked parts a browser comes to: who is kept away asks for nothing more."""
    if parts & {"inline", "loader"}:
        return parts & {"inline", "loader"}
    return parts - {"socket"} if parts & {"api", "app"} else parts


@pytest.mark.parametrize("name", CASES)
def test_what_the_check_says_is_what_chromium_does(
    name: str, laid: Callable[[Case], str], deployed: dict[str, Any], product: Product, visit: Visit
) -> None:
    address = laid(CASES[name])
    parts, findings = checked(address, deployed["deployment"]["assistant_id"])
    works = not any(finding.level == "bad" for finding in findings)
    is_sandboxed = any(finding.code == "csp_sandbox" for finding in findings)

    visitor = visit(address, script=WATCH)
    if not (parts & {"inline", "loader"}) and name != "no scripts in a sandbox":
        visitor.launcher.click()
    if works:
        visitor.hears(WELCOME)
        visitor.ask("where is my order", "tracking link")
        if "socket" not in parts:
            visitor.is_connected()
    elif "app" in parts and not parts & {"inline", "loader"}:
        expect(visitor.launcher).to_contain_text("!")
    elif "api" in parts and not parts & {"inline", "loader"}:
        visitor.sees("can’t be reached")
    elif is_sandboxed and visitor.host.count():
        visitor.sees("403 origin_not_allowed")
    if not is_sandboxed:
        seen = {part_of(product.base_url, uri) for _, uri in visitor.js("refused")}
        assert seen == attempted(parts)


MENDED = (
    "the page's own host alone",
    "the script's host without the snippet's lines",
    "nothing may be called",
    "no socket",
    "two headers of which one refuses",
    "a policy in meta",
    "meta and header together",
    "tag manager with the nonce alone",
)


@pytest.mark.parametrize("name", MENDED)
def test_the_line_that_is_offered_is_the_line_that_helps(
    name: str, laid: Callable[[Case], str], site: Site, deployed: dict[str, Any], visit: Visit
) -> None:
    address = laid(CASES[name])
    _, findings = checked(address, deployed["deployment"]["assistant_id"])
    lines = [finding for finding in findings if finding.line]
    assert lines
    # Of a directive that stands twice the first counts, so a line is "written instead" by standing in front.
    in_meta = " ".join(finding.line for finding in lines if "<meta" in finding.remedy)
    site.body = site.body.replace('Policy" content="', f'Policy" content="{in_meta} ')
    in_header = " ".join(finding.line for finding in lines if "<meta" not in finding.remedy)
    site.headers = [(key, f"{in_header} {policy}") for key, policy in site.headers]
    parts, findings = checked(address, deployed["deployment"]["assistant_id"])
    assert (parts, [finding.code for finding in findings]) == (set(), ["csp_passes"])

    visitor = visit(address, script=WATCH).chat()
    visitor.ask("where is my order", "tracking link")
    visitor.is_connected()
    assert visitor.js("refused") == []
