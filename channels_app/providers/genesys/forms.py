"""What a connection to Genesys Cloud is set up with."""

from __future__ import annotations

import re
from typing import ClassVar
from uuid import UUID

from django import forms

from channels_app.providers.base import ConfigForm
from channels_app.providers.genesys.regions import CHOICES

END, TELL = "end", "tell"
ENDS = (
    (END, "Say so to the agent, and end the interaction"),
    (TELL, "Say so to the agent, who ends the interaction"),
)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Of an id that is written without hyphens.
_DIGITS = 32
# Shorter ones are not taken (`outboundNotificationWebhookSignatureSecretToken`).
SHORTEST_SECRET = 16


class GenesysForm(ConfigForm):
    """The region, the integration and the OAuth client."""

    credentials: ClassVar[tuple[str, ...]] = ("client_id", "client_secret", "webhook_secret")
    rarely: ClassVar[frozenset[str]] = frozenset({"api_base_url"})
    groups: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = (
        ("Access", ("client_id", "client_secret", "webhook_secret", "api_base_url")),
        ("Interactions", ("on_end",)),
    )

    region = forms.ChoiceField(
        label="Region",
        # Nobody's region is taken for granted: the client would be refused in another.
        choices=(("", "Choose the region"), *CHOICES),
        help_text="The end of the address at which you sign in: of https://apps.mypurecloud.de it is mypurecloud.de.",
        error_messages={"required": "Choose the region of your Genesys Cloud organization."},
    )
    integration_id = forms.CharField(
        label="Integration ID",
        max_length=300,
        help_text="Of an Open Messaging integration: Admin, Message, Platforms, the integration; the ID stands in the "
        "address of its page, which may be pasted whole.",
        error_messages={"required": "Give the ID of the Open Messaging integration."},
    )
    client_id = forms.CharField(
        label="OAuth client: ID",
        max_length=100,
        help_text="Admin, Integrations, OAuth, Add client, Client Credentials Grant. Its role needs Conversation > "
        "Message > Receive and View, Conversation > Communication > View and Disconnect, Messaging > Integration > "
        "View and Edit.",
        error_messages={"required": "Choose the secret that holds the OAuth client's ID."},
    )
    client_secret = forms.CharField(
        label="OAuth client: secret",
        max_length=100,
        help_text="The Client Secret on the OAuth client's page.",
        error_messages={"required": "Choose the secret that holds the OAuth client's secret."},
    )
    webhook_secret = forms.CharField(
        label="Webhook's signature secret",
        max_length=100,
        required=False,
        help_text="“Set the addresses at Genesys” makes it. By hand: any 16 characters or more, the same as the "
        "integration's Outbound Notification Webhook Signature Secret Token. Without it nothing that Genesys sends is "
        "taken.",
    )
    on_end = forms.ChoiceField(
        label="When the conversation ends here",
        choices=ENDS,
        initial=END,
        required=False,
        help_text="What still waits in a queue leaves it when it is ended; else an agent is given it. Ending needs "
        "Conversation > Communication > Disconnect.",
    )
    api_base_url = forms.CharField(label="API base URL", max_length=200, required=False)

    def clean_integration_id(self) -> str:
        """A UUID, as Genesys has them, or the address of a page that has one in it."""
        given = str(self.cleaned_data["integration_id"]).strip().lower()
        found = [given] if len(given) == _DIGITS else list(dict.fromkeys(_ID.findall(given)))
        try:
            return str(UUID(found[0] if len(found) == 1 else ""))
        except ValueError:
            words = "It is a UUID, such as c6b0e62f-8487-44fd-a218-c16e006a7a23."
            raise forms.ValidationError(words) from None

    def clean_on_end(self) -> str:
        """It is ended, unless something else is said."""
        return str(self.cleaned_data["on_end"] or END)

    def clean_api_base_url(self) -> str:
        """Without the slash at its end; which hosts may be named is `connections`' to say."""
        return str(self.cleaned_data["api_base_url"]).rstrip("/")
