"""Allowed origins as rows of a form: each with what is wrong with it, what to take instead, and what it lets in.

Without JavaScript the rows are added, taken out and corrected by buttons that send the form; with it, in the page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.http import HttpRequest, QueryDict

from deployments import origin_answers
from deployments.deploying import MAX_ORIGINS
from deployments.origin_answers import OriginAnswer

FIELD = "allowed_origins"
# Wildcards that somebody has said yes to, by their origin.
CONFIRMED = "confirmed"


@dataclass(frozen=True)
class Row:
    """One origin as it was typed, with what is to be said of it, and whether a wildcard still wants a yes.

    `is_missed`: it was sent without one.
    """

    number: int
    typed: str = ""
    answer: OriginAnswer | None = None
    asks: bool = False
    is_confirmed: bool = False
    is_missed: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether it can't be saved as it is."""
        return self.answer is not None and (not self.answer.is_good or (self.asks and not self.is_confirmed))


def lines_of(data: Any, name: str = FIELD) -> list[str]:
    """What was typed, one origin each: a row that holds several lines is several."""
    values = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
    return [line for value in values for line in (value.splitlines() or [""])]


class OriginsWidget(forms.Widget):
    """Reads the rows; `deployments/origin_rows.html` draws them."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[str]:
        """The lines."""
        return lines_of(data, name)


class OriginsField(forms.Field):
    """Origins, without the rows that were left empty."""

    widget = OriginsWidget

    def to_python(self, value: list[str] | None) -> list[str]:
        """The lines that say something."""
        return [line.strip() for line in value or [] if line.strip()]


class OriginRowsForm(forms.Form):
    """A form with rows of allowed origins. `known`: those that are allowed already, wildcards among them."""

    allowed_origins = OriginsField(
        error_messages={"required": "Name at least one origin, for example https://www.example.com."}
    )

    def __init__(self, *args: Any, known: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = frozenset(known)
        self.confirmed: frozenset[str] = frozenset()
        if self.is_bound:
            self.confirmed = _confirmed(self.data)

    @classmethod
    def typed(cls, data: QueryDict, **more: Any) -> Self:
        """The form with what was typed so far and no complaint about what is still missing."""
        form = cls(**more)
        form.initial = {
            name: field.widget.value_from_datadict(data, {}, form.add_prefix(name))
            for name, field in form.fields.items()
        }
        form.confirmed = _confirmed(data)
        return form

    @property
    def is_begun(self) -> bool:
        """Whether somebody has typed in it."""
        return self.is_bound or bool(self.initial)

    @property
    def rows(self) -> list[Row]:
        """The rows, and an empty one where there is none."""
        lines = lines_of(self.data, self.add_prefix(FIELD)) if self.is_bound else list(self.initial.get(FIELD, ()))
        was_sent = self.is_bound and FIELD in self.errors
        return [self._row(number, line, was_sent=was_sent) for number, line in enumerate(lines or [""])]

    @property
    def blank(self) -> Row:
        """A row to be added."""
        return Row(0)

    @property
    def most_rows(self) -> int:
        """How many there may be."""
        return MAX_ORIGINS

    def _row(self, number: int, line: str, *, was_sent: bool = False) -> Row:
        typed = line.strip()
        if not typed or typed in self.known:
            return Row(number, typed)
        answer = origin_answers.of_typed(typed)
        asks, is_confirmed = bool(answer.wildcard), answer.origin in self.confirmed
        return Row(number, typed, answer, asks, is_confirmed, is_missed=was_sent and asks and not is_confirmed)

    def clean_allowed_origins(self) -> list[str]:
        """Each row's origin, once all are in normal form and every wildcard is meant."""
        typed: list[str] = self.cleaned_data[FIELD]
        rows = [self._row(number, line) for number, line in enumerate(typed)]
        refused = [row for row in rows if row.answer and not row.answer.is_good]
        unsure = [row.answer.origin for row in rows if row.answer and row.answer.is_good and row.is_wrong]
        errors = []
        if refused:
            count = len(refused)
            errors.append(
                "One of these can't be used as it is." if count == 1 else f"{count} of these can't be used as they are."
            )
        # The question stands at its row; here, beneath all of them, is which one it is.
        errors += [f"{origin} still wants your yes, in its row." for origin in unsure]
        if errors:
            raise forms.ValidationError(errors)
        return list(dict.fromkeys(typed))


def _confirmed(data: Any) -> frozenset[str]:
    return frozenset(data.getlist(CONFIRMED)) if hasattr(data, "getlist") else frozenset()


def wants_rows(request: HttpRequest) -> bool:
    """Whether a button of the rows was pressed: *Use this*, *Add an origin*, or the one that takes one out."""
    return "use" in request.POST or "row" in request.POST


def with_rows(data: QueryDict) -> QueryDict:
    """What was sent, after the button of the rows that was pressed."""
    lines = lines_of(data)
    chosen, asked = data.get("use", ""), data.get("row", "")
    for number, line in enumerate(lines):
        if chosen in {"all", str(number)}:
            lines[number] = origin_answers.of_typed(line.strip()).suggestion or line.strip()
    if asked == "add" and len(lines) < MAX_ORIGINS:
        lines.append("")
    lines = [line for number, line in enumerate(lines) if asked != f"remove-{number}"]
    copy = data.copy()
    copy.setlist(FIELD, lines)
    return copy
