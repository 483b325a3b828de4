"""Every form of the snippet, run as its site would run it, on the stranger's site in a real Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from convoship.machine import node
from deployments import snippets
from deployments.snippets import Variant
from tests.e2e.conftest import Product, Visit

FRAMEWORKS = Path(__file__).parent / "frameworks"
HTML = ("async", "plain", "pinned")


@pytest.fixture
def forms(product: Product, demo: dict[str, Any], settings: Any) -> dict[str, Variant]:
    """The forms for the demo's deployment, as the running product shows them."""
    settings.PUBLIC_BASE_URL = product.base_url
    return {form.key: form for form in snippets.variants(demo["assistant_id"], demo["deployment_token"])}


def built(kind: str, form: Variant, folder: Path) -> str:
    """A page with an app of this framework, and the form's component in it."""
    node.install()
    node.install(FRAMEWORKS)
    source, bundle = folder / form.file, folder / "app.js"
    source.write_text(form.code, encoding="utf-8")
    command = [str(node.wheel() / "bin" / "node"), str(FRAMEWORKS / "build.mjs"), kind, str(source), str(bundle)]
    subprocess.run(command, check=True, env=node.environment(), cwd=folder)
    script = bundle.read_text(encoding="utf-8").replace("</script", r"<\/script")
    return f'<div id="app"></div><script>{script}</script>'


@pytest.mark.parametrize("key", HTML)
def test_an_html_form_opens_the_chat(key: str, forms: dict[str, Variant], product: Product, visit: Visit) -> None:
    visitor = visit(product.page_with(forms[key].code)).chat()
    visitor.ask("where is my order", "tracking link")
    assert visitor.our_errors == []
    assert "cross-origin" not in " ".join(visitor.console).lower()


@pytest.mark.parametrize("key", ["async", "pinned"])
def test_the_page_may_call_before_the_script_is_there(
    key: str, forms: dict[str, Variant], product: Product, visit: Visit
) -> None:
    early = "<script>ConvoshipQueue.push(['sendMessage', 'where is my order'], ['open']);</script>"
    visitor = visit(product.page_with(forms[key].code + early))
    visitor.hears("tracking link")
    expect(visitor.said).to_have_text(["where is my order"])


@pytest.mark.parametrize("key", [*HTML, "gtm", "wordpress"])
def test_nothing_breaks_where_the_script_is_blocked(
    key: str,
    forms: dict[str, Variant],
    product: Product,
    visit: Visit,
    new_context: Callable[..., BrowserContext],
) -> None:
    context = new_context()
    context.route("**/embed/*", lambda route: route.abort("blockedbyclient"))
    code = forms[key].code
    snippet = printed_by_wordpress(code) if key == "wordpress" else code
    call = "" if key == "plain" else "ConvoshipQueue.push(['open']);"
    later = f"<script>{call} window.reached = true;</script>"
    visitor = visit(product.page_with(snippet + later), context=context)
    assert visitor.js("window.reached") is True
    expect(visitor.host).to_have_count(0)
    assert visitor.uncaught == []


