"""Connections: made, changed, paused, enabled, rotated, tested, deleted."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from channels_app import accounts, bell, config_paths, health, inbound_media, releasing, template_sync
from channels_app.models import Call, Connection, ConnectionSecret, Delivery
from channels_app.models.call import CallState
from channels_app.models.connection import ConnectionState, SecretKind
from channels_app.providers.base import ConfigForm, Finding, Health, Provider, ProviderError
from channels_app.providers.registry import PROVIDERS
from channels_app.voice import audio
from channels_app.voice.media import engines_of
from convoship.lib import crypto, standard_webhooks
from convoship.lib.actors import Actor
from convoship.lib.plain_errors import shown
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.tenancy import entered_workspace_id
from deployments.models import Assistant
from workspaces import audit, secret_hosts, secret_store
from workspaces.members import user_of
from workspaces.models import Secret
from workspaces.permissions import Role
from workspaces.secret_hosts import Pointing
from workspaces.secret_store import Use

MAX_OVERLAP_SECONDS = 30 * 24 * 3600
LONGEST_NAME = 100
LONGEST_FINDING = 500
# What the keys of secrets begin with that were made up for a rehearsal.
MADE_UP = "rehearsal_"


@dataclass(frozen=True)
class NewConnection:
    """A connection with the values of its own secrets, by their name: shown this once."""

    connection: Connection
    secrets: Mapping[str, str]


@dataclass(frozen=True)
class NewSecret:
    """A secret with its value, which is shown this once."""

    row: ConnectionSecret
    value: str


@dataclass(frozen=True)
class AsTested:
    """A connection as a test of it finds it: its settings, when the secrets were written that they name, and when.

    `config` and `credentials` are the connection's; `written` has the moment of each secret that there is, by its key.
    """

    connection_id: UUID
    config: Mapping[str, Any]
    credentials: Mapping[str, str]
    written: Mapping[str, dt.datetime]
    began_at: dt.datetime


def create(
    actor: Actor,
    *,
    kind: str,
    name: str,
    assistant_id: UUID | None,
    config: Mapping[str, Any],
    credentials: Mapping[str, str],
    is_rehearsal: bool = False,
) -> NewConnection:
    """A new connection with its own secrets; 422 with a message per field."""
    provider = PROVIDERS.get(kind)
    if provider is None:
        raise invalid({"kind": [f"There is no kind {kind!r}. Known kinds: {', '.join(PROVIDERS)}."]})
    errors: dict[str, list[str]] = {}
    if not name.strip():
        errors["name"] = ["Give the connection a name."]
    assistant = _assistant(assistant_id, errors)
    cleaned, keys = _checked(provider, config, credentials, errors)
    if not is_rehearsal:
        _check_is_free(provider, cleaned, errors)
    if errors:
        raise invalid(errors)
    if any(_hosts(cleaned)[1:]):
        _may_move_secrets(actor)
    secret_hosts.point(actor, _pointings(cleaned, keys), {})
    connection = Connection.objects.create(
        kind=kind,
        name=name.strip()[:LONGEST_NAME],
        assistant=assistant,
        config=cleaned,
        credentials=keys,
        is_rehearsal=is_rehearsal,
        created_by=user_of(actor),
    )
    template_sync.begin(connection)
    values = {which: _new_secret(connection, which).value for which in provider.own_secrets}
    audit.record(actor, "connection.created", connection, kind=kind)
    return NewConnection(connection, values)


def _assistant(assistant_id: UUID | None, errors: dict[str, list[str]]) -> Assistant | None:
    assistant = Assistant.objects.filter(id=assistant_id).first() if assistant_id else None
    if assistant is None:
        errors["assistant_id"] = ["Choose one of the workspace's assistants."]
    elif assistant.published_id is None:
        errors["assistant_id"] = [
            f"{assistant.name} has not been published yet, so nothing can answer. Publish it first."
        ]
    return assistant


def _checked(
    provider: type[Provider], config: Mapping[str, Any], credentials: Mapping[str, str], errors: dict[str, list[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Config and credentials as the provider's form takes them; what is wrong is added to `errors` by path."""
    config = config_paths.flat(config)
    form = bound_form(provider, config, credentials)
    secret_fields = provider.config_form.credentials
    for group, given, known in (
        ("config", config, [name for name in form.fields if name not in secret_fields]),
        ("credentials", credentials, list(secret_fields)),
    ):
        for key in given:
            if key not in known:
                has = ", ".join(config_paths.path(one) for one in known) or "none"
                said = f"{provider.label} has no such field. It has: {has}."
                errors[f"{group}.{config_paths.path(str(key))[:60]}"] = [said]
    if not form.is_valid():
        for field, messages in form.errors.items():
            group = "credentials" if field in secret_fields else "config"
            errors[group if field == "__all__" else f"{group}.{config_paths.path(field)}"] = [
                str(message) for message in messages
            ]
        # All that is wrong is said at once.
        _check_base_url(provider, form.cleaned_data, errors)
        return {}, {}
    cleaned = {
        name: value
        for name, value in form.cleaned_data.items()
        if name not in secret_fields and value not in ("", None)
    }
    keys = {name: form.cleaned_data[name] for name in secret_fields if form.cleaned_data[name]}
    for field, key in keys.items():
        if not Secret.objects.filter(key=key).exists():
            # Not repeated: what stands where a key belongs may be the secret itself.
            words = (
                "There is no secret by this key. Give the key of one, not its value; write it under Workspace, Secrets."
            )
            errors[f"credentials.{field}"] = [words]
    _check_base_url(provider, cleaned, errors)
    return config_paths.nested(cleaned), keys


