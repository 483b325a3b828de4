"""The form of a new message template, and of handing one in that is there already.

What WhatsApp takes is its provider's to say; here its words come to stand beside the fields they are about.
"""

from __future__ import annotations

from typing import Any

from django import forms

from channels_app import accounts, template_making
from channels_app.message_templates import as_template
from channels_app.models import Connection, MessageTemplate
from channels_app.models.template import Category
from channels_app.providers.base import Template
from convoship.lib.problems import Problem
from workspaces import refusals

# What each is for, and what it costs beside the others (business.whatsapp.com, pricing).
CATEGORIES: dict[str, str] = {
    Category.UTILITY: "About something they asked for or have going on: an order, an appointment, an answer. "
    "WhatsApp charges little for each one.",
    Category.MARKETING: "Offers, news, and all that they did not ask for. WhatsApp charges the most for each one.",
    Category.AUTHENTICATION: "One-time codes. WhatsApp charges little for each one.",
}
_CHOICES = [(Category.UTILITY.value, "Utility"), (Category.MARKETING.value, "Marketing")]
MOST_BUTTONS = 3
# What is longer than any of WhatsApp's fields is refused before its rules are asked.
_LONGEST = 8_000


class _Category(forms.ChoiceField):
    """What it is for."""

    def __init__(self) -> None:
        super().__init__(
            label="Category",
            choices=_CHOICES,
            help_text="Utility is for what they asked for or have going on, and costs least. Marketing is everything "
            "else. WhatsApp looks at the words and may change it.",
            error_messages={"required": "Choose a category.", "invalid_choice": "Choose Utility or Marketing."},
        )


class TemplateForm(forms.Form):
    """A new one. `samples` has a line for each variable."""

    name = forms.CharField(
        label="Name",
        max_length=_LONGEST,
        help_text="For you and WhatsApp, nobody else sees it. Small letters, digits and _: order_update.",
        error_messages={"required": "Give the template a name."},
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    language = forms.ChoiceField(
        label="Language",
        help_text="The one it is written in.",
        error_messages={"required": "Choose a language.", "invalid_choice": "Choose one of WhatsApp's languages."},
    )
    category = _Category()
    body = forms.CharField(
        label="Text",
        max_length=_LONGEST,
        help_text="At most 1,024 characters. What changes stands as {{1}}, {{2}} and so on, with words before the "
        "first and after the last.",
        error_messages={"required": "Write what is sent."},
        widget=forms.Textarea(attrs={"rows": 5, "data-template-body": ""}),
    )
    samples = forms.CharField(
        label="Samples",
        max_length=_LONGEST,
        required=False,
        help_text="One a line: the first for {{1}}, the second for {{2}}. WhatsApp looks at the text with them; they "
        "are not sent to anybody.",
        widget=forms.Textarea(attrs={"rows": 3, "data-template-samples": ""}),
    )
    button_1 = forms.CharField(label="Button 1", max_length=_LONGEST, required=False)
    button_2 = forms.CharField(label="Button 2", max_length=_LONGEST, required=False)
    button_3 = forms.CharField(label="Button 3", max_length=_LONGEST, required=False)

    def __init__(self, connection: Connection, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        languages = accounts.kind_of(connection).template_languages
        self.fields["language"].choices = list(languages.items())  # type: ignore[attr-defined]
        for at in range(1, MOST_BUTTONS + 1):
            self.fields[f"button_{at}"].widget.attrs = {"data-template-button": "", "maxlength": "20"}

    @property
    def buttons(self) -> list[forms.BoundField]:
        """The fields of the quick replies."""
        return [self[f"button_{at}"] for at in range(1, MOST_BUTTONS + 1)]

    def draft(self) -> Template | None:
        """The template, or None where its fields now say what is wrong. Inside `tenant()`."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        lines = given["samples"].replace("\r", "").strip("\n").split("\n")
        samples = {str(at): line for at, line in enumerate(lines, start=1) if line.strip()}
        try:
            return template_making.draft(
                self.connection,
                {
                    "name": given["name"],
                    "language": given["language"],
                    "category": given["category"],
                    "body": given["body"].replace("\r\n", "\n"),
                    "variables": samples,
                    "buttons": [given[f"button_{at}"] for at in range(1, MOST_BUTTONS + 1)],
                },
            )
        except Problem as problem:
            refusals.put_on(self, problem, {"variables": "samples", "buttons": "button_1"})
        return None

    @classmethod
    def like(cls, row: MessageTemplate) -> dict[str, Any]:
        """What the form of another one like it begins with."""
        names = accounts.kind_of(row.connection).variables_of(as_template(row))
        actions = [str(one.get("title", "")) for one in row.extras.get("actions", []) if isinstance(one, dict)]
        buttons = {f"button_{at}": title for at, title in enumerate(actions[:MOST_BUTTONS], start=1)}
        return {
            "name": f"{row.name}_2",
            "language": row.language,
            "category": row.category,
            "body": row.body,
            "samples": "\n".join(str(row.variables.get(name, "")) for name in names),
            **buttons,
        }


class HandInForm(forms.Form):
    """Under what one that is there is handed in."""

    name = forms.CharField(
        label="Name",
        max_length=_LONGEST,
        help_text="As WhatsApp will know it. Small letters, digits and _.",
        error_messages={"required": "Give the template a name."},
    )
    category = _Category()

    def template(self, row: MessageTemplate) -> Template | None:
        """What is handed in, or None where its fields now say what is wrong. Inside `tenant()`."""
        if not self.is_valid():
            return None
        try:
            return template_making.again(row, self.cleaned_data["name"], self.cleaned_data["category"])
        except Problem as problem:
            refusals.put_on(self, problem)
        return None
