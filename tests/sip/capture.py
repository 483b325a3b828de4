"""What went over the namespace's loopback: calls' packets, with the kernel's own times."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from channels_app.voice.media import g711

# linux/if_packet.h, linux/if_ether.h, asm-generic/socket.h.
_OUTGOING, _IP = 4, 0x0800
_TIMESTAMP = 35
_LOUD = 600
PCMU, PCMA = 0, 8


@dataclass(frozen=True)
class Packet:
    """One of RTP (RFC 3550)."""

    at: float
    kind: int
    number: int
    timestamp: int
    payload: bytes

    @property
    def is_loud(self) -> bool:
        """Whether somebody speaks in it."""
        ulaw = g711.ulaw_of_alaw(self.payload) if self.kind == PCMA else self.payload
        linear = g711.to_linear(ulaw)
        samples = struct.unpack(f"<{len(linear) // 2}h", linear)
        return sum(map(abs, samples)) > _LOUD * len(samples)


class Capture:
    """Of everything in this network."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, bytes]] = []

    def streams(self, host: str) -> list[list[Packet]]:
        """The streams of sound that this host sent, in the order of their packets."""
        found: dict[tuple[bytes, bytes], list[Packet]] = defaultdict(list)
        for at, ip in list(self._seen):
            head = (ip[0] & 0x0F) * 4
            udp = ip[head + 8 :]
            if ip[9] != socket.IPPROTO_UDP or ip[12:16] != socket.inet_aton(host) or len(udp) < 12 or udp[0] != 0x80:
                continue
            kind, number, timestamp, source = udp[1] & 0x7F, *struct.unpack("!HII", udp[2:12])
            if kind in (PCMU, PCMA):
                # By where it goes, and whose it is.
                stream = ip[16:20] + ip[head + 2 : head + 4], struct.pack("!I", source)
                found[stream].append(Packet(at, kind, number, timestamp, udp[12:]))
        return list(found.values())

    def run(self, ends: threading.Event) -> None:
        """Until told."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IP)) as wire:
            wire.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
            wire.bind(("lo", _IP))
            wire.settimeout(0.2)
            while not ends.is_set():
                with suppress(TimeoutError):
                    ip, ancillary, _, address = wire.recvmsg(2048, 256)
                    # On a loopback each is seen twice: as it goes out, and as it comes in.
                    if address[2] != _OUTGOING:
                        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                        self._seen.append((seconds + nanoseconds / 1e9, ip))


def first_loud(packets: Sequence[Packet], since: float) -> float:
    """When somebody began to speak after that: three packets in a row."""
    run = 0
    for packet in packets:
        run = run + 1 if packet.at >= since and packet.is_loud else 0
        if run == 3:
            return packet.at - 0.04
    raise AssertionError("nobody spoke")


def last_loud(packets: Sequence[Packet], since: float, pause: float) -> float:
    """The last sound of who speaks at that time, before a pause of so many seconds."""
    last = since
    for packet in packets:
        if packet.at >= since and packet.is_loud:
            if packet.at - last > pause:
                break
            last = packet.at
    return last


@contextmanager
def capturing() -> Iterator[Capture]:
    """All that goes over the loopback meanwhile."""
    capture, ends = Capture(), threading.Event()
    thread = threading.Thread(target=capture.run, args=(ends,), daemon=True)
    thread.start()
    try:
        yield capture
    finally:
        ends.set()
        thread.join()