def bound_form(provider: type[Provider], config: Mapping[str, Any], credentials: Mapping[str, str]) -> ConfigForm:
    """The provider's form with these values, whichever door they came through."""
    data = QueryDict(mutable=True)
    for name, value in {**config, **credentials}.items():
        if isinstance(value, bool):
            if value:
                data[name] = "on"
        elif isinstance(value, list | tuple):
            data.setlist(name, [str(item) for item in value])
        elif value is not None:
            data[name] = str(value)
    return provider.config_form(data)


def _check_base_url(provider: type[Provider], config: Mapping[str, Any], errors: dict[str, list[str]]) -> None:
    """Credentials go to the kind's own hosts alone (CONTRACT section 7, `api_base_url`)."""
    url = config.get("api_base_url")
    if not url or settings.OUTBOUND_ALLOW_PRIVATE:
        return
    parts = urlsplit(str(url))
    host = parts.hostname or ""
    if (
        parts.scheme == "https"
        and not parts.username
        and any(host == suffix or host.endswith(f".{suffix}") for suffix in provider.hosts)
    ):
        return
    known = " or ".join(f"https://{suffix}" for suffix in provider.hosts)
    below = "(or below it)" if len(provider.hosts) == 1 else "(or below one of them)"
    errors["config.api_base_url"] = [f"Credentials of {provider.label} go to {known} {below} only."]


def _ways_in(provider: type[Provider], config: Mapping[str, Any]) -> dict[str, Any]:
    return {field: config[field] for field in provider.reached_by if config.get(field)}


def _check_is_free(provider: type[Provider], config: Mapping[str, Any], errors: dict[str, list[str]]) -> None:
    """Two connections of a number would take it from each other, and only one of them would hear of anything."""
    ways = _ways_in(provider, config)
    _hold_ways(provider, ways)
    for field, value in ways.items():
        same = {"kind": provider.kind, "is_rehearsal": False, f"config__{field}": value}
        other = Connection.objects.filter(**same).order_by("created_at").first()
        if other is not None:
            words = f"The connection “{other.name}” has it already, and a number leads to one connection only."
            errors[f"config.{field}"] = [f"{words} Change that one, or delete it first."]


def _hold_ways(provider: type[Provider], ways: Mapping[str, Any]) -> None:
    """Until the transaction ends, nobody else of the workspace finds out whether these are free."""
    begins = b"way in" + entered_workspace_id().bytes + provider.kind.encode()
    digests = [hashlib.sha256(begins + f"{field}={value}".encode()).digest() for field, value in ways.items()]
    with database.cursor() as cursor:
        for key in sorted(int.from_bytes(digest[:8], "big", signed=True) for digest in digests):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def held(connection_id: UUID) -> Connection:
    """The connection, held until the transaction ends; 404 where this workspace has none by that id."""
    try:
        return Connection.objects.select_for_update(no_key=True).get(id=connection_id)
    except Connection.DoesNotExist:
        raise not_found() from None


