#!/usr/bin/env python3
"""AGI script for Asterisk: asks Convoship for a ticket of this call. Nothing to install.

    AGI(convoship_ticket.py,https://convoship.example.com/v1/public/channels/voice_gateway/CONNECTION_ID)

It sets CONVOSHIP_TICKET, or CONVOSHIP_ERROR with the reason and an empty ticket. The inbound secret is read from
/etc/asterisk/convoship.secret, or from the file that CONVOSHIP_SECRET_FILE names.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request


def ticket(connection: str, secret: str, call_id: str) -> str:
    """The key is the whole secret as it was shown, whsec_ included."""
    body = json.dumps({"call_id": call_id, "nonce": secrets.token_hex(16)}).encode()
    timestamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Convoship-Timestamp": timestamp,
        "X-Convoship-Signature": signature,
    }
    request = urllib.request.Request(f"{connection}/ticket", body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return json.load(answer)["ticket"]
    except urllib.error.HTTPError as error:
        raise OSError(f"{error.code} {error.read(300).decode(errors='replace')}") from error


def say(command: str) -> None:
    """One command to Asterisk, and its answer."""
    print(command, flush=True)
    sys.stdin.readline()


def main() -> None:
    call = {}
    while line := sys.stdin.readline().strip():
        name, _, value = line.partition(": ")
        call[name] = value
    found, reason = "", ""
    try:
        with open(os.environ.get("CONVOSHIP_SECRET_FILE", "/etc/asterisk/convoship.secret")) as file:
            found = ticket(sys.argv[1], file.read().strip(), call["agi_uniqueid"])
    except (OSError, ValueError, KeyError, IndexError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".replace('"', "'").split())[:200]
    say(f'SET VARIABLE CONVOSHIP_TICKET "{found}"')
    say(f'SET VARIABLE CONVOSHIP_ERROR "{reason}"')


if __name__ == "__main__":
    main()
