"""The form of a connection, new or not: its name, who answers, what its kind asks for, and where credentials are.

What is right and what isn't is the act's to say (`channels_app.connections`), for every door alike; here its words come
to stand beside the fields they are about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from django.forms import BoundField
from django.forms.utils import ErrorDict
from django.http import QueryDict

from channels_app import config_paths
from channels_app.connections import LONGEST_NAME, MADE_UP
from channels_app.models import Connection
from channels_app.providers.base import Provider
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments.models import Assistant
from workspaces import refusals, secret_store
from workspaces.models import Secret

# Of a value that was typed into a form that was refused.
TYPED_AGAIN = "Paste it again: what you typed is not kept, and not shown back."
# Of a credential, where there is no secret to choose.
NONE_TO_CHOOSE = "There is no secret to choose yet: write a new one, here or under Workspace, Secrets."


@dataclass(frozen=True)
class ToMend:
    """One thing that is wrong: the id of its field, what that is called, and what is wrong with it."""

    field_id: str
    label: str
    words: str


class AboutForm(forms.Form):
    """What every connection has."""

    name = forms.CharField(max_length=LONGEST_NAME, error_messages={"required": "Give the connection a name."})
    assistant = forms.ChoiceField(
        error_messages={
            "required": "Choose the assistant that answers.",
            "invalid_choice": "Choose one of your published assistants.",
        }
    )


@dataclass(frozen=True)
class ConfigField:
    """A field of the kind's own."""

    bound: BoundField

    @property
    def is_choice_of_many(self) -> bool:
        """Whether it is shown as boxes to check."""
        return isinstance(self.bound.field.widget, forms.CheckboxSelectMultiple)

    @property
    def first_id(self) -> str:
        """The id of what is filled in, or of the first of its boxes."""
        return f"{self.bound.auto_id}_0" if self.is_choice_of_many else self.bound.auto_id

    @property
    def is_optional(self) -> bool:
        """Whether it may stay empty. A box to check may always, and a list to choose from always has a choice."""
        field = self.bound.field
        if self.bound.name in getattr(self.bound.form, "either", ()) or isinstance(field.widget, forms.CheckboxInput):
            return False
        return not field.required and not (isinstance(field.widget, forms.Select) and field.initial)

    @property
    def says_something(self) -> bool:
        """Whether its value is another than the one that it has by itself."""
        return self.bound.value() not in (None, "", False, [], self.bound.field.initial)


@dataclass(frozen=True)
class FieldGroup:
    """Fields that belong together; those of no group stand first, without a heading."""

    heading: str
    fields: list[ConfigField]


@dataclass
class Credential:
    """A credential: the key of a secret that there is, or a new secret, written right here. No value is ever shown."""

    name: str
    label: str
    hint: str
    is_required: bool
    keys: list[str]
    chosen: str = ""
    new_key: str = ""
    errors: list[str] = field(default_factory=list)
    key_errors: list[str] = field(default_factory=list)
    value_errors: list[str] = field(default_factory=list)

    @property
    def options(self) -> list[tuple[str, str]]:
        """Keys, and what they are called; one that has no secret any more says so."""
        missing = [(self.chosen, f"{self.chosen} (missing)")] if self.chosen and self.chosen not in self.keys else []
        return [*missing, *((key, key) for key in self.keys)]

    @property
    def is_new(self) -> bool:
        """Whether the part for a new secret stands open."""
        return bool(self.key_errors or self.value_errors or not self.keys)

    @property
    def all_errors(self) -> bool:
        """Whether anything is wrong with it."""
        return bool(self.errors or self.key_errors or self.value_errors)


