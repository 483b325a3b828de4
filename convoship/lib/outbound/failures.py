"""How a call through the guarded client fails, for those that are told by an SDK which uses it.

`sending.send` has words for each itself; an SDK lets these through, or names them as the cause of an error of its own.
"""

from __future__ import annotations

import httpcore
import httpx

TimedOut = httpx.TimeoutException
NotConnected = httpx.ConnectError
# Raised by a stand-in that breaks off, too.
BrokeOff = httpx.RemoteProtocolError
Failed = httpx.HTTPError
# What the transport underneath lets through while a body is read.
FAILURES = (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError)
ANSWER_FAILED = httpx.HTTPError | httpcore.ProtocolError
