"""What `deployments.csp` says that a policy blocks is what Chromium blocks: a table of policies, each sent with a page
that loads what the widget loads, on two servers of this test's own."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from deployments import csp
from deployments.csp import Need, Policy

INLINE = "window.begun = true"
# What the loader does: the app by `import()`, the configuration by fetch, the socket, a picture.
LOADER = """
const host = new URL(document.currentScript.src).origin;
window.loaded = Promise.allSettled([
  import(host + '/static/app.js'),
  fetch(host + '/v1/config'),
  new Promise((done) => {
    const socket = new WebSocket(host.replace('http', 'ws') + '/v1/socket');
    socket.onclose = socket.onopen = socket.onerror = done;
  }),
  new Promise((done) => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = host + '/icon.svg';
  }),
]);
"""
INSERTING = """
window.tried = new Promise((done) => {
  const script = document.createElement('script');
  script.src = '%s/embed/v1.js';
  script.onerror = done;
  script.onload = () => window.loaded.then(done);
  document.head.append(script);
});
"""
HASH = csp.hash_of(INLINE)
INTEGRITY = "sha384-" + base64.b64encode(hashlib.sha384(LOADER.encode()).digest()).decode()
WATCH = """
window.refused = [];
document.addEventListener('securitypolicyviolation', (event) => {
  if (event.disposition === 'enforce') refused.push([event.effectiveDirective, event.blockedURI]);
});
"""


class _Site(BaseHTTPRequestHandler):
    """The page at `/`, and what it loads, from the same server under two names."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        kind, body = "text/javascript", b"export default 1"
        if url.path == "/":
            kind, body = (
                "text/html",
                page(int(self.headers["Host"].rpartition(":")[2]), **{k: v[0] for k, v in query.items()}).encode(),
            )
        elif url.path == "/embed/v1.js":
            body = LOADER.encode()
        elif url.path == "/icon.svg":
            kind, body = "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        for policy in query.get("csp", []):
            self.send_header("Content-Security-Policy", policy)
        for policy in query.get("report", []):
            self.send_header("Content-Security-Policy-Report-Only", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def page(
    port: int, *, host: str, meta: str = "", nonce: str = "", integrity: str = "", inserted: str = "", **_: str
) -> str:
    """A page of 127.0.0.1, with a loader of another host or of its own."""
    marks = f' nonce="{nonce}"' if nonce else ""
    check = f' integrity="{integrity}" crossorigin="anonymous"' if integrity else ""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{meta}">' if meta else ""
    base = f"http://{host}:{port}"
    scripts = f'<script{marks}>{INLINE}</script><script src="{base}/embed/v1.js"{marks}{check}></script>'
    if inserted:
        scripts = f"<script{marks}>{INSERTING % base}</script>"
    return f'<!doctype html><html lang="en"><head><title>x</title>{policy}{scripts}</head><body></body></html>'


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where the site listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One tab for all policies: each page is a fresh one."""
    context = browser.new_context()
    context.add_init_script(WATCH)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@dataclass(frozen=True)
class Case:
    """Policies that a page is sent with, and what it carries. `HOST` stands for the loader's host with its port."""

    headers: tuple[str, ...] = ()
    meta: str = ""
    report: str = ""
    nonce: str = ""
    integrity: bool = False
    is_own_host: bool = False  # the loader comes from the page's own host
    by_script: bool = False  # another script puts the loader into the page, as a tag manager does


H = "http://localhost:PORT"
W = "ws://localhost:PORT"
ALL = f"script-src {H} {HASH}"
CASES = {
    "nothing": Case(),
    "all that is needed": Case((f"default-src 'none'; {ALL}; connect-src {H} {W}; img-src {H}",)),
    "default-src answers for all": Case((f"default-src {H} {W} {HASH}",)),
    "default-src 'none'": Case(("default-src 'none'",)),
    "'self' is not the loader's host": Case(("default-src 'self' 'unsafe-inline'",)),
    "inline lets the first through": Case(("script-src 'unsafe-inline'",)),
    "'unsafe-inline' beside a hash means nothing": Case((f"script-src {H} 'unsafe-inline' 'sha256-{'A' * 43}='",)),
    "'unsafe-inline' beside a nonce means nothing": Case((f"script-src {H} 'unsafe-inline' 'nonce-abc'",)),
    "host but no inline": Case((f"script-src {H}",)),
    "no connect": Case((f"{ALL}; connect-src 'self'",)),
    "connect by http alone": Case((f"{ALL}; connect-src {H}",)),
    "connect by ws alone": Case((f"{ALL}; connect-src {W}",)),
    "connect by scheme": Case((f"{ALL}; connect-src http:",)),
    "connect by ws scheme": Case((f"{ALL}; connect-src ws:",)),
    "connect by https scheme": Case((f"{ALL}; connect-src https: wss:",)),
    "connect by *": Case((f"{ALL}; connect-src *",)),
    "everything by *": Case(("default-src *",)),
    "everything by * and inline": Case(("default-src * 'unsafe-inline'",)),
    "nonce": Case(("script-src 'nonce-abc'",), nonce="abc"),
    "another nonce": Case(("script-src 'nonce-abc'",), nonce="xyz"),
    "a nonce in other letters": Case(("script-src 'nonce-abc'",), nonce="ABC"),
    "strict-dynamic with nonce": Case(("script-src 'nonce-abc' 'strict-dynamic'",), nonce="abc"),
    "strict-dynamic takes hosts their meaning": Case((f"script-src {H} 'strict-dynamic' {HASH}",)),
    "strict-dynamic with the loader's hash": Case(
        (f"script-src 'strict-dynamic' {HASH} '{INTEGRITY}'",), integrity=True
    ),
    "the loader's hash alone": Case((f"script-src {HASH} '{INTEGRITY}'",), integrity=True),
    "strict-dynamic from default-src": Case(("default-src 'nonce-abc' 'strict-dynamic'",), nonce="abc"),
    "two headers, each counts": Case((f"{ALL}; img-src {H}", f"connect-src {H} {W}; img-src 'self'")),
    "two policies in one header": Case((f"{ALL}, img-src 'none'",)),
    "meta alone": Case(meta=f"{ALL}; connect-src {H} {W}; img-src 'self'"),
    "meta and header": Case(("connect-src 'none'",), meta=f"{ALL}"),
    "report only": Case(report="default-src 'none'"),
    "script-src-elem goes first": Case((f"script-src 'none'; script-src-elem {H} {HASH}",)),
    "script-src-elem refuses": Case((f"script-src {H} {HASH}; script-src-elem 'self'",)),
    "the first of two counts": Case((f"script-src {H} {HASH}; script-src 'none'",)),
    "letters and white space": Case((f"  SCRIPT-SRC\t{H.upper().replace('PORT', 'PORT')}  {HASH} ;; connect-src  *",)),
    "a path that is exact": Case((f"script-src {H}/embed/v1.js {HASH}",)),
    "a path that is a folder": Case((f"script-src {H}/embed/ {H}/static/ {HASH}",)),
    "a folder that is not ours": Case((f"script-src {H}/other/ {HASH}",)),
    "any port": Case((f"script-src http://localhost:* {HASH}; connect-src localhost:*",)),
    "no port is the scheme's own": Case((f"script-src http://localhost {HASH}",)),
    "no scheme is the page's": Case((f"script-src localhost:PORT {HASH}; connect-src localhost:PORT",)),
    "https is not http": Case((f"script-src https://localhost:PORT {HASH}",)),
    "a star for the name": Case((f"script-src http://*:PORT {HASH}",)),
    "a star doesn't stand for the name itself": Case((f"script-src *.localhost:PORT {HASH}",)),
    "what can't be read counts nothing": Case((f"script-src {H} {HASH} 'nonsense' http:// ###",)),
    "img-src by scheme": Case((f"{ALL}; img-src data: https:",)),
    "'self' for all, and the loader is one's own": Case((f"default-src 'self' {HASH}",), is_own_host=True),
    "a host without a scheme, and it is one's own": Case(
        (f"script-src 'self' {HASH}; connect-src 127.0.0.1:PORT",), is_own_host=True
    ),
    "a tag manager with a nonce": Case(("script-src 'nonce-abc'",), nonce="abc", by_script=True),
    "a tag manager with strict-dynamic": Case(
        ("script-src 'nonce-abc' 'strict-dynamic'",), nonce="abc", by_script=True
    ),
    "'none' beside others means nothing": Case((f"script-src 'none' {H} {HASH}",)),
}


def needs(base: str, case: Case) -> dict[str, Need]:
    """What the page needs, by a name for the comparison."""
    loader = Need(
        "script-src-elem",
        f"{base}/embed/v1.js",
        nonce="" if case.by_script else case.nonce,
        integrity=INTEGRITY if case.integrity else "",
        is_inserted=case.by_script,
    )
    return {
        "inline": Need("script-src-elem", text=INSERTING % base if case.by_script else INLINE, nonce=case.nonce),
        "loader": loader,
        # What a script imports has its script's nonce, and counts as put there by whoever put that script there.
        "app": replace(loader, url=f"{base}/static/app.js", integrity=""),
        "fetch": Need("connect-src", f"{base}/v1/config"),
        "socket": Need("connect-src", f"{base.replace('http', 'ws')}/v1/socket"),
        "image": Need("img-src", f"{base}/icon.svg"),
    }


def policies(case: Case, port: int) -> list[Policy]:
    """As the product reads them."""
    found = csp.parse_headers(header.replace("PORT", str(port)) for header in case.headers)
    if case.meta:
        found.append(csp.parse(case.meta.replace("PORT", str(port)), place="meta"))
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_a_policy_blocks_is_what_chromium_blocks(name: str, port: int, tab: Page) -> None:
    case, own = CASES[name], f"http://127.0.0.1:{port}/"
    base = f"http://{'127.0.0.1' if case.is_own_host else 'localhost'}:{port}"
    wanted = needs(base, case)
    said = {key for key, need in wanted.items() if not all(p.allows(need, own) for p in policies(case, port))}
    if "loader" in said:
        said &= {"inline", "loader"}  # what the loader would have asked for nobody asks for

    asked = [("csp", header) for header in case.headers] + [("meta", case.meta), ("report", case.report)]
    asked += [("inserted", "yes" if case.by_script else "")]
    asked += [
        ("host", urlsplit(base).hostname or ""),
        ("nonce", case.nonce),
        ("integrity", INTEGRITY if case.integrity else ""),
    ]
    tab.goto(own + "?" + urlencode([(key, value.replace("PORT", str(port))) for key, value in asked if value]))
    if "loader" not in said:
        tab.evaluate("window.tried || window.loaded")
    names = {need.url: key for key, need in wanted.items()} | {"inline": "inline"}
    refused = {names[uri] for _, uri in tab.evaluate("window.refused") if uri in names}
    assert refused == said
