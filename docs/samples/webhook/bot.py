"""A bot for Convoship in Python's standard library: WEBHOOK_SECRET=whsec_... python3 bot.py"""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))


class Bot(BaseHTTPRequestHandler):
    def do_POST(self):
        body, head = self.rfile.read(int(self.headers["Content-Length"])), self.headers
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
        good = any(hmac.compare_digest(wanted, one) for one in str(head["webhook-signature"]).split(" "))
        good = good and abs(time.time() - int(head["webhook-timestamp"])) < 300
        answer = {"messages": [{"text": f"You said: {json.loads(body)['message']['text']}"}]} if good else {}
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Bot).serve_forever()
