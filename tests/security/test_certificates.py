"""Calls out of the product check certificates, in every thread and with one set of those that are trusted."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

from convoship.lib import outbound
from convoship.lib.outbound import http, sending
from tests.channels.far_end import Server


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    return path


class Answers(BaseHTTPRequestHandler):
    """`hello`, to whoever got that far."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The server's own."""
    return self_signed(tmp_path)


@pytest.fixture
def url(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server over TLS on this machine, which may be called."""
    monkeypatch.setattr(settings, "OUTBOUND_ALLOW_PRIVATE", True)
    server = Server(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # In the thread of the connection, as one that is refused would else stop the server.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_certificate_that_nobody_vouches_for_is_refused(url: str) -> None:
    with pytest.raises(outbound.Unreachable, match="its certificate can't be trusted"):
        outbound.fetch(url)


def test_sending_refuses_it_as_well(url: str) -> None:
    async def send() -> None:
        async with sending.new_client() as client:
            await client.get(url)

    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        async_to_sync(send)()


def test_many_threads_use_one_set_of_trusted_certificates(
    url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http.certificates() is http.certificates()
    trusting = http.certificates.__wrapped__()
    trusting.load_verify_locations(certificate)
    monkeypatch.setattr(http, "certificates", lambda: trusting)
    with ThreadPoolExecutor(8) as threads:
        assert [fetched.text for fetched in threads.map(lambda _: outbound.fetch(url), range(40))] == ["hello"] * 40