def change(actor: Actor, connection: Connection, changes: Mapping[str, Any]) -> Connection:
    """Change a held connection: `name`, `assistant_id`, `config` and `credentials` (each as a whole)."""
    provider = accounts.kind_of(connection)
    errors: dict[str, list[str]] = {}
    before, keys_before = dict(connection.config), dict(connection.credentials)
    if "name" in changes:
        if not changes["name"].strip():
            errors["name"] = ["Give the connection a name."]
        connection.name = changes["name"].strip()[:LONGEST_NAME]
    if "assistant_id" in changes:
        connection.assistant = _assistant(changes["assistant_id"], errors)
    if "config" in changes or "credentials" in changes:
        config = changes.get("config", connection.config)
        credentials = changes.get("credentials", connection.credentials)
        connection.config, connection.credentials = _checked(provider, config, credentials, errors)
        if not connection.is_rehearsal and _ways_in(provider, before) != _ways_in(provider, connection.config):
            _check_is_free(provider, connection.config, errors)
    if errors:
        raise invalid(errors)
    if provider.config_form.credentials and _hosts(before) != _hosts(connection.config):
        _may_move_secrets(actor)
    if _pointings(before, keys_before) != (pointings := _pointings(connection.config, connection.credentials)):
        secret_hosts.point(actor, pointings, {})
    connection.save(update_fields=["name", "assistant", "config", "credentials"])
    if (before, keys_before) != (connection.config, connection.credentials):
        _forget_test(connection)
    if provider.account_of(before) != provider.account_of(connection.config):
        template_sync.on_account_changed(connection)
    audit.record(actor, "connection.changed", connection, changed=sorted(changes))
    releasing.go_on(connection)
    return connection


def _hosts(config: Mapping[str, Any]) -> list[Any]:
    """Where credentials go that config may lead elsewhere."""
    names = ("api_base_url", "speech__stt__base_url", "speech__tts__base_url")
    return [config_paths.flat(config).get(name) for name in names]


def _pointings(config: Mapping[str, Any], credentials: Mapping[str, str]) -> list[Pointing]:
    """Which secrets are sent to addresses that somebody chose (`api_base_url` has to be one of the kind's own)."""
    addressed = [(field, key, engines_of.sent_to(config, field)) for field, key in sorted(credentials.items())]
    return [Pointing(f"credentials.{field}", key, url) for field, key, url in addressed if url]


def pointings() -> Iterator[Pointing]:
    """The same of all the workspace's connections, for the secrets' pages."""
    for connection in Connection.objects.exclude(credentials={}).order_by("id"):
        yield from _pointings(connection.config, connection.credentials)


def _may_move_secrets(actor: Actor) -> None:
    """Pointing a secret at another host is an admin's to do (CONTRACT section 7)."""
    if not actor.may("workspace.write"):
        words = f"Only an {Role.ADMIN.label.lower()} may send this connection's credentials to another host."
        raise Problem("scope_missing", words, hint="Ask an owner or admin of the workspace.")


def pause(actor: Actor, connection: Connection) -> Connection:
    """Send and answer nothing until it is enabled; what comes in and what is to go out is kept."""
    if connection.state == ConnectionState.ACTIVE:
        _set_state(connection, ConnectionState.PAUSED, f"Paused by {actor.label}.")
        audit.record(actor, "connection.paused", connection)
    return connection


def enable(actor: Actor, connection: Connection) -> Connection:
    """Send and answer again, beginning with what was kept."""
    connection.failures, connection.failing_since, connection.rests_until = 0, None, None
    connection.stopped_since, connection.fault, connection.fault_remedy = None, "", ""
    connection.save(
        update_fields=["failures", "failing_since", "stopped_since", "rests_until", "fault", "fault_remedy"]
    )
    if connection.state != ConnectionState.ACTIVE:
        _set_state(connection, ConnectionState.ACTIVE, "")
        audit.record(actor, "connection.enabled", connection)
    releasing.release_waiting(connection)
    transaction.on_commit(bell.ring)
    return connection


