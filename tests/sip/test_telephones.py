"""baresip and sipp call. Judged are the packets on the wire, what baresip recorded, and what our ear heard."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from channels_app import connections
from channels_app.models import Call, CallStep, CallTurn
from channels_app.voice.media import g711
from convoship.lib.tenancy import tenant
from convoship.machine.state import ROOT
from deployments import publishing
from tests import factories
from tests.channels.hearing import BOOKING, share_heard, spoken
from tests.channels.streams import words_of
from tests.driver import wait_for
from tests.reliability.processes import OwnValkey, database_url
from tests.sip import scenarios
from tests.sip.capture import capturing, first_loud, last_loud
from workspaces import secret_store
from workspaces.models import Workspace

pytestmark = [pytest.mark.sip, pytest.mark.django_db(transaction=True)]

HOST, PORT = "127.0.0.2", 5070
# Where the telephones are.
THERE = "127.0.0.1"
PASSWORD = "a-long-word-for-a-trunk"
MODULES = ("g711.so", "aufile.so", "sndfile.so", "account.so", "menu.so")


class Trunk:
    """A connection, and how it stands."""

    def __init__(self, welcome: str = "", **config: Any) -> None:
        self.workspace: Workspace = factories.make_workspace()
        assistant = factories.make_assistant(self.workspace)
        who = factories.actor(self.workspace)
        with tenant(self.workspace.id):
            if welcome:
                script = {**assistant.draft["scripted"], "welcome": {"text": welcome}}
                publishing.change_draft(who, assistant, scripted=script)
                publishing.publish(who, assistant.id)
            secret_store.write(who, "sip-password", PASSWORD)
            made = connections.create(
                who,
                kind="voice_gateway",
                name="Our trunk",
                assistant_id=assistant.id,
                config={"mode": "stream", "dialect": "sip", **config},
                credentials={"sip_password": "sip-password"} if "sip_allowed_ips" not in config else {},
            )
        self.id = str(made.connection.id)

    def inside(self, fn: Callable[[], Any]) -> Any:
        with tenant(self.workspace.id):
            return fn()

    def until(self, what: str, fn: Callable[[], Any], seconds: float = 60) -> None:
        wait_for(what, lambda: bool(self.inside(fn)), seconds)


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Path]:
    """The edge as it is run, with a Valkey of its own; its log."""
    with OwnValkey(tmp_path) as valkey:
        environment = os.environ | {
            "DATABASE_URL": database_url("default"),
            "MIGRATE_DATABASE_URL": database_url("owner"),
            "REDIS_URL": valkey.url,
            "DATABASE_POOL_SIZE": "6",
        }
        log = tmp_path / "edge.log"
        command = [sys.executable, "manage.py", "sip_edge", "--host", HOST, "--port", str(PORT)]
        with log.open("wb") as written:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written)
        try:
            wait_for("the edge to listen", lambda: b"are taken at" in log.read_bytes(), 60)
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.wait(20)
            print(log.read_text()[-4000:])
        assert time.monotonic() - began < 5


def sipp(folder: Path, scenario: str, user: str, *options: str) -> None:
    """Have sipp do this; it has to end well."""
    path = folder / "scenario.xml"
    path.write_text(scenario)
    command = ["sipp", f"{HOST}:{PORT}", "-sf", str(path), "-s", user, "-i", THERE, "-mi", THERE, "-nostdin"]
    command += ["-timeout", "90", "-trace_err", "-error_file", str(folder / "sipp.err"), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    errors = (folder / "sipp.err").read_text()[-3000:] if (folder / "sipp.err").exists() else ""
    assert done.returncode == 0, (
        f"sipp ended with {done.returncode}\n{errors}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    )


def test_sipp_sees_that_it_lives_signs_in_and_presses_keys(edge: Path, tmp_path: Path) -> None:
    trunk = Trunk()
    sipp(tmp_path, scenarios.options(), "anybody", "-m", "1")
    sipp(tmp_path, scenarios.call(password=PASSWORD, user=trunk.id, keys="7"), trunk.id, "-m", "1", "-d", "6000")
    trunk.until("the key to be taken", lambda: CallTurn.objects.filter(keys="7").exists())
    trunk.until("the call to end", lambda: Call.objects.filter(state="ended", outcome="hung_up").exists())


def test_twenty_calls_at_once_are_answered_and_end_well(edge: Path, tmp_path: Path) -> None:
    trunk = Trunk(sip_allowed_ips=THERE)
    with capturing() as capture:
        sipp(tmp_path, scenarios.call(), trunk.id, "-m", "20", "-l", "20", "-r", "4", "-d", "8000")
    trunk.until("all to end", lambda: Call.objects.filter(state="ended").count() == 20)
    outcomes = trunk.inside(lambda: set(Call.objects.values_list("outcome", flat=True)))
    assert outcomes == {"hung_up"}
    streams = [packets for packets in capture.streams(HOST) if len(packets) > 50]
    assert len(streams) == 20
    for packets in streams:
        # In the order they were numbered, each twenty milliseconds of sound: nothing is missing.
        assert [(one.number - packets[0].number) % 2**16 for one in packets] == list(range(len(packets)))
        assert {(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(packets)} == {160}
        # By deadlines that don't drift: what was late was made good.
        late = [one.at - packets[0].at - 0.02 * place for place, one in enumerate(packets)]
        assert max(late) < 0.5
        assert sorted(late)[len(late) // 2] < 0.1


def _wav(path: Path, ulaw: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(g711.to_linear(ulaw))


def _baresip(folder: Path, trunk: Trunk, said: bytes, seconds: int) -> bytes:
    """A softphone calls, says this, hangs up; what it recorded of us, mu-law."""
    _wav(folder / "said.wav", said)
    config = ["module_path /usr/lib/baresip/modules", *(f"module {one}" for one in MODULES)]
    config += [f"sip_listen {THERE}:5080", "net_interface lo", f"audio_source aufile,{folder}/said.wav"]
    config += [f"audio_player aufile,{folder}/played.wav", "audio_alert aufile,/dev/null", f"snd_path {folder}"]
    config += ["rtp_ports 40000-40100", "call_local_timeout 120", "audio_level no"]
    (folder / "config").write_text("\n".join(config) + "\n")
    account = f"<sip:{trunk.id}@{HOST}:{PORT}>;auth_user={trunk.id};auth_pass={PASSWORD};regint=0;audio_codecs=PCMU"
    (folder / "accounts").write_text(account + "\n")
    (folder / "contacts").write_text("")
    command = ["baresip", "-f", str(folder), "-t", str(seconds), "-e", f"/dial sip:{trunk.id}@{HOST}:{PORT}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False, cwd=folder)
    recorded = sorted(folder.glob("dump-*-dec.wav"))
    print(done.stdout[-3000:], done.stderr[-2000:])
    assert recorded, done.stdout[-3000:]
    with wave.open(str(recorded[-1]), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 8000)
        return g711.to_ulaw(file.readframes(file.getnframes()))


def test_a_softphone_that_speaks_over_us_hears_silence_and_then_its_answer(edge: Path, tmp_path: Path) -> None:
    trunk = Trunk(welcome="I could tell you a lot about this house, and I am glad to do it. " * 8)
    quiet = b"\xff" * 8000
    folder = tmp_path / "baresip"
    folder.mkdir()
    with capturing() as capture:
        _baresip(folder, trunk, quiet * 12 + asyncio.run(spoken(BOOKING)) + quiet * 30, 42)
    trunk.until("the call to end", lambda: Call.objects.filter(state="ended").exists())
    [ours] = [packets for packets in capture.streams(HOST) if len(packets) > 50]
    [theirs] = [packets for packets in capture.streams(THERE) if len(packets) > 50]
    began = first_loud(theirs, theirs[0].at)
    assert any(one.is_loud for one in ours if began - 1 < one.at < began), "nobody was spoken over"
    silent = last_loud(ours, began, pause=0.3)
    print(f"silence {silent - began:.3f} s after the caller began")
    assert silent - began < 0.4
    # What they said was an interruption, and was answered.
    done = last_loud(theirs, began, pause=1)
    answered = first_loud(ours, silent + 0.1)
    print(f"answered {answered - done:.3f} s after the caller was done")
    assert answered > done
    steps = trunk.inside(lambda: set(CallStep.objects.values_list("kind", flat=True)))
    assert "interrupted" in steps


def test_a_softphone_is_greeted_asks_and_is_answered(edge: Path, tmp_path: Path) -> None:
    trunk = Trunk()
    quiet = b"\xff" * 8000
    said = quiet * 20 + asyncio.run(spoken(BOOKING)) + quiet * 30
    folder = tmp_path / "baresip"
    folder.mkdir()
    heard = _baresip(folder, trunk, said, 45)
    trunk.until("the call to end", lambda: Call.objects.filter(state="ended").exists())
    texts = trunk.inside(lambda: [one.message.text for one in CallTurn.objects.all() if one.message is not None])
    assert max(share_heard(BOOKING, text) for text in texts) > 0.6
    words = asyncio.run(words_of(heard)).split()
    # The greeting and the answer, as they were recorded at the other end.
    assert len(words) > 15, words
