"""Trying a theme by the API, and the schema that editors check it by."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from deployments.theme import DEFAULT_THEME
from tests import factories
from tests.api.conftest import Program


@pytest.fixture
def where(api: Program) -> str:
    """The address of a deployment that speaks German first."""
    made = factories.make_deployment(api.workspace, languages=["de", "en"]).deployment
    return f"/deployments/{made.id}"


def test_a_good_theme_comes_back_as_it_would_be_kept_and_as_a_widget_would_be_given_it(
    api: Program, where: str
) -> None:
    theme = {"primaryColor": "#FC0", "greeting": " ", "customTexts": {"launcherLabel": {"de": "Plausch"}}}
    answer = api.post(f"{where}/theme/check", {"theme": theme, "locale": "fr"})
    assert answer.status_code == 200
    assert answer.data["good"] is True
    kept = {"primaryColor": "#ffcc00", "customTexts": theme["customTexts"]}
    assert answer.data["theme"] == kept
    launcher = {**DEFAULT_THEME["launcher"], "label": "Plausch"}
    assert answer.data["resolved"] == {**DEFAULT_THEME, **kept, "launcher": launcher}
    assert api.get(where).data["theme"] == {}


@pytest.mark.parametrize(
    ("theme", "path"),
    [
        ({"launcher": {"color": "red"}}, "theme.launcher.color"),
        ({"customTexts": {"send": {"de": 5}}}, "theme.customTexts.send.de"),
        ([], "theme"),
        (None, "theme"),
        ("x", "theme"),
    ],
)
def test_a_bad_one_is_told_at_its_path(api: Program, where: str, theme: Any, path: str) -> None:
    answer = api.post(f"{where}/theme/check", {"theme": theme})
    assert answer.status_code == 200
    assert answer.data["good"] is False
    assert list(answer.data["errors"]) == [path]
    assert set(answer.data) == {"good", "errors", "better"}


def test_what_no_json_of_ours_can_hold_is_refused_before_it_is_judged(api: Program, where: str) -> None:
    answer = api.post(f"{where}/theme/check", {"theme": {"greeting": "a\x00"}})
    assert answer.status_code == 422
    assert answer.data["code"] == "invalid"


def test_the_nearest_colour_that_passes_comes_as_a_value(api: Program, where: str) -> None:
    theme = {"primaryColor": "#fc0", "textColor": "#fff"}
    answer = api.post(f"{where}/theme/check", {"theme": theme})
    assert answer.data["better"] == {"theme.textColor": "#5a5a5a"}
    assert api.patch(where, {"theme": theme}).data["errors"].keys() == {"theme.textColor"}
    assert api.patch(where, {"theme": {**theme, "textColor": "#5a5a5a"}}).status_code == 200


def test_the_schema_is_public_and_says_what_is_taken(client: Client) -> None:
    answer = client.get("/v1/theme-schema.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/schema+json")
    schema = json.loads(answer.content)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"customTexts": {"send": {"de": "Los", "*": "Go"}, "greeting": {"de": "Moin"}}})
    assert not validator.is_valid({"customTexts": {"greeting": {"*": "Hi"}}})
    assert not validator.is_valid({"colour": "#fff"})
    assert "x-words" not in answer.content.decode()
    assert client.get("/v1/theme-schema.json", headers={"If-None-Match": answer["ETag"]}).status_code == 304
