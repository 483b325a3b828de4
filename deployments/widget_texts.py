"""The widget's own words by language, from the very file that its build writes (static/widget/texts.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.conf import settings

from deployments.deployment_settings import language_for

STANDARD = "en"  # what the widget speaks to whoever speaks none of its languages


@cache
def by_language() -> Mapping[str, Mapping[str, str]]:
    """Language -> key -> text, keys in the order in which a visitor meets them; read once a process."""
    file = Path(settings.BASE_DIR) / "static" / "widget" / "texts.json"
    found: Mapping[str, Mapping[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def wording(language: str) -> Mapping[str, str]:
    """What the widget says by itself to a visitor of this language."""
    texts = by_language()
    return texts.get(language_for(list(texts), language).split("-")[0], texts[STANDARD])
