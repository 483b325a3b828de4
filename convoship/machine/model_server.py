"""llama.cpp's server with one model, in a process of its own: `convoship.machine.model` starts it.

It has the model's packages and no others, so it imports nothing of ours.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

# Each conversation that is answered at the same time reads so much, and so many are.
CONTEXT_TOKENS = 4096
AT_ONCE = 2


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser()
    for name in ("weights", "name", "host"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()

    import xllamacpp  # type: ignore[import-not-found, unused-ignore]

    params = xllamacpp.CommonParams()
    params.model.path = asked.weights
    params.model_alias = {asked.name}
    params.hostnames, params.port = [asked.host], asked.port
    params.n_ctx, params.n_parallel = CONTEXT_TOKENS * AT_ONCE, AT_ONCE
    # Threads that wait for one another lose most of their time where a core of theirs is busy with something else: two
    # on two busy cores are ten times slower than one.
    threads = max(1, (os.cpu_count() or 1) // 2)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    # No page of a browser is served, or may ask.
    params.ui, params.endpoint_slots = False, False
    params.cors_origins = f"http://{asked.host}:{asked.port}"
    params.cache_ram_mib = 64
    params.verbosity = 1

    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)  # before there are threads, which take it over
    server = xllamacpp.Server(params)
    sys.stdout.write(f"The model answers at {server.listening_address}/v1\n")
    sys.stdout.flush()
    signal.sigwait(stop)
    # Its threads don't end while somebody is being answered.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
