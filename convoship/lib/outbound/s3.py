"""A bucket that speaks S3, as a storage of Django: django-storages, within bounds of time and without a copy here.

Its host is named by whoever runs the server, in the environment, so it may be an internal one.
"""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

# Of one call; it is tried three times, with up to 20 s between.
CONNECT_SECONDS = 3
READ_SECONDS = 10
TRIES = 3


class Bucket(S3Storage):
    """`S3Storage`, whose contents are read as they are sent on. Keys are random, so none is looked for before it is
    written; everything is private, and given out by links of our own."""

    def get_default_settings(self) -> dict[str, Any]:
        """Those of django-storages, without what the environment or Django's settings could say beside our own."""
        return {
            **super().get_default_settings(),
            "default_acl": None,
            "file_overwrite": True,
            "gzip": False,
            "object_parameters": {"ContentType": "application/octet-stream"},
        }

    def __init__(self, *, addressing_style: str = "auto", **options: Any) -> None:
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            signature_version="s3v4",
            s3={"addressing_style": addressing_style},
            # Newer checks of content that few but Amazon know.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(client_config=config, **options)

    def _open(self, name: str, mode: str = "rb") -> Any:
        return _Content(self.bucket.Object(self._normalize_name(name)))


class _Content:
    """An object's bytes, as they come. `seek` asks for the rest from there."""

    def __init__(self, found: Any) -> None:
        self._found, self._at = found, 0
        self._body = self._get()

    def _get(self) -> Any:
        part = {"Range": f"bytes={self._at}-"} if self._at else {}
        try:
            return self._found.get(**part)["Body"]
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                raise FileNotFoundError(self._found.key) from error
            raise

    def seek(self, at: int) -> int:
        """Read from there on."""
        if at != self._at:
            self._body.close()
            self._at = at
            self._body = self._get()
        return at

    def read(self, size: int = -1) -> bytes:
        """The next bytes, all for a negative size."""
        piece: bytes = self._body.read(None if size < 0 else size)
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Let the connection go."""
        self._body.close()

    def __enter__(self) -> _Content:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
