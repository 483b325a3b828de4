"""Files in a bucket that speaks S3, on this machine: sent up, read, deleted, and while it is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from django.core.files.storage import storages
from moto.server import ThreadedMotoServer

from convoship.lib import file_storage
from convoship.lib.outbound import s3
from convoship.lib.threads import in_thread
from deployments import files
from deployments.models import Conversation, File, GoneFile
from tests.runtime.conftest import Site
from tests.runtime.test_files import PDF, begun, fetch, in_workspace, picture, send_up

KEY, SECRET, BUCKET = "a-key", "a/secret+", "visitors-files"


class Amazon:
    """The server, which can be away and come back with all that it had."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.server.start()
        self.host, self.port = self.server.get_host_and_port()
        self.client = boto3.client(
            "s3",
            endpoint_url=f"http://{self.host}:{self.port}",
            region_name="eu-central-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        where = {"LocationConstraint": "eu-central-1"}
        # What it holds stays with the process, whichever server asks for it: another run of this module has it already.
        with suppress(self.client.exceptions.BucketAlreadyOwnedByYou):
            self.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)

    def url(self, port: int) -> str:
        """As the environment has it."""
        return f"s3://{KEY}:a%2Fsecret%2B@{self.host}:{port}/{BUCKET}/of/files?region=eu-central-1&tls=off"

    @property
    def keys(self) -> list[str]:
        """What is in the bucket."""
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture(scope="module")
def amazon() -> Iterator[Amazon]:
    """One for all tests here."""
    made = Amazon()
    yield made
    made.server.stop()


def keep_at(settings: Any, url: str) -> None:
    settings.STORAGES = {**settings.STORAGES, "files": file_storage.at(url)}


@pytest.fixture(autouse=True)
def bucket(amazon: Amazon, settings: Any) -> None:
    """Contents are kept there."""
    keep_at(settings, amazon.url(amazon.port))


async def test_a_file_goes_into_the_bucket_and_out_of_it_and_is_deleted_there(site: Site, amazon: Amazon) -> None:
    session = await begun(site)
    up = await send_up(site, session, "plan.pdf", PDF)
    assert up.status_code == 201, up.data
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    url = said.data["message"]["attachments"][0]["url"]
    # By a link of our own: nobody is told of the bucket.
    assert url.startswith("http://127.0.0.1:8000/files/")
    got = await fetch(url)
    assert (got.status_code, got.content) == (200, PDF)
    assert got["Content-Disposition"] == 'attachment; filename="plan.pdf"'
    assert got["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert got["X-Content-Type-Options"] == "nosniff"
    part = await fetch(url, Range="bytes=1-3")
    assert (part.status_code, part.content) == (206, b"PDF")
    [key] = amazon.keys
    assert key.startswith("of/files/")
    assert amazon.client.head_object(Bucket=BUCKET, Key=key)["ContentType"] == "application/octet-stream"

    await in_workspace(site, lambda: Conversation.objects.all().delete())
    await in_thread(files.sweep)
    assert amazon.keys == []
    assert await in_thread(GoneFile.objects.count) == 0


async def test_while_the_bucket_is_away_it_is_said_and_nothing_is_lost(
    site: Site, amazon: Amazon, settings: Any, monkeypatch: Any
) -> None:
    session = await begun(site)
    up = await send_up(site, session, "photo.jpg", picture())
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    url = said.data["message"]["attachments"][0]["url"]

    monkeypatch.setattr(s3, "TRIES", 1)
    keep_at(settings, amazon.url(9))
    refused = await send_up(site, session, "plan.pdf", PDF)
    assert (refused.status_code, refused.data["code"]) == (503, "unavailable")
    assert refused.data["detail"] == "The file could not be kept just now."
    away = await fetch(url)
    assert away.status_code == 503
    assert b"can" in away.content
    assert await in_workspace(site, File.objects.count) == 1
    await in_workspace(site, lambda: Conversation.objects.all().delete())
    await in_thread(files.sweep)
    assert await in_thread(GoneFile.objects.count) == 2

    keep_at(settings, amazon.url(amazon.port))
    await in_thread(lambda: GoneFile.objects.update(due_at="2026-01-01T00:00:00Z"))
    await in_thread(files.sweep)
    assert (amazon.keys, await in_thread(GoneFile.objects.count)) == ([], 0)


async def test_what_is_not_in_the_bucket_is_gone_and_what_may_not_be_read_is_away(
    site: Site, amazon: Amazon, settings: Any
) -> None:
    session = await begun(site)
    up = await send_up(site, session, "plan.pdf", PDF)
    said = await site.say(session, "", attachments=[up.data["file"]["id"]])
    url = said.data["message"]["attachments"][0]["url"]
    for key in amazon.keys:
        amazon.client.delete_object(Bucket=BUCKET, Key=key)
    assert (await fetch(url)).status_code == 404
    keep_at(settings, amazon.url(amazon.port).replace(BUCKET, "no-such-bucket"))
    assert (await send_up(site, session, "plan.pdf", PDF)).status_code == 503


def test_calls_end_and_no_copy_is_made_here() -> None:
    options = storages.create_storage(file_storage.at(f"s3://a:b@h/{BUCKET}?tls=off"))
    config = options.client_config  # type: ignore[attr-defined]
    assert (config.connect_timeout, config.read_timeout) == (s3.CONNECT_SECONDS, s3.READ_SECONDS)
    assert config.retries["total_max_attempts"] == s3.TRIES


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://host/bucket", "begins with s3://"),
        ("s3:///bucket", "names no host"),
        ("s3://a:se/cret@host/bucket", "write / as %2F"),
        ("s3://host", "bucket's name"),
        ("s3://host/b", "bucket's name"),
        ("s3://host/bucket/../etc", "folder"),
        ("s3://key@host/bucket", "a key needs its secret"),
        ("s3://host/bucket?regoin=x", "knows no regoin"),
        ("s3://host/bucket?tls=maybe", "tls is one of on, off"),
        ("s3://host/bucket?region=Frankfurt am Main", "region is a name"),
    ],
)
def test_a_setting_that_can_not_be_used_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        file_storage.at(url)
    assert "cret@" not in str(refusal.value)


def test_where_nothing_speaks_s3_it_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setattr(file_storage, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"-r requirements-s3\.txt"):
        file_storage.at("s3://host/bucket")
