"""Shapes of budgets, of what was used, and of what models cost."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from deployments.budget_settings import LONGEST_MODEL
from deployments.models.spending import Measure, Per
from deployments.usage import DEFAULT_DAYS, MOST_DAYS
from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, YES_NO, Schema, body, component, fields, or_null

_DAY: Schema = {"type": "string", "format": "date"}
_MEASURE: Schema = {"enum": list(Measure.values)}
_PER: Schema = {
    "enum": list(Per.values),
    "description": "`visitor`, `origin` and `day` begin anew with each UTC day; `whole` never does.",
}
_MOST: Schema = {
    "type": "number",
    # No least one here: the act says of each measure what it may be, in one and the same words.
    "description": "Messages, tokens, or US dollars; more than 0. It counts from when the budget is made.",
}
BUDGETS = component(
    "Budgets",
    fields(
        budgets={
            "type": "array",
            "items": fields(
                measure=_MEASURE,
                per=_PER,
                most=_MOST,
                taken={"type": "number", "description": "Now, by whoever has taken most; what is set aside included."},
                whose={**TEXT, "description": "Who that is: a person's id, an origin; empty for all together."},
                spent={**YES_NO, "description": "Whether something is refused because of it."},
                spent_at={**or_null(TIME), "description": "When something was last refused because of it."},
                spent_by={**TEXT, "description": "Whose that was."},
            ),
        }
    ),
)
NEW_BUDGETS = body(
    {
        "budgets": {
            "type": "array",
            "maxItems": len(Measure) * len(Per),
            "items": body({"measure": _MEASURE, "per": _PER, "most": _MOST}, required=("measure", "per", "most")),
            "description": "All that there shall be; the others are removed.",
        }
    },
    required=("budgets",),
)
_ROW = fields(
    key={**TEXT, "description": "The day, person's id, origin or model; empty for the whole."},
    messages=WHOLE,
    calls=WHOLE,
    tokens_in=WHOLE,
    tokens_out=WHOLE,
    cost={"type": "number", "description": "US dollars, of the calls that have a price."},
    unpriced={**WHOLE, "description": "Calls that have no price."},
)
_ROWS: Schema = {"type": "array", "items": component("UsageRow", _ROW)}
_TOTAL = component("UsageTotal", _ROW)
_TRIED: Schema = {"allOf": [_TOTAL], "description": "What members took who tried an assistant, and their tests."}
USAGE = component(
    "Usage",
    fields(since=_DAY, total=_TOTAL, days=_ROWS, visitors=_ROWS, origins=_ROWS, models=_ROWS, tried=_TRIED),
)
DAYS = OpenApiParameter(
    "days",
    {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": DEFAULT_DAYS},
    description="How many days, today (UTC) included.",
)
OF_DEPLOYMENT = OpenApiParameter("deployment_id", UUID, description="Of this deployment alone.")
_PRICE: Schema = {"type": "number", "minimum": 0, "description": "US dollars for a million tokens."}
MODEL_PRICE = component(
    "ModelPrice",
    fields(
        id={**or_null(UUID), "description": "Null for the product's own."},
        model={**TEXT, "description": "A name, or the beginning of names with a `*` after it."},
        price_in=_PRICE,
        price_out=_PRICE,
        valid_from=_DAY,
    ),
)
MODEL_PRICES = component(
    "ModelPrices",
    fields(
        prices={
            "type": "array",
            "items": MODEL_PRICE,
            "description": "The workspace's own first, which go before the product's.",
        },
        source={**TEXT, "description": "Where the product's own are from."},
    ),
)
NEW_MODEL_PRICE = body(
    {
        "model": {"type": "string", "maxLength": LONGEST_MODEL},
        "price_in": _PRICE,
        "price_out": _PRICE,
        "valid_from": _DAY,
    },
    required=("model", "price_in", "price_out", "valid_from"),
)
