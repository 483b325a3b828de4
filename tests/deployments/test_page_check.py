"""Check a page, against pages of a real server on this machine: what is on them, and what it means for a deployment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.tenancy import tenant
from deployments import csp, deploying, embed_build, page_check, page_policies, page_snippet, snippets
from deployments.deploying import NewDeployment
from deployments.models import Deployment, TokenUse
from deployments.page_check import Report
from tests import factories
from workspaces.models import Workspace

BASE = "http://127.0.0.1:8000"
WS = "ws://127.0.0.1:8000"


@dataclass
class Site:
    """A web site: what it answers, by path."""

    origin: str = ""
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, body: str | bytes, path: str = "/", status: int = 200, **headers: str) -> str:
        """Answer with this at the path; answers the address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "text/html; charset=utf-8", **named}
        self.pages[path] = (status, sent, body.encode() if isinstance(body, str) else body)
        return self.origin + path


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    """A site that our guarded client may reach for the length of a test."""
    settings.OUTBOUND_ALLOW_PRIVATE = True
    made = Site()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            status, headers, body = made.pages.get(urlsplit(self.path).path, (404, {"Content-Type": "text/html"}, b""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
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


@pytest.fixture
def workspace(db: None) -> Workspace:
    return factories.make_workspace()


@pytest.fixture
def made(workspace: Workspace, site: Site) -> NewDeployment:
    """A deployment for the site."""
    return factories.make_deployment(workspace, origins=[site.origin])


def check(made: NewDeployment, address: str) -> Report:
    """As the doors do it."""
    seen = page_check.look(address)
    with tenant(made.deployment.workspace_id):
        return page_check.judge(Deployment.objects.get(id=made.deployment.id), seen)


def codes(report: Report, *levels: str) -> list[str]:
    return [finding.code for finding in report.findings if not levels or finding.level in levels]


def page(*parts: str, head: str = "") -> str:
    return (
        f"<!doctype html><html><head><title>Shop</title>{head}</head><body><h1>Shop</h1>{''.join(parts)}</body></html>"
    )


def form(made: NewDeployment, key: str = "async", token: str = "") -> str:
    found = snippets.variants(made.deployment.assistant_id, token or made.token)
    return next(variant.code for variant in found if variant.key == key)


# --- The snippet ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["async", "plain", "pinned", "gtm"])
def test_a_page_with_the_snippet_as_it_was_copied_works(key: str, made: NewDeployment, site: Site) -> None:
    report = check(made, site.put(page(form(made, key))))
    assert report.verdict == "works", report.findings
    assert codes(report) == ["token_right", "origin_allowed", "csp_none"]


def test_a_page_without_it_says_so_and_what_to_do(made: NewDeployment, site: Site) -> None:
    report = check(made, site.put(page()))
    assert (report.verdict, codes(report)) == ("broken", ["snippet_missing"])
    assert "paste it before </body>" in report.findings[0].remedy


def test_the_snippet_of_a_built_app_is_found_in_its_script(made: NewDeployment, site: Site) -> None:
    site.put(form(made, "react"), "/assets/app.js", Content_Type="text/javascript")
    report = check(made, site.put(page('<div id="root"></div><script src="/assets/app.js"></script>')))
    assert report.verdict == "works", report.findings
    assert "token_right" in codes(report)


def test_scripts_are_only_read_where_the_page_itself_does_not_say_enough(made: NewDeployment, site: Site) -> None:
    check(made, site.put(page(form(made), '<script src="/assets/app.js"></script>')))
    assert site.asked == ["/"]


def test_twice_is_said(made: NewDeployment, site: Site) -> None:
    report = check(made, site.put(page(form(made), form(made))))
    assert (report.verdict, codes(report, "warn")) == ("works", ["twice"])


@pytest.mark.parametrize(
    ("keep", "code"), [(slice(0, 2), "init_missing"), (slice(2, None), "loader_missing")], ids=["no init", "no loader"]
)
def test_a_snippet_that_was_pasted_in_part(keep: slice, code: str, made: NewDeployment, site: Site) -> None:
    report = check(made, site.put(page("".join(form(made).splitlines(keepends=True)[keep]))))
    assert codes(report, "bad") == [code]


def test_without_the_guard_an_async_script_may_come_too_late(made: NewDeployment, site: Site) -> None:
    init = f"ConvoshipQueue.push(['init', {{agentId: '{made.deployment.assistant_id}', token: '{made.token}'}}]);"
    late = page(f'<script src="{BASE}/embed/v1.js" async></script><script>{init}</script>')
    assert codes(check(made, site.put(late)), "warn") == ["no_queue"]
    swapped = page(f'<script>{init}</script><script src="{BASE}/embed/v1.js"></script>')
    assert codes(check(made, site.put(swapped)), "bad") == ["wrong_order"]
    plain = page(f'<script src="{BASE}/embed/v1.js"></script><script>{init}</script>')
    assert check(made, site.put(plain)).verdict == "works"


@pytest.mark.parametrize("where", ["<!-- {} -->", "<noscript>{}</noscript>", "<textarea>{}</textarea>"])
def test_a_snippet_where_no_browser_runs_it(where: str, made: NewDeployment, site: Site) -> None:
    assert codes(check(made, site.put(page(where.format(form(made)))))) == ["snippet_inert"]


def test_a_consent_manager_that_holds_it_back_is_named(made: NewDeployment, site: Site) -> None:
    held = form(made).replace("<script src=", '<script type="text/plain" src=')
    assert codes(check(made, site.put(page(held))), "bad") == ["held_back"]


def test_a_script_of_another_server_is_named(made: NewDeployment, site: Site) -> None:
    report = check(made, site.put(page(form(made).replace(BASE, "https://old.example"))))
    assert codes(report, "bad") == ["other_server", "other_api"]
    assert report.findings[1].line == f"apiUrl: '{BASE}'"


def test_tag_manager_makes_it_unsure_and_use_from_the_origin_says_more(made: NewDeployment, site: Site) -> None:
    url = site.put(page('<script src="https://www.googletagmanager.com/gtm.js?id=GTM-1"></script>'))
    report = check(made, url)
    assert (report.verdict, codes(report)) == ("unsure", ["snippet_not_in_source"])
    assert "Tag Manager" in report.findings[0].words
    with tenant(made.deployment.workspace_id):
        token, now = made.deployment.tokens.get(), timezone.now()
        TokenUse.objects.create(
            deployment=made.deployment, token=token, origin=site.origin, first_used_at=now, last_used_at=now
        )
    report = check(made, url)
    assert report.verdict == "unsure"
    assert "has loaded the chat, maybe another one" in report.findings[0].words
    assert report.findings[0].at == now


def test_a_page_without_the_snippet_is_not_vouched_for_by_another_page_of_its_site(
    made: NewDeployment, site: Site
) -> None:
    with tenant(made.deployment.workspace_id):
        token, now = made.deployment.tokens.get(), timezone.now()
        TokenUse.objects.create(
            deployment=made.deployment, token=token, origin=site.origin, first_used_at=now, last_used_at=now
        )
    factories.start_session(made, page={"url": f"{site.origin}/contact"})
    factories.start_session(made, page={"url": "https://elsewhere.example/made-up"})
    report = check(made, site.put(page(), "/about"))
    assert (report.verdict, codes(report)) == ("unsure", ["snippet_not_in_source"])
    assert report.headline == "The snippet is not in this page's source."
    (finding,) = report.findings
    assert finding.level == "warn"
    assert f"another page of this origin: a conversation began on {site.origin}/contact" in finding.words
    assert "elsewhere" not in finding.words
    assert finding.at is not None
    assert "paste it before </body>" in finding.remedy
    factories.start_session(made, page={"url": f"{site.origin}/about?from=mail"})
    (finding,) = check(made, f"{site.origin}/about").findings
    assert "on this very page" in finding.words


# --- Pins -------------------------------------------------------------------------------------------------------------


def test_a_pin_that_this_server_does_not_have(made: NewDeployment, site: Site) -> None:
    gone = form(made, "pinned").replace(embed_build.build().mark, "0" * 32)
    assert codes(check(made, site.put(page(gone))), "bad") == ["pin_unknown"]


def test_integrity_that_is_not_the_files(made: NewDeployment, site: Site) -> None:
    build = embed_build.build()
    report = check(made, site.put(page(form(made, "pinned").replace(build.integrity, "sha384-AAAA"))))
    assert codes(report, "bad") == ["integrity_differs"]
    assert report.findings[0].line == f'integrity="{build.integrity}"'
    without = form(made, "pinned").replace('crossorigin="anonymous"', "")
    assert codes(check(made, site.put(page(without))), "bad") == ["crossorigin_missing"]
    moving = form(made).replace(" async", f' integrity="{build.integrity}" crossorigin async')
    assert codes(check(made, site.put(page(moving))), "warn") == ["integrity_on_moving_address"]


# --- The token --------------------------------------------------------------------------------------------------------


def test_the_stand_in_of_a_copied_snippet_is_named(made: NewDeployment, site: Site) -> None:
    with tenant(made.deployment.workspace_id):
        code = deploying.placeholder_snippet(made.deployment)
    assert codes(check(made, site.put(page(code))), "bad") == ["token_placeholder"]


def test_a_token_with_a_character_missing(made: NewDeployment, site: Site) -> None:
    assert codes(check(made, site.put(page(form(made, token=made.token[:-1])))), "bad") == ["token_malformed"]


def test_a_preview_token(made: NewDeployment, site: Site) -> None:
    token = tokens.make("cpt").value
    assert codes(check(made, site.put(page(form(made, token=token)))), "bad") == ["token_preview"]


def test_a_token_that_was_rotated(made: NewDeployment, site: Site, workspace: Workspace) -> None:
    with tenant(workspace.id):
        deploying.rotate(factories.actor(workspace), made.deployment, overlap_seconds=3600)
    url = site.put(page(form(made)))
    report = check(made, url)
    assert (report.verdict, codes(report, "warn")) == ("works", ["token_ending"])
    assert report.findings[0].at is not None
    with tenant(workspace.id):
        made.deployment.tokens.filter(expires_at__isnull=False).update(expires_at=timezone.now())
    assert codes(check(made, url), "bad") == ["token_rotated"]


def test_another_deployment_of_this_workspace_is_named_and_judged(
    made: NewDeployment, site: Site, workspace: Workspace
) -> None:
    other = factories.make_deployment(workspace, made.deployment.assistant, name="Blog")
    url = site.put(page(form(other)))
    report = check(made, url)
    assert codes(report, "warn") == ["token_of_another_deployment"]
    assert next(it for it in report.findings if it.level == "warn").deployment_id == other.deployment.id
    assert codes(report, "bad") == ["origin_refused"]  # the other one's origins count: it is the one that is asked
    with tenant(workspace.id):
        deploying.revoke(factories.actor(workspace), other.deployment)
    assert "token_of_ended_deployment" in codes(check(made, url), "bad")


def test_another_workspaces_token_looks_like_one_that_never_was(made: NewDeployment, site: Site) -> None:
    theirs = factories.make_deployment(factories.make_workspace(name="Rival"), name="Their site", origins=[site.origin])
    said = []
    for token in (theirs.token, tokens.make("cdp").value):
        report = check(made, site.put(page(form(made, token=token))))
        said.append([(it.code, it.words.replace(token[:12], ""), it.remedy) for it in report.findings])
        assert codes(report, "bad") == ["token_unknown"]
    assert said[0] == said[1]
    assert "Rival" not in str(said)
    assert "Their site" not in str(said)


def test_a_revoked_or_paused_deployment_lets_nobody_in(made: NewDeployment, site: Site, workspace: Workspace) -> None:
    url = site.put(page(form(made)))
    with tenant(workspace.id):
        Deployment.objects.update(paused_at=timezone.now())
    assert codes(check(made, url), "bad") == ["deployment_paused"]
    with tenant(workspace.id):
        Deployment.objects.update(revoked_at=timezone.now())
    assert codes(check(made, url), "bad") == ["deployment_revoked"]


def test_another_assistants_id(made: NewDeployment, site: Site) -> None:
    wrong = form(made).replace(str(made.deployment.assistant_id), str(made.deployment.id))
    report = check(made, site.put(page(wrong)))
    assert codes(report, "bad") == ["agent_mismatch"]
    assert report.findings[0].line == f"agentId: '{made.deployment.assistant_id}'"


def test_an_api_key_that_stands_on_the_page_is_an_alarm(made: NewDeployment, site: Site) -> None:
    key = tokens.make("csk").value
    report = check(made, site.put(page(form(made), f"<script>fetch('/x', {{k: '{key}'}})</script>")))
    assert codes(report, "bad") == ["secret_on_page"]
    assert key not in report.findings[0].words


# --- The origin -------------------------------------------------------------------------------------------------------


def test_an_origin_that_is_not_allowed_can_be_allowed(made: NewDeployment, site: Site, workspace: Workspace) -> None:
    with tenant(workspace.id):
        Deployment.objects.update(allowed_origins=["https://127.0.0.1"])
    report = check(made, site.put(page(form(made))))
    assert codes(report, "bad") == ["origin_refused"]
    assert report.findings[0].origin == site.origin
    assert "allowed is https" in report.findings[0].words


def test_the_origin_is_that_of_the_page_where_the_address_leads(made: NewDeployment, site: Site) -> None:
    there = site.put(page(form(made)), "/there")
    port = site.origin.rpartition(":")[2]
    site.put("", "/", 302, Location=there)
    report = check(made, f"http://localhost:{port}/")
    assert (report.verdict, report.url, report.origin) == ("works", there, site.origin)
    assert codes(report, "info") == ["redirected"]


# --- Pages that can't be read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        (404, {}, "gone", "bad_status"),
        (500, {}, "oh", "bad_status"),
        (403, {}, "robots", "bad_status"),
        (401, {}, "who", "login_page"),
        (200, {"Content_Type": "application/pdf"}, "%PDF", "not_html"),
        (200, {}, "x" * (1024 * 1024 + 1), "unreachable"),
    ],
    ids=["404", "500", "403", "401", "pdf", "too large"],
)
def test_what_is_no_page_to_check(
    status: int, headers: dict[str, str], body: str, code: str, made: NewDeployment, site: Site
) -> None:
    report = check(made, site.put(body, "/", status, **headers))
    assert (report.verdict, codes(report)) == ("not_read", [code])
    assert report.findings[0].words


