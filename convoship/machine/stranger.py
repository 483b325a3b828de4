"""The stranger's site: a web server on another origin that runs whatever snippet it is given.

It serves this machine alone. It knows nothing of Convoship but the address its strict policy allows.

    python -m convoship.machine.stranger --port 8001 --folder .convoship/stranger --product http://127.0.0.1:8000
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
import uuid
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from convoship.machine import stranger_pages as pages
from convoship.machine.state import write_private

LARGEST_SNIPPET = 256 * 1024
KEPT_PASTES = 50
OWN_HOSTS = {"127.0.0.1", "localhost"}
_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc\s*=)[^>]*>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)


class Site(ThreadingHTTPServer):
    """The server and what it was told."""

    daemon_threads = True

    def __init__(self, port: int, folder: Path, product: str) -> None:
        super().__init__(("127.0.0.1", port), Visit)
        self.folder = folder
        self.product = product.rstrip("/")
        self.pastes = folder / "pasted"
        self.pastes.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, snippet: str) -> uuid.UUID:
        """Keep a pasted snippet, so that its page can be reloaded; the oldest make room."""
        name = uuid.uuid4()
        write_private(self.pastes / f"{name}.html", snippet)
        kept = sorted(self.pastes.glob("*.html"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-KEPT_PASTES]:
            old.unlink(missing_ok=True)
        return name


class Visit(BaseHTTPRequestHandler):
    """One request."""

    server: Site
    server_version = "stranger"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """The front page, a page with a pasted snippet, a shop with a deployment's snippet."""
        if not self._for_us():
            return
        path = urlsplit(self.path).path
        place, _, name = path.strip("/").partition("/")
        if path == "/":
            self._send(pages.box(f"http://{self.headers['Host']}"))
        elif path == "/style.css":
            self._send(pages.STYLE, content_type="text/css")
        elif place == "run":
            self._send_with_snippet(self.server.pastes, name, pages.pasted)
        elif place == "demo":
            self._send_with_snippet(self.server.folder, name, pages.shop)
        else:
            self._not_found("There is no such page on this site.")

    def do_POST(self) -> None:
        """Take a snippet, and show the page that has it."""
        if not self._for_us():
            return
        if urlsplit(self.path).path != "/run":
            self._not_found("There is no such page on this site.")
            return
        # Only our own form may put scripts on this site, not any page that happens to be open in the same browser.
        origin = self.headers.get("Origin")
        if origin and origin != f"http://{self.headers['Host']}":
            self._trouble(HTTPStatus.FORBIDDEN, "Not from here", "Only this site's own form may paste a snippet.")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_SNIPPET:
            self._trouble(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too long", "A snippet of at most 256 kB fits in here.")
            return
        form = parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"), keep_blank_values=True)
        # A form's textarea arrives with CR LF whatever was pasted.
        snippet = form.get("snippet", [""])[0].replace("\r\n", "\n")
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", f"/run/{self.server.keep(snippet)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _for_us(self) -> bool:
        """Refuse names that only lead here: a page elsewhere could make one of its own (DNS rebinding)."""
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname in OWN_HOSTS:
            return True
        self._trouble(HTTPStatus.MISDIRECTED_REQUEST, "Another name", "This site is called 127.0.0.1 or localhost.")
        return False

    def _send_with_snippet(self, folder: Path, name: str, render: Callable[[str], str]) -> None:
        try:
            snippet = (folder / f"{uuid.UUID(name)}.html").read_text(encoding="utf-8")
        except (ValueError, OSError):
            self._not_found("Nothing was put there. Snippets that were pasted here are kept for a while only.")
            return
        policy = ""
        if parse_qs(urlsplit(self.path).query).get("csp") == ["strict"]:
            policy = strict_policy(snippet, self.server.product)
        self._send(render(snippet), policy=policy)

    def _send(
        self, text: str, *, status: int = HTTPStatus.OK, content_type: str = "text/html", policy: str = ""
    ) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def _not_found(self, words: str) -> None:
        self._trouble(HTTPStatus.NOT_FOUND, "Not found", words)

    def _trouble(self, status: HTTPStatus, title: str, words: str) -> None:
        # What was not read of the body would be taken for the next request.
        self.close_connection = True
        self._send(pages.trouble(title, words), status=status)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: nobody reads it."""


def strict_policy(snippet: str, product: str) -> str:
    """The strictest policy a careful site would send: the script's host, the inline scripts by their hash, no more."""
    hosts = {product, product.replace("//127.0.0.1", "//localhost"), product.replace("//localhost", "//127.0.0.1")}
    web = " ".join(sorted(hosts))
    sockets = web.replace("http", "ws")
    hashes = " ".join(
        f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(snippet)
    )
    return (
        f"default-src 'none'; script-src {web} {hashes}; connect-src {web} {sockets}; style-src 'self'; "
        f"img-src 'self' data: {web}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def main(arguments: list[str]) -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--product", required=True)
    options = parser.parse_args(arguments)
    Site(options.port, options.folder, options.product).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
