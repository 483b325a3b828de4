"""Everything on one machine: what `make run`, `make test` and `make lint` need before Django is there.

The modules that run before the virtual environment exists (`bootstrap`, `preflight`, `packages`, `state`) stand on the
standard library alone.
"""
