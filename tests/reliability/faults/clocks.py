"""The shortened clocks of fault tests, in seconds: in place of 40, 20, 15 and 60. A run waits for many leases."""

LEASE, CALL, ANSWER = 6.0, 3.0, 2.5
# Addresses that begin so end the process that sends to them.
POISON = "poison"
