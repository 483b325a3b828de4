"""What a connection to Zendesk is set up with."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms

from channels_app.providers.base import ConfigForm

MODES = (("tickets", "Tickets: agents answer in a ticket"), ("messaging", "Messaging: customers write in Zendesk"))
ENDS = (("leave", "Leave the ticket as it is, with a note"), ("solve", "Set the ticket to solved"))
# developer.zendesk.com/api-reference/introduction/security-and-auth, read on 2026-11-22.
TOKENS_END = (
    "Zendesk ends API tokens on 30 April 2027, and none can be made since 27 October 2026: use an OAuth client."
)
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TAG = re.compile(r"[\w:./-]{1,60}")


class ZendeskForm(ConfigForm):
    """The account, how it is spoken with, and what becomes of tickets."""

    credentials: ClassVar[tuple[str, ...]] = ("client_id", "client_secret", "webhook_secret", "email", "api_token")
    rarely: ClassVar[frozenset[str]] = frozenset({"email", "api_token", "api_base_url", "app_id", "integration_id"})
    either: ClassVar[frozenset[str]] = frozenset({"client_id", "client_secret"})
    groups: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = (
        ("Tickets", ("group_id", "tags", "priority", "on_end")),
        ("Messaging", ("app_id", "integration_id")),
        ("Access", ("client_id", "client_secret", "webhook_secret", "email", "api_token", "api_base_url")),
    )

    subdomain = forms.CharField(
        label="Subdomain",
        max_length=200,
        help_text="Of https://yours.zendesk.com it is: yours.",
        error_messages={"required": "Give the subdomain of your Zendesk account."},
    )
    mode = forms.ChoiceField(
        label="Mode",
        choices=MODES,
        initial="tickets",
        required=False,
        help_text="Tickets work on every plan, for visitors of every channel. Messaging needs Suite Professional, and "
        "two IDs of it: under More settings.",
    )
    client_id = forms.CharField(
        label="OAuth client: identifier",
        max_length=100,
        required=False,
        help_text="Admin Center, Apps and integrations, APIs, OAuth clients: a confidential client. In messaging it is "
        "the key's ID: Apps and integrations, APIs, Conversations API.",
    )
    client_secret = forms.CharField(
        label="OAuth client: secret",
        max_length=100,
        required=False,
        help_text="Zendesk shows it once. In messaging it is the key's secret.",
    )
    webhook_secret = forms.CharField(
        label="Webhook's signing secret",
        max_length=100,
        required=False,
        help_text="“Set the addresses at Zendesk” fetches it. By hand: Admin Center, Apps and integrations, Webhooks, "
        "the webhook, Reveal secret. Without it nothing that Zendesk sends is taken.",
    )
    email = forms.CharField(
        label="E-mail of an agent (API token)",
        max_length=100,
        required=False,
        help_text="Instead of an OAuth client, as long as it lasts.",
    )
    api_token = forms.CharField(label="API token", max_length=100, required=False, help_text=TOKENS_END)
    group_id = forms.IntegerField(
        label="Group",
        required=False,
        min_value=1,
        help_text="The number of the group that tickets go to. Empty: your triggers decide.",
    )
    tags = forms.CharField(
        label="Tags",
        max_length=500,
        required=False,
        help_text="With commas between. “convoship” is always one: the trigger knows our tickets by it.",
    )
    priority = forms.ChoiceField(
        label="Priority",
        choices=[("", "As Zendesk sets it"), *((one, one.capitalize()) for one in ("low", "normal", "high", "urgent"))],
        required=False,
    )
    on_end = forms.ChoiceField(
        label="When the conversation ends here",
        choices=ENDS,
        initial="leave",
        required=False,
        help_text="What an agent solves at Zendesk ends the conversation in any case.",
    )
    app_id = forms.CharField(
        label="App ID",
        max_length=60,
        required=False,
        help_text="Of messaging only: Admin Center, Apps and integrations, APIs, Conversations API.",
    )
    integration_id = forms.CharField(
        label="Integration ID",
        max_length=60,
        required=False,
        help_text="Of messaging only: Admin Center, Apps and integrations, Conversations integrations, the one of "
        "yours. Nothing is answered unless the switchboard gives it control.",
    )
    api_base_url = forms.CharField(
        label="API base URL",
        max_length=200,
        required=False,
        help_text="Only where Zendesk gave you another address than the subdomain's.",
    )

    def clean_subdomain(self) -> str:
        """A name without the rest of the address, which may be pasted whole."""
        typed = str(self.cleaned_data["subdomain"]).strip().lower()
        name = typed.removeprefix("https://").split("/")[0].removesuffix(".zendesk.com")
        if not _SUBDOMAIN.fullmatch(name):
            raise forms.ValidationError("Of https://yours.zendesk.com it is: yours. Letters, digits and hyphens.")
        return name

    def clean_mode(self) -> str:
        """Tickets, unless it is said."""
        return str(self.cleaned_data["mode"] or "tickets")

    def clean_on_end(self) -> str:
        """The ticket is left, unless it is said."""
        return str(self.cleaned_data["on_end"] or "leave")

    def clean_tags(self) -> str:
        """Zendesk's tags have no blanks."""
        tags = [one.strip() for one in str(self.cleaned_data["tags"]).split(",") if one.strip()]
        wrong = next((one for one in tags if not _TAG.fullmatch(one)), None)
        if wrong is not None:
            raise forms.ValidationError(
                f"“{wrong[:60]}” can't be a tag: no blanks, and only letters, digits and _-./:."
            )
        return ", ".join(dict.fromkeys(tags))

    def clean_api_base_url(self) -> str:
        """Without the slash at its end; which hosts may be named is `connections`' to say."""
        return str(self.cleaned_data["api_base_url"]).rstrip("/")

    def clean(self) -> dict[str, Any]:
        """A pair of credentials, and in messaging the app."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        has_client = bool(cleaned.get("client_id") and cleaned.get("client_secret"))
        has_token = bool(cleaned.get("email") and cleaned.get("api_token"))
        is_messaging = cleaned.get("mode") == "messaging"
        if not has_client and (is_messaging or not has_token):
            for name in ("client_id", "client_secret"):
                if not cleaned.get(name):
                    self.add_error(name, "Choose the secrets of an OAuth client: its identifier and its secret.")
        for field, called in (("app_id", "app's"), ("integration_id", "integration's")):
            if is_messaging and not cleaned.get(field) and field not in self.errors:
                self.add_error(field, f"Messaging needs the {called} ID.")
        return cleaned