def _set_state(connection: Connection, state: str, reason: str) -> None:
    connection.state, connection.state_reason, connection.state_at = state, reason[:300], timezone.now()
    connection.save(update_fields=["state", "state_reason", "state_at"])


def delete(actor: Actor, connection: Connection) -> None:
    """Delete the connection with its log. Its conversations stay, and can no longer be answered over it.

    Not while calls go on over it (409): whoever calls would hear nothing more.
    """
    if Call.objects.filter(connection=connection).exclude(state=CallState.ENDED).exists():
        words = "Calls go on over this connection, so it can't be deleted now."
        remedy = "Disable it, so that no new ones come, and delete it when they have ended."
        raise Problem("conflict", words, hint=remedy)
    waiting = Delivery.objects.filter(connection=connection, status="queued").count()
    audit.record(actor, "connection.deleted", connection, kind=connection.kind, unsent=waiting)
    inbound_media.let_go(connection)
    audio.let_go(connection)
    made_up = {key for key in connection.credentials.values() if connection.is_rehearsal and key.startswith(MADE_UP)}
    connection.delete()
    # What was made up for a rehearsal goes with it, unless somebody else uses it by now.
    unused = made_up - secret_store.uses().keys()
    for key in Secret.objects.filter(key__in=unused).values_list("key", flat=True):
        secret_store.delete(actor, key)


# --- Its own secrets --------------------------------------------------------------------------------------------------


def rotate_secret(actor: Actor, connection: Connection, *, which: str, overlap_seconds: int = 0) -> NewSecret:
    """A new value of one of a held connection's own secrets; the earlier ones count for `overlap_seconds` more."""
    known = accounts.kind_of(connection).own_secrets
    if which not in known:
        raise invalid({"which": [f"This kind has: {', '.join(known) or 'no secret of its own'}."]})
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise invalid({"overlap_seconds": [f"A whole number from 0 to {MAX_OVERLAP_SECONDS} (30 days)."]})
    ends = timezone.now() + dt.timedelta(seconds=overlap_seconds)
    earlier = ConnectionSecret.objects.filter(connection=connection, which=which)
    earlier.filter(expires_at=None).update(expires_at=ends)
    earlier.filter(expires_at__gt=ends).update(expires_at=ends)
    made = _new_secret(connection, which)
    releasing.go_on(connection)
    audit.record(actor, f"connection.{which}_rotated", connection, hint=made.row.hint, overlap_seconds=overlap_seconds)
    return made


def _new_secret(connection: Connection, which: str) -> NewSecret:
    value = standard_webhooks.new_secret()
    row = ConnectionSecret(connection=connection, which=SecretKind(which), hint=value[-4:])
    row.sealed = crypto.seal(value, workspace_id=connection.workspace_id, purpose=accounts.purpose(row))
    row.save()
    return NewSecret(row, value)


# --- Trying it --------------------------------------------------------------------------------------------------------


def provider_to_check(connection: Connection) -> Provider | Health:
    """The provider for *Test*, or what is wrong before it can be asked. Inside `tenant()`; `check` runs outside."""
    try:
        return accounts.to_send(connection)
    except ProviderError as error:
        return Health([Finding.of(error)])


def as_tested(connection: Connection) -> AsTested:
    """For `note_tested`. Comes before the provider is made: a secret written in between makes it another's."""
    return AsTested(
        connection_id=connection.id,
        config=dict(connection.config),
        credentials=dict(connection.credentials),
        written=_written(connection.credentials),
        began_at=timezone.now(),
    )


def _written(credentials: Mapping[str, str]) -> dict[str, dt.datetime]:
    return dict(Secret.objects.filter(key__in=credentials.values()).values_list("key", "set_at"))