class ConnectionForm:
    """The three parts of the form, and what was typed in them."""

    def __init__(self, provider: type[Provider], data: QueryDict | None = None, of: Connection | None = None) -> None:
        self.provider, self.data = provider, data
        self.is_new = of is None
        initial = {"name": of.name, "assistant": str(of.assistant_id or "")} if of else {"name": provider.label}
        self.about = AboutForm(data, initial=initial)
        published = Assistant.objects.exclude(published=None).order_by("name", "created_at")
        choices = [(str(one.id), one.name) for one in published]
        first = [("", "Choose an assistant")] if len(choices) != 1 or not self.is_new else []
        self.about.fields["assistant"].choices = [*first, *choices]  # type: ignore[attr-defined]
        self.has_published = bool(choices)
        self.unpublished = list(Assistant.objects.filter(published=None).order_by("name", "created_at"))
        self.config = self._config_form(of)
        self.credentials = self._credentials(of)
        self.wrong: list[str] = []

    def _config_form(self, of: Connection | None) -> forms.Form:
        form = self.provider.config_form(
            self.data, prefix="config", initial=config_paths.flat(of.config) if of else None
        )
        for name in self.provider.config_form.credentials:
            del form.fields[name]
        for one in form.fields.values():
            if isinstance(one, forms.MultipleChoiceField):
                one.widget = forms.CheckboxSelectMultiple(choices=one.choices)  # type: ignore[arg-type]
        # What is wrong with it comes from the act, which asks the same form.
        form._errors = ErrorDict()  # type: ignore[attr-defined]
        form.cleaned_data = {}
        return form

    def _credentials(self, of: Connection | None) -> list[Credential]:
        names = self.provider.config_form.credentials
        if not names:
            return []
        keys = list(Secret.objects.order_by("key").values_list("key", flat=True))
        # Those of rehearsals open nothing but the rehearsal that they were made up for.
        made_up = {key for row in Connection.objects.filter(is_rehearsal=True) for key in row.credentials.values()}
        made_up -= set(of.credentials.values()) if of else set()
        offered = [key for key in keys if not (key in made_up and key.startswith(MADE_UP))]
        declared, either = self.provider.config_form().fields, self.provider.config_form.either
        found = []
        for name in names:
            label, hint = str(declared[name].label or name.replace("_", " ").capitalize()), declared[name].help_text
            one = Credential(name, label, str(hint), declared[name].required or name in either, offered)
            one.chosen = of.credentials.get(name, "") if of else ""
            one.new_key = _free_key(f"{self.provider.kind}_{name}", keys)
            if self.data is not None:
                one.chosen = self.data.get(f"credential-{name}", "")[:64]
                one.new_key = self.data.get(f"new_key-{name}", "").strip()[:200]
            found.append(one)
        return found

    @property
    def config_groups(self) -> list[FieldGroup]:
        """The kind's fields that everybody fills in, in its order."""
        rarely = self.provider.config_form.rarely
        return self._groups_of([name for name in self.config.fields if name not in rarely])

    @property
    def rare_groups(self) -> list[FieldGroup]:
        """The kind's fields that few need."""
        rarely = self.provider.config_form.rarely
        return self._groups_of([name for name in self.config.fields if name in rarely])

    def _groups_of(self, names: list[str]) -> list[FieldGroup]:
        declared = self.provider.config_form.groups
        grouped = {name for _, members in declared for name in members}
        ungrouped = [name for name in names if name not in grouped]
        ordered = [
            ("", ungrouped),
            *((heading, [name for name in members if name in names]) for heading, members in declared),
        ]
        return [
            FieldGroup(heading, [ConfigField(self.config[name]) for name in members])
            for heading, members in ordered
            if members
        ]

    @property
    def usual_credentials(self) -> list[Credential]:
        """The credentials that everybody gives."""
        return [one for one in self.credentials if one.name not in self.provider.config_form.rarely]

    @property
    def rare_credentials(self) -> list[Credential]:
        """The credentials that few need."""
        return [one for one in self.credentials if one.name in self.provider.config_form.rarely]

    @property
    def shows_rare(self) -> bool:
        """Whether what few need stands open: something is said there, or wrong."""
        fields = any(one.bound.errors or one.says_something for group in self.rare_groups for one in group.fields)
        return fields or any(one.all_errors or one.chosen for one in self.rare_credentials)

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong."""
        about = self.data is not None and bool(self.about.errors)
        return bool(about or self.wrong or self.config.errors or any(one.all_errors for one in self.credentials))

    @property
    def to_mend(self) -> list[ToMend]:
        """All that is wrong with fields, in the order in which they stand on the page."""
        if self.data is None:
            return []
        about = [ConfigField(self.about[name]) for name in self.about.fields]
        usual = [one for group in self.config_groups for one in group.fields]
        rare = [one for group in self.rare_groups for one in group.fields]
        return [
            *_of_fields([*about, *usual]),
            *(found for one in self.usual_credentials for found in _of_credential(one)),
            *_of_fields(rare),
            *(found for one in self.rare_credentials for found in _of_credential(one)),
        ]

    # --- What was typed -----------------------------------------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """Name, assistant, config and credentials as the acts take them."""
        assert self.data is not None  # noqa: S101 (a form that was sent)
        self.about.full_clean()
        typed = self.about.cleaned_data
        config: dict[str, Any] = {}
        for name, declared in self.config.fields.items():
            given = declared.widget.value_from_datadict(self.data, {}, self.config.add_prefix(name))
            config[name] = given if given is not None else ""
        return {
            "name": typed.get("name", "-"),
            "assistant_id": UUID(typed["assistant"]) if typed.get("assistant") else None,
            "config": config,
            "credentials": {one.name: one.chosen for one in self.credentials if one.chosen},
        }

    def write_secrets(self, actor: Actor) -> None:
        """Write the secrets that were typed, each under a key that was free; each is then the one that is chosen.

        Belongs into the transaction of the act that the form is for: where that is refused, none of them is kept
        (`take_back_secrets`), or each attempt would leave one behind.
        """
        assert self.data is not None  # noqa: S101 (a form that was sent)
        for one in self.credentials:
            value = self._typed_value(one)
            if not value:
                continue
            if Secret.objects.filter(key=one.new_key.replace("\x00", "")).exists():
                one.key_errors = ["There is a secret by this key. Choose it above, or give this one another key."]
                continue
            try:
                with transaction.atomic():
                    secret_store.make(actor, one.new_key, value)
            except Problem as problem:
                one.key_errors = problem.errors.get("key", [])
                one.value_errors = problem.errors.get("value", [])
            else:
                one.chosen = one.new_key

    def take_back_secrets(self) -> None:
        """After the form was refused: what was chosen before is chosen, and what was typed has to be typed again."""
        assert self.data is not None  # noqa: S101 (a form that was sent)
        for one in self.credentials:
            if self._typed_value(one):
                one.chosen = self.data.get(f"credential-{one.name}", "")[:64]
                one.value_errors = one.value_errors or [TYPED_AGAIN]

    def _typed_value(self, one: Credential) -> str:
        value = self.data.get(f"new_value-{one.name}", "") if self.data is not None else ""
        return value if value.strip() else ""

    def put(self, problem: Problem) -> None:
        """Put what an act refused beside the fields that it is about."""
        for path, said in problem.errors.items():
            for message in said:
                self._put(path, message)
        if not problem.errors:
            self.wrong.append(refusals.words_of(problem))

    def _put(self, path: str, message: str) -> None:
        group, _, name = path.partition(".")
        about = {"name": "name", "assistant_id": "assistant"}.get(group)
        credential = next((one for one in self.credentials if group == "credentials" and one.name == name), None)
        if about:
            # What is missing is said already, in this form's words.
            if about not in self.about.errors:
                self.about.add_error(about, message)
        elif group == "config" and config_paths.field(name) in self.config.fields:
            self.config.add_error(config_paths.field(name), message)
        elif credential:
            if not credential.all_errors:
                credential.errors.append(message if credential.keys or credential.chosen else NONE_TO_CHOOSE)
        else:
            self.wrong.append(message)


def _of_fields(fields: list[ConfigField]) -> Iterator[ToMend]:
    for one in fields:
        for words in one.bound.errors:
            yield ToMend(one.first_id, str(one.bound.label), str(words))


def _of_credential(one: Credential) -> Iterator[ToMend]:
    """Its errors; those of a new secret name what it is for."""
    for words in one.errors:
        yield ToMend(f"credential-{one.name}", one.label, words)
    for words in one.key_errors:
        yield ToMend(f"new_key-{one.name}", f"{one.label}, key", words)
    for words in one.value_errors:
        yield ToMend(f"new_value-{one.name}", f"{one.label}, value", words)


def _free_key(wanted: str, keys: list[str]) -> str:
    return next(key for key in _numbered(wanted) if key not in keys)


def _numbered(wanted: str) -> Iterator[str]:
    yield wanted
    number = 2
    while True:
        yield f"{wanted}_{number}"
        number += 1
