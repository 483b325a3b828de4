"""The shortened clocks of fault tests, in seconds: in place of 40, 20, 15 and 60. A run waits for many leases."""

LEASE, CALL, ANSWER = 4.0, 2.0, 1.5
# In place of 60: a worker that does nothing for so long is stuck.
SILENCE = 12.0
# Addresses that begin so end the process that sends to them.
POISON = "poison"
