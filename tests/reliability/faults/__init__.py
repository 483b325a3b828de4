"""Fault injection (`make reliability`, `make reliability-full`): real servers and processes, killed, frozen, cut off.

What must hold, and how each number is counted, is said in docs/reliability.md. Nothing here is collected by pytest:
`python -m tests.reliability.faults` runs it and ends with 1 where a promise was broken.
"""