def test_a_page_to_sign_in_is_known_for_one(made: NewDeployment, site: Site) -> None:
    site.put(page('<form><input type="password"></form>'), "/login")
    report = check(made, site.put("", "/", 302, Location="/login"))
    assert codes(report, "bad") == ["login_page"]


@pytest.mark.parametrize("address", ["", "ftp://shop.example/", "https://u:p@shop.example/", "not an address at all"])
def test_what_is_no_address(address: str, made: NewDeployment) -> None:
    report = check(made, address)
    assert (report.verdict, codes(report)) == ("not_read", ["refused"])


def test_this_machine_is_out_of_reach_and_that_is_said_in_plain_words(made: NewDeployment, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = False
    report = check(made, "http://127.0.0.1:8080/")
    assert codes(report) == ["refused"]
    assert "private network" in report.findings[0].words
    assert "console" in report.findings[0].remedy


def test_nobody_there(made: NewDeployment, site: Site) -> None:
    report = check(made, "http://127.0.0.1:9/")
    assert codes(report) == ["unreachable"]


HOSTILE = {
    "open elements": "<div>" * 150_000,
    "comments": "<!--" * 200_000,
    "quotes": "<a b='" * 150_000,
    "scripts": "<script>" * 100_000,
    "attributes": "<a " + "b=" * 300_000,
    "angles": "<" * 900_000,
    "addresses": f"<script>ConvoshipQueue {'https://' * 120_000}</script>",
    "escaped addresses": f"<script>{'https:/' + chr(92) + '/a/embed/' * 50_000}</script>",
    "brackets": f"<script>ConvoshipQueue {'[ ' * 400_000}</script>",
    "agents": f"<script>ConvoshipQueue ['init', {'agentId : ' * 80_000}</script>",
    "white space": f"<script>ConvoshipQueue ['init', agentId{' ' * 900_000}</script>",
    "tokens": f"<script>ConvoshipQueue ['init', {'cdp_' * 200_000}</script>",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_costs_no_more_than_another(hostile: str, made: NewDeployment, site: Site) -> None:
    began = time.process_time()
    assert check(made, site.put(hostile)).verdict == "broken"
    assert time.process_time() - began < 5


# --- Policies ---------------------------------------------------------------------------------------------------------

STRICT = "default-src 'none'"


def test_a_policy_in_the_way_comes_with_the_line_that_lets_it_through(made: NewDeployment, site: Site) -> None:
    policy = "default-src 'self'; img-src *"
    url = site.put(page(form(made)), "/", Content_Security_Policy=policy)
    report = check(made, url)
    assert codes(report, "bad") == ["csp_scripts", "csp_calls"]
    scripts, calls = report.findings[:2]
    assert scripts.line.startswith(f"script-src 'self' {BASE} 'sha256-")
    assert calls.line == f"connect-src 'self' {BASE} {WS};"
    assert "add this line" in scripts.remedy

    # Written as it says, the policy is in nobody's way.
    site.put(page(form(made)), "/", Content_Security_Policy=f"{scripts.line} {calls.line} {policy}")
    after = check(made, url)
    assert (after.verdict, codes(after)) == ("works", ["token_right", "origin_allowed", "csp_passes"])


def test_a_policy_by_nonces_wants_the_nonce_on_the_snippet(made: NewDeployment, site: Site) -> None:
    policy = f"script-src 'nonce-r4nd0m' 'strict-dynamic'; connect-src {BASE} {WS}"
    report = check(made, site.put(page(form(made)), "/", Content_Security_Policy=policy))
    assert codes(report, "bad") == ["csp_scripts"]
    assert "nonce" in report.findings[0].line
    with_nonce = form(made).replace("<script", '<script nonce="r4nd0m"')
    assert check(made, site.put(page(with_nonce), "/", Content_Security_Policy=policy)).verdict == "works"


def test_without_the_socket_it_works_more_slowly(made: NewDeployment, site: Site) -> None:
    url = site.put(page(form(made)), "/", Content_Security_Policy=f"connect-src {BASE}")
    report = check(made, url)
    assert (report.verdict, codes(report, "warn")) == ("works", ["csp_socket"])
    assert report.findings[0].line == f"connect-src {BASE} {WS};"


def test_each_of_several_policies_is_judged(made: NewDeployment, site: Site) -> None:
    meta = "<meta http-equiv='Content-Security-Policy' content=\"connect-src 'none'\">"
    url = site.put(
        page(form(made), head=meta), "/", Content_Security_Policy=f"script-src {BASE} 'unsafe-inline', img-src *"
    )
    report = check(made, url)
    assert codes(report, "bad") == ["csp_calls"]
    assert "<meta" in report.findings[0].remedy
    assert report.findings[0].line == f"connect-src {BASE} {WS};"


def test_a_policy_in_meta_says_nothing_of_scripts_that_stand_before_it(made: NewDeployment, site: Site) -> None:
    meta = f'<meta http-equiv="Content-Security-Policy" content="script-src {BASE}/static/; connect-src *">'
    assert check(made, site.put(page(head=form(made) + meta))).verdict == "works"
    assert codes(check(made, site.put(page(head=meta + form(made)))), "bad") == ["csp_scripts"]


def test_pictures_of_the_theme_that_a_policy_keeps_away(made: NewDeployment, site: Site, workspace: Workspace) -> None:
    with tenant(workspace.id):
        Deployment.objects.update(theme={"avatarUrl": "https://cdn.example/ada.png"})
    report = check(made, site.put(page(form(made)), "/", Content_Security_Policy="img-src 'self'"))
    assert (report.verdict, codes(report, "warn")) == ("works", ["csp_images"])
    assert report.findings[0].line == "img-src 'self' https://cdn.example;"


def test_photos_of_visitors_that_a_policy_keeps_away(
    made: NewDeployment, site: Site, workspace: Workspace, settings: Any
) -> None:
    settings.FILES_BASE_URL = "https://files.example"
    url = site.put(page(form(made)), "/", Content_Security_Policy="img-src 'self'")
    assert codes(check(made, url), "warn") == []
    with tenant(workspace.id):
        Deployment.objects.update(files={"on": True})
    report = check(made, url)
    with tenant(workspace.id):
        lines = page_policies.lines(Deployment.objects.get(), "")
    assert lines[-1] == "img-src https://files.example"
    assert (report.verdict, codes(report, "warn")) == ("works", ["csp_images"])
    assert "photos that visitors send" in report.findings[0].words
    assert report.findings[0].line == "img-src 'self' https://files.example;"
    # Where nobody can send an image there is none to show.
    with tenant(workspace.id):
        Deployment.objects.update(files={"on": True, "kinds": ["documents"]})
    assert codes(check(made, url), "warn") == []


def test_a_sandbox_is_named(made: NewDeployment, site: Site) -> None:
    report = check(made, site.put(page(form(made)), "/", Content_Security_Policy="sandbox allow-scripts"))
    assert codes(report, "bad") == ["csp_sandbox"]
    assert report.findings[0].line == "sandbox allow-scripts allow-same-origin;"


def test_a_policy_that_only_reports_blocks_nothing(made: NewDeployment, site: Site) -> None:
    report = check(made, site.put(page(form(made)), "/", Content_Security_Policy_Report_Only=STRICT))
    assert (report.verdict, codes(report, "info")) == ("works", ["csp_report_only"])


def test_what_is_said_to_be_needed_is_all_that_the_strictest_policy_has_to_list(
    made: NewDeployment, site: Site
) -> None:
    url = site.put(page(form(made)), "/", Content_Security_Policy=STRICT)
    seen = page_check.look(url)
    assert seen.page is not None
    found = page_snippet.find(seen.page)
    needs = page_policies.wanted(found, made.deployment)
    hashes = [csp.hash_of(script) for script in snippets.inline_scripts(form(made))]
    strictest = csp.parse(f"{STRICT}; script-src {BASE} {' '.join(hashes)}; connect-src {BASE} {WS}")
    assert page_policies.blocked(seen.page, needs, strictest) == []
    assert {it.part for it in needs} == {"loader", "app", "inline", "api", "socket"}
    assert django_settings.PUBLIC_BASE_URL == BASE


# --- Hostile pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["//[x", "https://[x/embed/v1.js", "https://a:99999/embed/v1.js", "https://\u2100.com/embed/v1.js"]
)
def test_an_address_that_can_t_be_taken_apart_is_reported_and_breaks_nothing(
    made: NewDeployment, site: Site, address: str
) -> None:
    policy = "script-src https://a:" + "9" * 5000 + " 'self'; connect-src 'self'"
    found = site.put(page(f'<base href="{address}"><script src="{address}"></script>'), Content_Security_Policy=policy)
    assert check(made, found).verdict == "broken"
    script = f"<script>load('{address}'); ConvoshipQueue.push(['init', {{apiUrl: '{address}'}}])</script>"
    assert check(made, site.put(page(script), Content_Security_Policy=policy)).verdict == "broken"
    site.put(b"", status=302, Location=address)
    assert check(made, site.origin + "/").verdict == "not_read"


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape"])
def test_an_encoding_that_is_none_of_the_web_is_not_taken(made: NewDeployment, site: Site, charset: str) -> None:
    half = '<script type="+2AA-\\ud800" src="/embed/v1.js"></script>'
    found = site.put(half, Content_Type=f"text/html; charset={charset}")
    "".join(finding.words for finding in check(made, found).findings).encode()


def test_a_name_that_is_none_is_refused_in_words(made: NewDeployment) -> None:
    assert "not the address of a page" in check(made, "https://xn--/").findings[0].words