def note_tested(test: AsTested, found: Health) -> None:
    """What *Test* found. Where it found nothing wrong, whatever failures began is over, and what waits is tried.

    Nothing of it counts where the settings are others by now, or a test that began later has ended before.
    """
    connection = Connection.objects.select_for_update(no_key=True).filter(id=test.connection_id).first()
    if connection is None or not _is_still_so(connection, test):
        return
    connection.tested, connection.tested_at = [_kept(finding) for finding in found.findings], test.began_at
    connection.save(update_fields=["tested", "tested_at"])
    if not found.is_good:
        return
    if accounts.is_spoken(connection):
        # What calls said of it is looked at by *Test*, too.
        Connection.objects.filter(id=connection.id).update(fault="", fault_remedy="")
    if connection.failures:
        connection.failures, connection.failing_since, connection.rests_until = 0, None, None
        connection.stopped_since, connection.fault, connection.fault_remedy = None, "", ""
        connection.save(
            update_fields=["failures", "failing_since", "stopped_since", "rests_until", "fault", "fault_remedy"]
        )
        releasing.go_on(connection)


def keep_learned(actor: Actor, connection: Connection, found: Health) -> Health:
    """Write what the provider gave of credentials as secrets of this held connection; what was found, with that.

    Each has a key of the connection's own: one that somebody chose may be used elsewhere, too.
    """
    news = []
    for field, value in found.learned.items():
        key = f"{connection.kind}_{connection.id.hex[:8]}_{field}"
        if _is_known(connection, field, value):
            continue
        label = str(accounts.kind_of(connection).config_form.base_fields[field].label).lower()
        if not actor.may("secrets.write"):
            words = f"Its {label} could not be kept: you may not write secrets."
            news.append(Finding(False, words, "Ask an owner or admin of the workspace to press it."))
            continue
        secret_store.write(actor, key, value)
        connection.credentials = {**connection.credentials, field: key}
        connection.save(update_fields=["credentials"])
        news.append(Finding(True, f"Its {label} is kept as the secret {key}."))
    return Health([*found.findings, *news])


def _is_known(connection: Connection, field: str, value: str) -> bool:
    try:
        return field in connection.credentials and secret_store.value_of(connection.credentials[field]) == value
    except secret_store.SecretMissing:
        return False


def _kept(finding: Finding) -> dict[str, Any]:
    # Some of its words are the provider's: they may be long, and have characters that can't be stored.
    words, remedy = shown(finding.words, LONGEST_FINDING), shown(finding.remedy, LONGEST_FINDING)
    return {"is_good": finding.is_good, "words": words, "remedy": remedy}


def _is_still_so(connection: Connection, test: AsTested) -> bool:
    if (connection.config, connection.credentials) != (test.config, test.credentials):
        return False
    if connection.tested_at is not None and connection.tested_at > test.began_at:
        return False
    return _written(connection.credentials) == test.written


def _forget_test(connection: Connection) -> None:
    """What *Test* found was of other settings."""
    Connection.objects.filter(id=connection.id).update(tested=[], tested_at=None)
    connection.tested, connection.tested_at = [], None


def last_test(connection: Connection) -> Health | None:
    """What *Test* found last; None where the connection was not tested since its settings were changed."""
    if connection.tested_at is None:
        return None
    return Health([Finding(one["is_good"], one["words"], one["remedy"]) for one in connection.tested])


def on_secret_written(_actor: Actor, key: str) -> None:
    """For the secrets' pages: what stands on the secret may be mended by its new value."""
    for connection in _standing_on(key):
        _forget_test(connection)
        health.note_secret_back(connection)
        releasing.go_on(connection)


def on_secret_deleted(_actor: Actor, key: str) -> None:
    """For the secrets' pages: what stood on the secret says at once that it is missing."""
    for connection in _standing_on(key):
        _forget_test(connection)
        health.note_secret_gone(connection, key)


def _standing_on(key: str) -> list[Connection]:
    rows = Connection.objects.exclude(credentials={}).order_by("id")
    return [connection for connection in rows if key in connection.credentials.values()]


def answered_by(assistant: Assistant) -> list[str]:
    """For who is about to delete the assistant: the connections that it answers on."""
    return [f"the connection {name}" for name in assistant.connections.order_by("name").values_list("name", flat=True)]


def uses_of_secrets() -> Iterator[Use]:
    """For the secrets' pages: which connection stands on which."""
    rows: Sequence[Connection] = list(Connection.objects.exclude(credentials={}).order_by("name"))
    for connection in rows:
        for key in sorted(set(connection.credentials.values())):
            what = PROVIDERS[connection.kind].label
            yield Use(key, f"{what} connection", connection.name, f"/app/channels/{connection.id}/")
