"""A jambonz application that puts calls through to Convoship. Nothing to install.

    CONNECTION=https://convoship.example.com/v1/public/channels/voice_gateway/CONNECTION_ID \\
    INBOUND_SECRET=whsec_... HOOK_PASSWORD=... python3 app.py

jambonz calls it by application.json; it answers a call with verbs.json and a ticket of that call. Put https in front.
By documentation (docs.jambonz.org/verbs/verbs/listen): not yet run against a jambonz.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def ticket(connection: str, secret: str, call_id: str) -> dict:
    """`ticket`, and the `socket_url` to open with it. The key is the whole secret as it was shown, whsec_ included."""
    body = json.dumps({"call_id": call_id, "nonce": secrets.token_hex(16)}).encode()
    timestamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Convoship-Timestamp": timestamp,
        "X-Convoship-Signature": signature,
    }
    request = urllib.request.Request(f"{connection}/ticket", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return json.load(answer)


def verbs(connection: str, secret: str, call_id: str) -> list:
    """verbs.json with the socket's address and this call's ticket."""
    listen, hangup = json.loads((Path(__file__).parent / "verbs.json").read_text())
    given = ticket(connection, secret, call_id)
    listen["url"] = given["socket_url"]
    listen["metadata"] = {"ticket": given["ticket"]}
    return [listen, hangup]


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wanted = "Basic " + base64.b64encode(f"jambonz:{os.environ['HOOK_PASSWORD']}".encode()).decode()
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), wanted.encode()):
            return self.answer(401, [])
        if self.path == "/call":
            # A failure is a 500, and jambonz then does with the call what its settings say.
            return self.answer(200, verbs(os.environ["CONNECTION"], os.environ["INBOUND_SECRET"], sent["call_sid"]))
        # The end of listen: hangup follows it, as verbs.json says. And news of calls, which need no answer.
        return self.answer(200, [])

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Hook).serve_forever()
