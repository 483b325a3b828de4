"""`make sip`: baresip and sipp call the SIP edge, in a network namespace that has nothing but a loopback of its own.

So nothing of it can leave the machine, and ports are free. Needs Linux; root, or the right to make user namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from convoship.machine import packages
from convoship.machine.console import complain, say
from convoship.machine.state import ROOT, MachineError

# baresip takes no loopback unless told its interface, and its second address apart from the first.
_NETWORK = 'ip link set lo up && ip addr add 127.0.0.2/8 dev lo && exec "$@"'


def main() -> int:
    """Ends with pytest's code; 1 where the machine lacks something."""
    try:
        packages.ensure(packages.FOR_SIP, say)
    except MachineError as error:
        complain(str(error))
        return 1
    unshare = shutil.which("unshare")
    if unshare is None:
        complain("`unshare` is missing (Debian: util-linux): the telephones get a network of their own.")
        return 1
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    tests = [sys.executable, "-m", "pytest", "tests/sip", "-m", "sip", "-q", *sys.argv[1:]]
    return subprocess.run(
        [unshare, "--net", *as_root, "sh", "-c", _NETWORK, "sh", *tests], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
