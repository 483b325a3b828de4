"""Trying a theme: what a widget would be given, or what is wrong with it at which path."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import theme as themes
from deployments.api.admin.deployments import deployment_of
from deployments.api.admin.schema import THEME
from deployments.theme import ThemeRefused
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.schema import YES_NO, body, component, fields

LONGEST_LOCALE = 35

CHECKED = component(
    "CheckedTheme",
    fields(
        optional=("theme", "resolved", "errors", "better"),
        good=YES_NO,
        theme={**THEME, "description": "In normal form, as it would be kept."},
        resolved={
            "type": "object",
            "description": "What a widget is given: with defaults, the launcher's label in the language of `locale`.",
        },
        errors={
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "Path, such as `theme.launcher.color` -> what is wrong there.",
        },
        better={
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Path -> the nearest value that passes, where there is one.",
        },
    ),
)
_CHECK = Body(
    body(
        {
            "theme": {"description": "A Theme, right or wrong."},
            "locale": {"type": "string", "maxLength": LONGEST_LOCALE},
        },
        required=("theme",),
    )
)


class CheckThemeView(WorkspaceView):
    """Trying a theme."""

    permissions = {"POST": "deployments.read"}

    @extend_schema(operation_id="theme_check", request=_CHECK.documented, responses={200: CHECKED})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Whether a theme could be saved, and what a widget would be given; nothing is kept."""
        deployment = deployment_of(deployment_id)
        asked = _CHECK.read(request)
        try:
            theme = themes.validate(asked["theme"])
        except ThemeRefused as refused:
            return Response({"good": False, "errors": _under(refused.errors), "better": _under(refused.better)})
        whole = themes.resolved(theme, asked.get("locale", ""), deployment.languages)
        return Response({"good": True, "theme": theme, "resolved": whole})


def _under(by_path: dict[str, Any]) -> dict[str, Any]:
    """Paths as they are in a deployment's body."""
    return {f"theme.{path}" if path else "theme": value for path, value in by_path.items()}
