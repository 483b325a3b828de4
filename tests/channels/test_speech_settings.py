"""What a connection's settings say of speech: engines, keys, languages, addresses; and what is missing, said before."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from channels_app import accounts, config_paths, connections, health
from channels_app.models import Connection, MediaBeat
from channels_app.providers import speech_fields
from channels_app.providers.registry import PROVIDERS
from channels_app.voice.engines import registry
from channels_app.voice.media import beats, speech_check
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from tests import factories
from tests.channels.speech_hosts import deepgram
from workspaces import secret_hosts, secret_store
from workspaces.models import Workspace
from workspaces.permissions import Role


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    made = factories.make_workspace()
    factories.make_assistant(made)
    return made


def create(workspace: Workspace, config: dict[str, Any], **credentials: str) -> Connection:
    from deployments.models import Assistant

    who = factories.actor(workspace)
    with tenant(workspace.id):
        for key in credentials.values():
            secret_store.write(who, key, "a-key-of-an-engine")
        made = connections.create(
            who,
            kind="voice_gateway",
            name="Our telephones",
            assistant_id=Assistant.objects.get().id,
            config={"mode": "stream", **config},
            credentials=credentials,
        )
    return made.connection


def refused(workspace: Workspace, config: dict[str, Any], **credentials: str) -> dict[str, Any]:
    with pytest.raises(Problem) as problem:
        create(workspace, config, **credentials)
    return dict(problem.value.errors)


def test_speech_is_kept_in_its_parts_and_read_back_by_its_form(workspace: Workspace):
    speech = {"stt": {"engine": "deepgram", "model": "nova-2"}, "tts": {"engine": "flite", "voice": "slt"}}
    made = create(workspace, {"speech": speech, "dialect": "jambonz"}, stt_api_key="deepgram-key")
    assert (made.config["mode"], made.config["dialect"], made.config["speech"]) == ("stream", "jambonz", speech)
    assert config_paths.nested(config_paths.flat(made.config)) == made.config
    form = connections.bound_form(PROVIDERS["voice_gateway"], config_paths.flat(made.config), made.credentials)
    assert form.is_valid(), form.errors


def test_engines_are_chosen_where_none_is_named(workspace: Workspace):
    made = create(workspace, {})
    assert made.config["speech"] == {
        "stt": {"engine": registry.DEFAULT_STT},
        "tts": {"engine": registry.DEFAULT_TTS},
    }
    turns = create(workspace, {"mode": "turns"})
    assert turns.config.keys() == {"mode", "require_timestamp"}


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"speech": {"stt": {"engine": "deepgram"}}}, "credentials.stt_api_key", "Deepgram needs a key"),
        ({"speech": {"tts": {"engine": "elevenlabs"}}}, "credentials.tts_api_key", "ElevenLabs needs a key"),
        ({"speech": {"stt": {"engine": "siri"}}}, "config.speech.stt.engine", "There are: "),
        ({"speech": {"stt": {"engine": "flite"}}}, "config.speech.stt.engine", "There are: "),
        ({"speech": {"tts": {"voice": "nobody"}}}, "config.speech.tts.voice", "rms, slt"),
        ({"speech": {"stt": {"modle": "x"}}}, "config.speech.stt.modle", "speech.stt.model"),
        ({"language": "de-DE"}, "config.speech.stt.engine", "knows these languages only: en"),
        ({"speech": {"stt": {"base_url": "https://a.example"}}}, "config.speech.stt.base_url", "on this server"),
        ({"dialect": "morse"}, "config.dialect", "none of the choices"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(workspace: Workspace, config: dict[str, Any], path: str, words: str):
    assert words in " ".join(refused(workspace, config)[path])


def test_an_address_inside_the_network_takes_no_key(workspace: Workspace):
    engine = {"engine": "openai", "base_url": "https://10.0.0.7/v1"}
    errors = refused(workspace, {"speech": {"stt": engine}}, stt_api_key="openai-key")
    assert "private network" in " ".join(errors["config.speech.stt.base_url"])


def test_only_an_admin_has_a_key_sent_to_an_address_of_ones_own(workspace: Workspace):
    engine = {"engine": "openai", "base_url": "https://speech.example/v1"}
    made = create(workspace, {}, stt_api_key="openai-key")
    with tenant(workspace.id):
        editor = factories.actor(workspace, role=Role.EDITOR)
        row = Connection.objects.select_for_update().get(id=made.id)
        with pytest.raises(Problem) as problem:
            connections.change(editor, row, {"config": {"mode": "stream", "speech": {"stt": engine}}})
    assert problem.value.code == "scope_missing"


OWN = {"mode": "stream", "speech": {"stt": {"engine": "openai", "base_url": "https://speech.example/v1"}}}


def test_only_an_admin_has_another_key_sent_to_an_address_of_ones_own(workspace: Workspace):
    made = create(workspace, OWN, stt_api_key="speech-key")
    with tenant(workspace.id):
        secret_store.write(factories.actor(workspace), "of-another-use", "a-secret")
        row = Connection.objects.select_for_update().get(id=made.id)
        editor = factories.actor(workspace, role=Role.EDITOR)
        with pytest.raises(Problem) as problem:
            connections.change(editor, row, {"credentials": {"stt_api_key": "of-another-use"}})
        row.refresh_from_db()
        # What stays as it is may stay.
        connections.change(editor, row, {"name": "Telephones"})
    assert problem.value.code == "scope_missing"


def test_a_secret_that_is_used_goes_to_an_address_of_ones_own_only_if_its_value_is_typed(workspace: Workspace):
    used = create(workspace, {"speech": {"stt": {"engine": "deepgram"}}}, stt_api_key="deepgram-key")
    with tenant(workspace.id):
        row = Connection.objects.select_for_update().get(id=used.id)
        with pytest.raises(Problem) as problem:
            connections.change(factories.actor(workspace), row, {"config": OWN})
    assert "Type its value again" in " ".join(problem.value.errors["credentials.stt_api_key"])


def test_a_key_that_was_withdrawn_from_an_address_is_sent_there_no_more(workspace: Workspace):
    made = create(workspace, OWN, stt_api_key="speech-key")
    with tenant(workspace.id):
        assert accounts.to_receive(made).account.credentials == {"stt_api_key": "a-key-of-an-engine"}
        assert [one.is_used for one in secret_hosts.granted()["speech-key"]] == [True]
        secret_hosts.withdraw(factories.actor(workspace), "speech-key", "https://speech.example")
        assert accounts.to_receive(made).account.credentials == {}
        assert accounts.to_send(made).account.credentials == {}


def test_what_is_missing_is_said_with_the_command_that_brings_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    made = create(workspace, {})
    assert [finding.words for finding in speech_check.lacks(made.config)] == [speech_check.NOT_CARRIED]
    # Nothing says beside it that it works.
    made.last_inbound_at = timezone.now()
    with tenant(workspace.id):
        assert (health.standing(made).tone, health.standing(made).words) == ("bad", speech_check.NOT_CARRIED)
        MediaBeat.objects.create(name="sockets here:1", looked_at=timezone.now())
        assert health.standing(made).tone == "good"
    assert speech_check.lacks(made.config) == []
    monkeypatch.setenv("PATH", "/nowhere")
    found = speech_check.lacks(made.config)
    assert "flite is missing" in found[0].words
    assert "make voice" in found[0].remedy
    labels = dict(speech_fields._choices(registry.speaking()))
    assert labels["flite"].endswith("not installed: make voice")


def test_by_sip_another_process_is_needed(workspace: Workspace):
    made = create(workspace, {"dialect": "sip", "sip_allowed_ips": "192.0.2.7"})
    beats.note(uuid.uuid4(), 0)
    [lacking] = speech_check.lacks(made.config)
    assert (lacking.words, lacking.remedy) == (speech_check.NO_EDGE, speech_check.START_EDGE)
    beats.note(uuid.uuid4(), 0, beats.SIP)
    assert speech_check.lacks(made.config) == []


def test_a_process_that_carries_sound_says_so_until_it_ends(transactional_db: None):
    mine = uuid.uuid4()
    beats.note(mine, 3)
    beats.note(mine, 4)
    assert beats.alive(beats.SOCKETS) == 1
    assert MediaBeat.objects.get().calls == 4
    MediaBeat.objects.update(looked_at=timezone.now() - beats.LONGEST_SILENCE * 2)
    assert beats.alive(beats.SOCKETS) == 0
    beats.forget(mine)
    assert not MediaBeat.objects.exists()


@pytest.mark.asyncio
async def test_test_has_the_engines_say_a_sentence_and_hear_it(workspace: Workspace):
    await in_thread(lambda: MediaBeat.objects.create(name="sockets here:1", looked_at=timezone.now()))
    try:
        found = await speech_check.check({"language": "en-US"}, {})
    finally:
        await registry.close()
    assert [finding.is_good for finding in found] == [True, True], [finding.words for finding in found]
    assert "its first sound came after" in found[0].words
    assert "test" in found[1].words


@pytest.mark.asyncio
async def test_test_asks_an_ear_only_what_was_spoken(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    await in_thread(lambda: MediaBeat.objects.create(name="sockets here:1", looked_at=timezone.now()))
    engine = {"engine": "openai", "base_url": "https://speech.invalid/v1"}
    config = {"speech": {"stt": engine, "tts": engine}}
    try:
        # What this server speaks with says the sentence where what was chosen can't.
        _, hears = await speech_check.check(config, {})
        assert not hears.is_good
        assert "speech.invalid" in hears.words
        monkeypatch.setenv("PATH", "/nowhere")
        _, hears = await speech_check.check(config, {})
    finally:
        await registry.close()
    assert not hears.is_good
    assert "was not asked" in hears.words


@pytest.mark.asyncio
async def test_test_says_that_a_key_is_refused(workspace: Workspace, settings: Any):
    async with deepgram() as host:
        settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", host.port)})
        engine = {"engine": "deepgram", "base_url": host.url}
        try:
            found = await speech_check.check({"speech": {"stt": engine}}, {"stt_api_key": "a-wrong-key"})
        finally:
            await registry.close()
    wrong = [finding for finding in found if not finding.is_good]
    assert any("key" in finding.words for finding in wrong), [finding.words for finding in found]
