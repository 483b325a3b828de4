"""The Appearance tab without scripts: two sides of one theme, both saved by the same act, and nothing typed is lost."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from deployments import deploying, widget_texts
from deployments.models import Conversation, Deployment, PreviewToken
from deployments.pages import appearance_form as forms
from deployments.pages.appearance_panel import NOT_OFFERED
from tests import factories
from tests.pages.conftest import Browser, Form, browser_of, form_of, text
from workspaces.models import AuditEvent, Workspace

KEPT: dict[str, Any] = {
    "primaryColor": "#8a1538",
    "launcher": {"icon": "help"},
    "customTexts": {"send": {"de": "Los"}, "subtitle": ""},
}


@pytest.fixture
def made(workspace: Workspace) -> Deployment:
    return factories.make_deployment(workspace, theme=KEPT).deployment


def page_of(deployment: Deployment) -> str:
    return f"/app/deployments/{deployment.id}/appearance"


def theme_of(deployment: Deployment) -> Any:
    with tenant(deployment.workspace_id):
        return Deployment.objects.get(id=deployment.id).theme


def the_form(member: Browser, deployment: Deployment) -> Form:
    return form_of(member.get(page_of(deployment)), "/appearance/save")


def shown(answer: Any) -> Form:
    return form_of(answer, "/appearance/save")


def test_the_panel_shows_what_is_kept_and_saving_it_unchanged_changes_nothing(
    member: Browser, made: Deployment
) -> None:
    form = the_form(member, made)
    assert form["primaryColor"] == "#8a1538"
    assert form["launcher.icon"] == "help"
    assert form["mode"] == "auto"
    assert json.loads(form["json"]) == KEPT
    with tenant(made.workspace_id):
        before = AuditEvent.objects.count()
    for side in ("panel", "json"):
        answer = member.send(form, op=side)
        assert "Saved. Visitors see it when they load a page the next time." in text(answer)
    assert theme_of(made) == KEPT
    with tenant(made.workspace_id):
        assert AuditEvent.objects.count() == before


def test_a_text_that_no_visitor_reads_is_not_offered_and_stays_where_it_is_set(
    member: Browser, workspace: Workspace
) -> None:
    theme = {"customTexts": {"title": "Chat with us"}}
    set_before = factories.make_deployment(workspace, theme=theme).deployment
    form = the_form(member, set_before)
    assert "text.send" in form.values
    assert "text.title" not in form.values
    form["text.send"] = "Go"
    member.send(form, op="panel")
    assert theme_of(set_before)["customTexts"] == {"title": "Chat with us", "send": "Go"}


def test_what_is_set_in_the_panel_is_saved_and_stands_in_the_json(member: Browser, made: Deployment) -> None:
    form = the_form(member, made)
    form["primaryColor"] = "#FC0"
    form["launcher.color"] = "#123456"
    form["launcher.icon"] = "own"
    form["launcher.icon.address"] = "https://cdn.example.com/icon.svg"
    form["position"] = "bottom-left"
    form["offset.x"] = "12"
    form["header.title"] = " The shop "
    form["greeting"] = "Hi!\r\nWhat is it?"
    form["text.placeholder"] = "Ask away"
    member.send(form, op="panel")
    assert theme_of(made) == {
        **KEPT,
        "primaryColor": "#ffcc00",
        "launcher": {"color": "#123456", "icon": "https://cdn.example.com/icon.svg"},
        "position": "bottom-left",
        "offset": {"x": 12},
        "header": {"title": "The shop"},
        "greeting": "Hi!\nWhat is it?",
        "customTexts": {**KEPT["customTexts"], "placeholder": "Ask away"},
    }
    form = the_form(member, made)
    assert json.loads(form["json"]) == theme_of(made)
    assert list(json.loads(form["json"]))[:2] == ["primaryColor", "position"]
    form["launcher.icon"] = "chat"
    form["launcher.color"] = ""
    form["offset.x"] = ""
    form["position"] = "bottom-right"
    member.send(form, op="panel")
    now = theme_of(made)
    assert "offset" not in now
    assert now["launcher"] == {"icon": "chat"}
    assert now["position"] == "bottom-right"


def test_the_json_is_saved_whole(member: Browser, made: Deployment) -> None:
    form = the_form(member, made)
    form["json"] = '{"radius": 4, "header": {"title": "Laden"}}'
    member.send(form, op="json")
    assert theme_of(made) == {"radius": 4, "header": {"title": "Laden"}}
    form = the_form(member, made)
    assert (form["radius"], form["header.title"], form["primaryColor"]) == ("4", "Laden", "")
    form["json"] = ""
    member.send(form, op="json")
    assert theme_of(made) == {}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ('{"radius": 4,,}', "This is not valid JSON"),
        ('{"radius": NaN}', "NaN is not JSON."),
        ('{"radius": 1e999}', "The number 1e999 is too large."),
        ("[" * 100_000, "nested more than 40 deep"),
        ('{"a":' * 600 + "1" + "}" * 600, "nested more than 40 deep"),
        ('{"radius": ' + "9" * 5000 + "}", "This is not valid JSON"),
        ('{"greeting": "a\\u0000b"}', "Text may not contain the NUL character."),
        ('{"greeting": "a\\ud800b"}', "Text may not contain half of a surrogate pair."),
    ],
)
def test_json_that_is_none_is_kept_as_it_was_typed_and_so_is_the_panel(
    member: Browser, made: Deployment, typed: str, words: str
) -> None:
    form = the_form(member, made)
    form["json"] = typed
    form["header.title"] = "Typed in the panel"
    answer = member.send(form, op="json")
    assert answer.status_code == 422
    assert words in html.unescape(text(answer))
    again = shown(answer)
    assert again["json"] == typed
    assert again["header.title"] == "Typed in the panel"
    assert theme_of(made) == KEPT
    member.send(again, op="panel")
    assert theme_of(made)["header"] == {"title": "Typed in the panel"}


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("[]", ""),
        ('"x"', ""),
        ('{"launcher": {"colour": "#fff"}}', "launcher.colour"),
        ('{"launcher": []}', "launcher"),
        ('{"header": {"title": {"a": 1}}}', "header.title"),
        ('{"customTexts": 5}', "customTexts"),
        ('{"customTexts": {"send": {"de": 5, "*": ["x"]}}}', "customTexts.send.de"),
    ],
)
def test_json_that_is_no_theme_is_refused_at_its_path(member: Browser, made: Deployment, typed: str, path: str) -> None:
    form = the_form(member, made)
    form["json"] = typed
    answer = member.send(form, op="json")
    assert answer.status_code == 422
    assert (f"<code>{path}</code>:" in text(answer)) is bool(path)
    assert shown(answer)["json"] == typed
    assert theme_of(made) == KEPT


def test_what_the_panel_says_wrong_is_said_beside_its_field_and_kept(member: Browser, made: Deployment) -> None:
    form = the_form(member, made)
    form["primaryColor"] = "crimson"
    form["radius"] = "round"
    form["launcher.icon"] = "own"
    form["launcher.icon.address"] = "ftp://x"
    form["text.send"] = "x" * 301
    answer = member.send(form, op="panel")
    assert answer.status_code == 422
    page = text(answer)
    for id_, words in (
        ("f-primaryColor", "Use a colour such as #2f54d6."),
        ("f-radius", "This must be a whole number."),
        ("f-launcher-icon", "Use chat or help, or the address of an image"),
        ("f-text-send", "This is too long"),
    ):
        assert words in page.partition(f'id="{id_}_error"')[2].partition("</ul>")[0], id_
    # Above the form each is named as on the page, and leads there.
    notice = page.partition('id="faults"')[2].partition("</ul>")[0]
    for id_, label in (("f-primaryColor", "Main colour"), ("f-launcher-icon", "Icon"), ("f-text-send", "Send")):
        assert f'<a href="#{id_}">{label}</a>' in notice
    assert "<code>" not in notice
    assert "The preview shows the last appearance that can be used" in html.unescape(page)
    own = page.partition('name="launcher.icon.address"')[2].partition(">")[0]
    assert 'aria-invalid="true"' in own
    assert 'aria-describedby="f-launcher-icon_error"' in own
    again = shown(answer)
    assert (again["primaryColor"], again["radius"]) == ("crimson", "round")
    assert (again["launcher.icon"], again["launcher.icon.address"]) == ("own", "ftp://x")
    assert theme_of(made) == KEPT


def test_an_image_of_ones_own_needs_its_address(member: Browser, made: Deployment) -> None:
    form = the_form(member, made)
    form["launcher.icon"] = "own"
    answer = member.send(form, op="panel")
    assert answer.status_code == 422
    again = shown(answer)
    assert (again["launcher.icon"], again["launcher.icon.address"]) == ("own", "")
    assert theme_of(made) == KEPT
    again["launcher.icon.address"] = "https://cdn.example.com/icon.svg"
    member.send(again, op="panel")
    assert theme_of(made)["launcher"] == {"icon": "https://cdn.example.com/icon.svg"}


def test_a_fault_in_a_language_that_is_not_shown_is_named_by_its_path(member: Browser, made: Deployment) -> None:
    form = the_form(member, made)
    form["json"] = json.dumps({"customTexts": {"send": {"de": "x" * 301}, "greeting": {"de": "x" * 301}}})
    page = text(member.send(form, op="json"))
    notice = page.partition('id="faults"')[2].partition("</ul>")[0]
    assert "<code>customTexts.send.de</code>:" in notice
    assert "<code>customTexts.greeting.de</code>:" in notice


def test_a_colour_that_cannot_be_read_is_offered_the_nearest_that_can(member: Browser, made: Deployment) -> None:
    form = the_form(member, made)
    form["primaryColor"] = "#ffcc00"
    form["textColor"] = "#ffffff"
    form["header.title"] = "Kept"
    answer = member.send(form, op="panel")
    assert answer.status_code == 422
    assert "contrast is 1.5:1" in text(answer)
    answer = member.send(shown(answer), use="textColor=#5a5a5a")
    again = shown(answer)
    assert (again["textColor"], again["header.title"]) == ("#5a5a5a", "Kept")
    assert "Not saved yet." in text(answer)
    member.send(again, op="panel")
    assert theme_of(made)["textColor"] == "#5a5a5a"


def test_texts_are_set_for_one_language_after_another_before_anything_is_saved(
    member: Browser, made: Deployment
) -> None:
    form = the_form(member, made)
    assert form["text.send"] == ""
    form["text.close"] = "Away with it"
    form["language"] = "de"
    form = shown(member.send(form, op="language"))
    assert form["text.send"] == "Los"
    form["text.greeting"] = "Moin"
    form["text.close"] = "Weg damit"
    form["text.send"] = ""
    form["other_language"] = "PT_br"
    answer = member.send(form, op="language")
    form = shown(answer)
    assert '<option value="pt-BR" selected>' in text(answer)
    form["text.greeting"] = "Oi"
    form["text.subtitle"] = "Estamos aqui"
    member.send(form, op="panel")
    assert theme_of(made)["customTexts"] == {
        "subtitle": {"*": "", "pt-BR": "Estamos aqui"},
        "close": {"*": "Away with it", "de": "Weg damit"},
        "greeting": {"de": "Moin", "pt-BR": "Oi"},
    }


def test_each_text_of_the_widget_has_a_field_with_its_own_words_in_grey(member: Browser, made: Deployment) -> None:
    page = html.unescape(text(member.get(page_of(made))))
    for key, words in widget_texts.wording("en").items():
        if key in NOT_OFFERED:
            continue
        assert f'name="text.{key}"' in page
        assert f'placeholder="{words}"' in page
    form = the_form(member, made)
    form["language"] = "de"
    page = html.unescape(text(member.send(form, op="language")))
    assert f'placeholder="{widget_texts.wording("de-AT")["close"]}"' in page
    assert widget_texts.wording("fr") == widget_texts.wording("en")


def test_reset_shows_the_default_and_only_saving_makes_it_so(member: Browser, made: Deployment) -> None:
    answer = member.send(the_form(member, made), op="reset")
    form = shown(answer)
    assert form["primaryColor"] == ""
    assert json.loads(form["json"]) == {}
    assert theme_of(made) == KEPT
    member.send(form, op="panel")
    assert theme_of(made) == {}


def test_who_saves_after_somebody_else_is_told_and_loses_nothing(
    member: Browser, workspace: Workspace, made: Deployment
) -> None:
    form = the_form(member, made)
    with tenant(workspace.id):
        deploying.change(factories.actor(workspace), made, {"theme": {"radius": 3}})
    form["header.title"] = "Mine"
    answer = member.send(form, op="panel")
    assert answer.status_code == 409
    page = text(answer)
    assert "Somebody else saved this appearance while you edited it." in page
    for path in ("header", "radius", "primaryColor"):
        assert f"<code>{path}</code>" in page
    assert theme_of(made) == {"radius": 3}
    again = shown(answer)
    assert again["header.title"] == "Mine"
    member.send(again, op="panel")
    assert theme_of(made)["header"] == {"title": "Mine"}
    # Who happens to want the very same as the other has nothing to decide.
    form["header.title"] = "Mine"
    assert member.send(form, op="panel").status_code == 200


def test_who_may_only_read_sees_it_and_can_send_nothing(workspace: Workspace, made: Deployment) -> None:
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    answer = viewer.get(page_of(made))
    assert shown(answer).is_disabled
    assert "data-save>" not in text(answer).partition('class="savebar"')[2]
    assert viewer.get(page_of(made) + "/preview").status_code == 200


def test_a_revoked_deployment_shows_its_appearance_and_no_preview(
    member: Browser, workspace: Workspace, made: Deployment
) -> None:
    with tenant(workspace.id):
        deploying.revoke(factories.actor(workspace), made)
    page = text(member.get(page_of(made)))
    assert "is revoked" in page
    assert "<iframe" not in page
    assert "data-token" not in text(member.get(page_of(made) + "/preview"))


def test_the_preview_is_a_page_of_ours_with_a_token_that_makes_no_conversation_by_itself(
    member: Browser, workspace: Workspace, made: Deployment
) -> None:
    with tenant(workspace.id):
        deploying.pause(factories.actor(workspace), made)
    assert "which the preview leaves aside" in text(member.get(page_of(made)))
    answer = member.get(page_of(made) + "/preview")
    assert 'data-token="cpt_' in text(answer)
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    with tenant(workspace.id):
        assert PreviewToken.objects.filter(deployment=made).count() == 1
        assert Conversation.objects.count() == 0


def test_a_base_that_is_nested_too_deep_to_be_walked_through_counts_for_nothing(
    member: Browser, made: Deployment
) -> None:
    form = the_form(member, made)
    form["base"] = '{"a":' * 600 + "1" + "}" * 600
    assert member.send(form, op="panel").status_code == 200
    assert theme_of(made) == KEPT


def test_differences_are_told_by_path() -> None:
    assert forms.differing({"a": 1, "b": {"c": 1, "d": 2}}, {"a": 1, "b": {"c": 2, "d": 2}, "e": 0}) == ["b.c", "e"]
    assert forms.differing({}, {}) == []
