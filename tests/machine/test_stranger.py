"""The stranger's site runs what is pasted, verbatim, and lets nobody else paste."""

from __future__ import annotations

import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from convoship.machine import ports, stranger

SNIPPET = """<script src="http://127.0.0.1:8000/embed/v1.js"></script>
<script>
  ConvoshipQueue.push(['init', {agentId: 'ü & <b>', token: "cdp_1"}]);
</script>"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[stranger.Site]:
    server = stranger.Site(ports.free(), tmp_path, "http://127.0.0.1:8000")
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(
    site: stranger.Site, path: str, form: dict[str, str] | None = None, **headers: str
) -> tuple[int, str, str, str]:
    """Status, body, policy and final address."""
    url = f"http://127.0.0.1:{site.server_port}{path}"
    body = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode(), answer.headers["Content-Security-Policy"] or "", answer.url
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), "", url


def test_a_pasted_snippet_stands_in_the_page_verbatim_and_survives_a_reload(site: stranger.Site) -> None:
    status, page, _, url = ask(site, "/run", {"snippet": SNIPPET.replace("\n", "\r\n")})
    assert status == 200
    assert SNIPPET in page
    assert ask(site, urllib.parse.urlsplit(url).path)[1] == page


def test_the_shop_has_its_deployments_snippet(site: stranger.Site, tmp_path: Path) -> None:
    deployment = uuid.uuid4()
    (tmp_path / f"{deployment}.html").write_text(SNIPPET)
    status, page, policy, _ = ask(site, f"/demo/{deployment}")
    assert (status, policy) == (200, "")
    assert SNIPPET in page


def test_a_strict_policy_allows_the_script_host_and_these_inline_scripts_alone(
    site: stranger.Site, tmp_path: Path
) -> None:
    deployment = uuid.uuid4()
    (tmp_path / f"{deployment}.html").write_text(SNIPPET)
    policy = ask(site, f"/demo/{deployment}?csp=strict")[2]
    assert "default-src 'none'" in policy
    assert "script-src http://127.0.0.1:8000 http://localhost:8000 'sha256-" in policy
    assert policy.count("sha256-") == 1
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/demo/../keys", "/demo/x", f"/demo/{uuid.UUID(int=1)}", "/run/1", "/else"])
def test_nothing_else_is_served(site: stranger.Site, path: str) -> None:
    assert ask(site, path)[0] == 404


def test_another_site_cannot_paste_here(site: stranger.Site) -> None:
    assert ask(site, "/run", {"snippet": "x"}, Origin="https://evil.example")[0] == 403
    assert ask(site, "/run", {"snippet": "x"}, Host="evil.example")[0] == 421
    assert not list(site.pastes.iterdir())


def test_only_so_much_is_kept(site: stranger.Site) -> None:
    assert ask(site, "/run", {"snippet": "x" * stranger.LARGEST_SNIPPET})[0] == 413
    for _ in range(stranger.KEPT_PASTES + 3):
        site.keep("x")
    assert len(list(site.pastes.iterdir())) == stranger.KEPT_PASTES


def test_the_front_page_names_its_own_origin(site: stranger.Site) -> None:
    assert f"<code>http://127.0.0.1:{site.server_port}</code>" in ask(site, "/")[1]
