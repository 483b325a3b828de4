"""The forms of the snippet, as text. That they work is shown in tests/e2e/test_install_snippets.py."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from convoship.lib import tokens
from deployments import csp, deploying, embed_build, snippets
from deployments.snippets import Variant

ASSISTANT = uuid4()
TOKEN = tokens.make("cdp").value
FORMS = {variant.key: variant for variant in snippets.variants(ASSISTANT, TOKEN)}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def test_the_first_form_is_the_one_that_a_new_deployment_shows() -> None:
    assert next(iter(FORMS.values())).code == deploying.snippet(ASSISTANT, TOKEN)


@each_form
def test_each_names_the_assistant_the_token_and_this_server_once(form: Variant) -> None:
    assert re.findall(r"agentId: '([^']*)'", form.code) == [str(ASSISTANT)]
    assert re.findall(r"token: '([^']*)'", form.code) == [TOKEN]
    assert re.findall(r"apiUrl: '([^']*)'", form.code) == ["http://127.0.0.1:8000"]
    assert len(re.findall(r"http://127\.0\.0\.1:8000/embed/v1\.[0-9a-f.]*js", form.code)) == 1


@each_form
def test_each_has_a_queue_before_it_speaks_or_asks_whether_there_is_one(form: Variant) -> None:
    before = form.code[: form.code.index("ConvoshipQueue.push(['init'")]
    if form.key == "plain":
        assert before.endswith("window.ConvoshipQueue && ")
        assert "async" not in form.code
    else:
        assert "window.ConvoshipQueue = window.ConvoshipQueue || [];" in before


def test_the_pinned_form_names_the_very_bytes_that_are_served() -> None:
    code, build = FORMS["pinned"].code, embed_build.build()
    assert f'integrity="{embed_build.integrity_of(build.loader)}"' in code
    found = re.search(r'src="http://127\.0\.0\.1:8000([^"]+)"', code)
    assert found is not None
    mark = embed_build.pinned_mark(found[1])
    assert mark is not None
    assert embed_build.kept(mark) == build.loader
    assert 'crossorigin="anonymous"' in code


def test_tag_manager_gets_old_javascript() -> None:
    assert not re.search(r"=>|`|\b(let|const|class)\b|,\s*}", FORMS["gtm"].code)


def test_the_inline_scripts_of_a_form_pass_a_policy_by_their_hashes() -> None:
    scripts = snippets.inline_scripts(FORMS["async"].code)
    assert len(scripts) == 2
    policy = csp.parse("script-src " + " ".join(csp.hash_of(script) for script in scripts))
    for script in scripts:
        assert policy.allows(csp.Need("script-src-elem", text=script), "https://shop.example/")
