"""An echo of calls' sound, as Twilio frames it: of each frame the sound is taken, framed anew, and sent back.

`daphne tests.bench.toy.sound:application`. No framework above daphne: what nothing can do without.
"""

import base64
import json
from typing import Any


async def application(scope: Any, receive: Any, send: Any) -> None:
    """One socket."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        said = json.loads(event["text"])
        if said["event"] == "media":
            ulaw = base64.b64decode(said["media"]["payload"])
            media = {"payload": base64.b64encode(ulaw).decode()}
            back = {"event": "media", "streamSid": said["streamSid"], "media": media}
            await send({"type": "websocket.send", "text": json.dumps(back)})
