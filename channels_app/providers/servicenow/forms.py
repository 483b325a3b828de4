"""What a connection to ServiceNow is set up with."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms

from channels_app.providers.base import ConfigForm
from channels_app.providers.servicenow.api import HOST, TABLE

INCIDENT, INTERACTION, VIRTUAL_AGENT = "incident", "interaction", "virtual_agent"
MODES = (
    (INCIDENT, "Incidents: agents answer in a record"),
    (INTERACTION, "Interactions: agents answer in an interaction"),
    (VIRTUAL_AGENT, "Virtual Agent: a live agent chats"),
)
ENDS = (("leave", "Leave the record as it is, with a note"), ("resolve", "Resolve the record"))
POLLS = (
    ("no", "No: the business rule tells of what agents do"),
    ("yes", "Yes: no business rule can be installed"),
)
# The other domains that ServiceNow runs instances under.
_OTHER_HOSTS = ("servicenowservices.com",)
HOSTS = (HOST, *_OTHER_HOSTS)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class ServicenowForm(ConfigForm):
    """The instance, how it is spoken with, and what becomes of records."""

    credentials: ClassVar[tuple[str, ...]] = ("username", "password", "client_id", "client_secret", "webhook_secret")
    rarely: ClassVar[frozenset[str]] = frozenset({"api_base_url", "close_code", "table"})
    either: ClassVar[frozenset[str]] = frozenset(
        {"username", "password", "client_id", "client_secret", "webhook_secret"}
    )
    groups: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = (
        ("Access", ("username", "password", "client_id", "client_secret", "webhook_secret", "api_base_url")),
        ("Records", ("table", "assignment_group", "poll", "on_end", "close_code")),
    )

    instance = forms.CharField(
        label="Instance",
        max_length=200,
        help_text=f"Of https://yours.{HOST} it is: yours. The whole address may be pasted.",
        error_messages={"required": "Give the name of your ServiceNow instance."},
    )
    mode = forms.ChoiceField(
        label="Mode",
        choices=MODES,
        initial=INCIDENT,
        required=False,
        help_text="Records work on every instance. Virtual Agent needs Agent Chat and the app Virtual Agent API.",
    )
    username = forms.CharField(
        label="User ID",
        max_length=100,
        required=False,
        help_text="Of a user of its own for Convoship: System Security, Users and Groups, Users, New; with “Web "
        "service access only”, and the role itil (or sn_incident_write). Who else uses it isn't heard here.",
    )
    password = forms.CharField(label="Password", max_length=100, required=False, help_text="Of that user.")
    client_id = forms.CharField(
        label="OAuth application: client ID",
        max_length=100,
        required=False,
        help_text="Instead of a password: System OAuth, Application Registry, New, an endpoint for external clients, "
        "with an OAuth Application User. It needs the system property "
        "glide.oauth.inbound.client.credential.grant_type.enabled set to true.",
    )
    client_secret = forms.CharField(label="OAuth application: client secret", max_length=100, required=False)
    webhook_secret = forms.CharField(
        label="Secret that ServiceNow signs with",
        max_length=100,
        required=False,
        help_text="Make one up, 32 characters or more. The business rule signs with it; the Virtual Agent sends it "
        "along. Without it nothing that ServiceNow sends is taken, so only who looks often can do without.",
    )
    table = forms.CharField(
        label="Another table",
        max_length=80,
        required=False,
        help_text="Such as sn_customerservice_case, instead of the one of the mode. It needs the fields "
        "correlation_id, comments and work_notes, as all tables that extend Task have.",
    )
    assignment_group = forms.CharField(
        label="Assignment group",
        max_length=100,
        required=False,
        help_text="Its name, or its sys_id. Empty: your assignment rules decide.",
    )
    poll = forms.ChoiceField(
        label="Look often",
        choices=POLLS,
        initial="no",
        required=False,
        help_text="Every ten seconds while people write, two requests each, and more seldom where an hourly limit "
        "would not allow it (System Web Services, REST, Rate Limit Rules). Without it, a look comes every few minutes "
        "in case that a call of the business rule was lost.",
    )
    on_end = forms.ChoiceField(
        label="When the conversation ends here",
        choices=ENDS,
        initial="leave",
        required=False,
        help_text="What an agent resolves at ServiceNow ends the conversation in any case. Of another table only a "
        "note is written.",
    )
    close_code = forms.CharField(
        label="Resolution code",
        max_length=100,
        required=False,
        help_text="Most instances want one before an incident may be resolved. Empty: Solution provided.",
    )
    api_base_url = forms.CharField(label="API base URL", max_length=200, required=False)

    def clean_instance(self) -> str:
        """A name without the rest of the address, which may be pasted whole; of another domain the host."""
        typed = str(self.cleaned_data["instance"]).strip().lower()
        host = typed.removeprefix("https://").removeprefix("http://").split("/")[0]
        name = host.removesuffix(f".{HOST}")
        suffix = next((f".{one}" for one in _OTHER_HOSTS if host.endswith(f".{one}")), "")
        if not _NAME.fullmatch(host.removesuffix(suffix) if suffix else name):
            raise forms.ValidationError(f"Of https://yours.{HOST} it is: yours. Letters, digits and hyphens.")
        return host if suffix else name

    def clean_mode(self) -> str:
        """Incidents, unless it is said."""
        return str(self.cleaned_data["mode"] or INCIDENT)

    def clean_poll(self) -> str:
        """The business rule, unless it is said."""
        return str(self.cleaned_data["poll"] or "no")

    def clean_on_end(self) -> str:
        """The record is left, unless it is said."""
        return str(self.cleaned_data["on_end"] or "leave")

    def clean_table(self) -> str:
        """A table's name is part of addresses."""
        table = str(self.cleaned_data["table"]).strip()
        if table and not TABLE.fullmatch(table):
            raise forms.ValidationError("The table's name, not its label: small letters, digits and underscores.")
        return table

    def clean_assignment_group(self) -> str:
        """It is part of a query, where ^ begins another condition."""
        group = str(self.cleaned_data["assignment_group"]).strip()
        if "^" in group or group.lower().startswith("javascript:"):
            raise forms.ValidationError("A group's name can't have ^ in it, and is no script.")
        return group

    def clean_api_base_url(self) -> str:
        """Without the slash at its end; which hosts may be named is `connections`' to say."""
        return str(self.cleaned_data["api_base_url"]).rstrip("/")

    def clean(self) -> dict[str, Any]:
        """A pair of credentials; in Virtual Agent the secret, without which its agents can't be heard."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        has_user = bool(cleaned.get("username") and cleaned.get("password"))
        has_client = bool(cleaned.get("client_id") and cleaned.get("client_secret"))
        if not has_user and not has_client:
            words = "Choose the secrets of a user (its ID and password), or of an OAuth application (ID and secret)."
            pair = ("client_id", "client_secret") if cleaned.get("client_id") else ("username", "password")
            for name in pair:
                if not cleaned.get(name):
                    self.add_error(name, words)
        is_polled = cleaned.get("mode") != VIRTUAL_AGENT and cleaned.get("poll") == "yes"
        if not cleaned.get("webhook_secret") and not is_polled:
            self.add_error("webhook_secret", "What ServiceNow sends is known by this secret: choose one.")
        return cleaned


def table_of(config: Any) -> str:
    """The table that records are made in."""
    return str(config.get("table") or (INTERACTION if config.get("mode") == INTERACTION else INCIDENT))


def is_virtual_agent(config: Any) -> bool:
    """Whether a live agent chats, and there are no records."""
    return bool(config.get("mode") == VIRTUAL_AGENT)
