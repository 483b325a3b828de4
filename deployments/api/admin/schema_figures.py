"""Shapes of a deployment's numbers and of its staged rollouts."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from deployments.api.admin.schema import THEME
from deployments.figures import DEFAULT_PERIOD, PERIODS
from deployments.models.deployment import RolloutOutcome
from deployments.rollouts import LEAST_SHARE, MOST_SHARE
from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, YES_NO, Schema, body, component, fields, or_null, page_of

_SHARE_OF_ALL: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_COUNTS: Schema = {
    "sessions": {**WHOLE, "description": "Conversations begun."},
    "messages": {**WHOLE, "description": "Said in them, by both sides."},
    "over": {
        **WHOLE,
        "description": "Conversations in which the visitor said something and that have ended, or where nothing was "
        "said for an hour.",
    },
    "alone": {**WHOLE, "description": "Of those: nobody asked for a person and none joined."},
    "alone_share": {**or_null(_SHARE_OF_ALL), "description": "`alone` of `over`; null where none is over yet."},
    "errors": {**WHOLE, "description": "Answers that failed."},
    "with_errors": {**WHOLE, "description": "Conversations with such an answer."},
    "ended": {**WHOLE, "description": "Conversations that are no longer active."},
}
FIGURES = component("Figures", fields(**_COUNTS))
PERIOD = OpenApiParameter(
    "period",
    {"enum": list(PERIODS), "default": DEFAULT_PERIOD.key},
    description="Up to now, in hours (`24h`) or days (UTC) of which the last one is still going on.",
)
NUMBERS = component(
    "Numbers",
    {
        "description": "A conversation counts, with all that was said in it, where it began. Tests never count.",
        **fields(
            period={"enum": list(PERIODS)},
            step={"enum": ["hour", "day"]},
            starts_at=TIME,
            ends_at=TIME,
            total=FIGURES,
            before={"allOf": [FIGURES], "description": "The same stretch of the period before."},
            over_time={"type": "array", "items": fields(at=TIME, figures=FIGURES)},
            origins={
                "type": "array",
                "items": fields(
                    origin={**TEXT, "description": "Empty for programs that send none."},
                    last_at=TIME,
                    figures=FIGURES,
                ),
                "description": "Those with the most conversations first.",
            },
            more_origins={**WHOLE, "description": "Further origins, which are left out."},
            refused=fields(
                origins={**WHOLE, "description": "Origins that were turned away in the period."},
                times={**WHOLE, "description": "How often they asked, counted since `since`."},
                since=or_null(TIME),
            ),
        ),
    },
)

# --- Staged rollouts ----------------------------------------------------------------------------------------------

_SHARE: Schema = {
    "type": "integer",
    "minimum": LEAST_SHARE,
    "maximum": MOST_SHARE,
    "description": "Percent of the visitors who meet `b`. Raising it moves visitors from `a` to `b` only.",
}
_VERSION: Schema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
_SIDE = component("Variant", fields(visitors=WHOLE, figures=FIGURES))
_VERDICT = component(
    "Verdict",
    {
        "description": "What a difference between `a` and `b` is worth, with 95 % confidence.",
        **fields(
            level={"enum": ["few", "chance", "better", "worse"]},
            words=TEXT,
            low={**or_null({"type": "number"}), "description": "The least that `b` may truly have more, -1 to 1."},
            high={**or_null({"type": "number"}), "description": "The most."},
        ),
    },
)
ROLLOUT = component(
    "Rollout",
    fields(
        id=UUID,
        deployment_id=UUID,
        base_version={**WHOLE, "description": "What `a` meets, also while others are published."},
        version={**or_null(WHOLE), "description": "What `b` meets; null: the same version."},
        theme={
            "oneOf": [THEME, {"type": "null"}],
            "description": "What `b` looks like; null: the deployment's theme, as `a`.",
        },
        share=_SHARE,
        started_at=TIME,
        ended_at=or_null(TIME),
        outcome=or_null({"enum": list(RolloutOutcome.values)}),
        replaced_version={
            **or_null(WHOLE),
            "description": "What visitors met before this one was kept; null: nothing else.",
        },
        replaced_theme={
            "oneOf": [THEME, {"type": "null"}],
            "description": "The deployment's theme before this one was kept; null: it stayed.",
        },
        a=_SIDE,
        b=_SIDE,
        answered_alone=_VERDICT,
        with_errors=_VERDICT,
    ),
)
ROLLOUTS = page_of("RolloutPage", ROLLOUT)
NEW_ROLLOUT = body(
    {
        "version": {**_VERSION, "description": "The number of the assistant's version to try."},
        "draft": {
            **YES_NO,
            "description": "Try the draft: it is kept as the next version, which nobody else meets. Takes "
            "`assistants:write` as well.",
        },
        "theme": THEME,
        "share": _SHARE,
        "despite_tests": {
            **YES_NO,
            "default": False,
            "description": "Try the draft though fewer of its test cases pass than the assistant's threshold says.",
        },
    },
    required=("share",),
)
NEW_SHARE = body({"share": _SHARE}, required=("share",))
