"""Which addresses a run chooses, and how it says no."""

from __future__ import annotations

import random
import socket
import subprocess
import sys

import pytest

from convoship.machine import addresses, ports, state, up
from convoship.machine.state import MachineError


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "PUBLIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_free_port_lies_below_the_ones_that_outgoing_connections_take() -> None:
    assert 1024 <= ports.free() < ports._lowest_ephemeral()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that end with their process")
def test_a_port_is_told_to_one_alone_and_its_neighbour_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ports.free()
    drawn = iter([first, first + 1, first - 1, other := first - 2 if first > 20000 else first + 2])
    monkeypatch.setattr(ports, "is_free", lambda host, port: True)
    monkeypatch.setattr(random, "randrange", lambda *_: next(drawn))
    assert ports.free() == other
    # Nor to another process, which looks while nobody listens yet.
    code = (
        f"import random; from convoship.machine import ports; drawn = iter([{first}, {other}, 20001]); "
        "random.randrange = lambda *_: next(drawn); ports.is_free = lambda *_: True; print(ports.free())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=state.ROOT)
    assert told.stdout.split() == ["20001"]


def test_a_listener_makes_a_port_busy() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not ports.is_free("127.0.0.1", port)
        assert ports.next_free("127.0.0.1", port) > port


def test_the_stranger_lives_at_another_origin_and_both_follow_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda host, port: port not in {8000, 8002})
    chosen = addresses.choose()
    assert (chosen.port, chosen.instead_of) == (8001, 8000)
    assert chosen.public_base_url == "http://127.0.0.1:8001"
    assert chosen.stranger_url == "http://127.0.0.1:8003"


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(MachineError, match="from 1 to 65535"):
        addresses.choose()


def test_listening_everywhere_is_not_an_address_to_give_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", str(ports.free()))
    assert addresses.choose().public_base_url.startswith("http://127.0.0.1:")


def test_a_public_address_that_was_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://chat.example/")
    assert addresses.choose().public_base_url == "https://chat.example"


def test_a_database_of_ones_own_needs_its_owner_and_keys() -> None:
    with pytest.raises(MachineError, match=r"MIGRATE_DATABASE_URL .* SECRET_KEY .* CONVOSHIP_SECRETS_KEYS"):
        up._check_outside({"DATABASE_URL": "postgres://x"})
    up._check_outside({})
