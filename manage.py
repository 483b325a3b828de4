#!/usr/bin/env python3
"""The one entry: `python3 manage.py up` on a bare machine, and Django's commands beside it.

Any Python 3.11 or newer will do: what is missing is installed into .venv first (convoship/machine/bootstrap).
"""

import os
import sys
from importlib import import_module

# These work before there is a database, so they are no Django commands: module and what it needs installed.
OWN_COMMANDS = {
    "up": ("convoship.machine.up", "product"),
    "test": ("convoship.machine.suite", "tests"),
    "lint": ("convoship.machine.lint", "tests"),
    "model": ("convoship.machine.model", "product"),
    "voice": ("convoship.machine.voice", "voice"),
    "voice-offline": ("convoship.machine.voice", "voice-offline"),
    "install": ("convoship.machine.installed", "tests"),
}


def main() -> int:
    """Run one command in the project's own environment."""
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    module, needs = OWN_COMMANDS.get(command, ("", ""))

    from convoship.machine import bootstrap

    bootstrap.enter(needs)
    if module:
        return import_module(module).main(sys.argv[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