def test_the_pinned_form_refuses_a_loader_that_was_changed_on_its_way(
    forms: dict[str, Variant], product: Product, visit: Visit, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context()

    def change(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\nwindow.changed = true;")

    context.route("**/embed/*", change)
    visitor = visit(product.page_with(forms["pinned"].code), context=context)
    assert visitor.js("window.changed") is None
    assert any("integrity" in line for line in visitor.console)
    expect(visitor.host).to_have_count(0)


@pytest.mark.parametrize("kind", ["react", "vue"])
def test_a_component_brings_the_chat_and_takes_it_away(
    kind: str, forms: dict[str, Variant], product: Product, visit: Visit, tmp_path: Path
) -> None:
    visitor = visit(product.page_with(built(kind, forms[kind], tmp_path)))
    expect(visitor.page.get_by_role("heading", name=f"A {kind.title()} app")).to_be_visible()
    visitor.chat().ask("where is my order", "tracking link")
    expect(visitor.host).to_have_count(1)

    visitor.page.get_by_role("button", name="Without chat").click()
    expect(visitor.host).to_have_count(0)
    visitor.page.get_by_role("button", name="With chat").click()
    visitor.open()
    visitor.hears("tracking link")
    expect(visitor.host).to_have_count(1)
    assert visitor.js("document.querySelectorAll('script[src*=\"/embed/\"]').length") == 1
    assert visitor.our_errors == []


@pytest.mark.parametrize("kind", ["react", "vue"])
def test_a_component_without_its_script_leaves_the_app_alone(
    kind: str,
    forms: dict[str, Variant],
    product: Product,
    visit: Visit,
    tmp_path: Path,
    new_context: Callable[..., BrowserContext],
) -> None:
    context = new_context()
    context.route("**/embed/*", lambda route: route.abort("blockedbyclient"))
    visitor = visit(product.page_with(built(kind, forms[kind], tmp_path)), context=context)
    for name in ("Without chat", "With chat", "Without chat"):
        visitor.page.get_by_role("button", name=name).click()
    expect(visitor.page.get_by_role("button", name="With chat")).to_be_visible()
    assert visitor.uncaught == []


# --- WordPress ----------------------------------------------------------------------------------------------------


def printed_by_wordpress(code: str) -> str:
    """What the code prints when WordPress comes to the page's foot: everything outside of its PHP."""
    found = re.fullmatch(
        r"add_action\( 'wp_footer', function \(\) \{\n\t\?>\n(?P<html>.*)\t<\?php\n\} \);\n", code, re.DOTALL
    )
    assert found is not None
    return found["html"]


def test_the_code_for_wordpress_prints_a_chat(forms: dict[str, Variant], product: Product, visit: Visit) -> None:
    visitor = visit(product.page_with(printed_by_wordpress(forms["wordpress"].code))).chat()
    visitor.ask("where is my order", "tracking link")


@pytest.mark.skipif(not shutil.which("php"), reason="PHP is not installed; what the code prints is tested above")
def test_php_runs_the_code_and_prints_that(forms: dict[str, Variant]) -> None:
    code = forms["wordpress"].code
    wordpress = (
        "<?php $hooks = []; function add_action($name, $run) { global $hooks; $hooks[$name][] = $run; }\n"
        f"{code}\nforeach ($hooks['wp_footer'] as $run) $run();"
    )
    done = subprocess.run(["php"], input=wordpress, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.strip() == printed_by_wordpress(code).strip()


# --- Google Tag Manager -------------------------------------------------------------------------------------------

# As its Custom HTML tag does: after the page has loaded each script of the tag is made anew and appended.
FIRE = """
window.fire = () => {
  const holder = document.createElement('div');
  holder.style.display = 'none';
  holder.innerHTML = %s;
  for (const script of [...holder.querySelectorAll('script')]) {
    const fresh = document.createElement('script');
    fresh.type = 'text/javascript';
    fresh.text = script.text;
    script.replaceWith(fresh);
  }
  document.body.appendChild(holder);
};
addEventListener('load', () => window.fire());
"""


def test_the_tag_brings_one_chat_however_often_it_fires(
    forms: dict[str, Variant], product: Product, visit: Visit
) -> None:
    tag = json.dumps(forms["gtm"].code).replace("</", r"<\/")
    visitor = visit(product.page_with(f"<script>{FIRE % tag}</script>")).chat()
    visitor.ask("where is my order", "tracking link")
    visitor.js("fire()")
    visitor.js("history.pushState(null, '', '?again'); fire()")
    visitor.ask("when are you open", "Monday to Friday")
    expect(visitor.host).to_have_count(1)
    assert visitor.js("document.querySelectorAll('script[src*=\"/embed/\"]').length") == 1
    assert visitor.our_errors == []


def test_the_tag_is_the_javascript_that_tag_manager_takes(forms: dict[str, Variant], tmp_path: Path) -> None:
    node.install()
    script = tmp_path / "tag.js"
    script.write_text(snippets.inline_scripts(forms["gtm"].code)[0], encoding="utf-8")
    esbuild = node.FRONTEND / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [str(node.wheel() / "bin" / "node"), str(esbuild), str(script), "--target=es5", "--log-level=warning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=node.environment())
    assert (done.returncode, done.stderr) == (0, "")
