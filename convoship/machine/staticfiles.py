"""Collected static files: hashed names, compressed once, and fast enough for a first start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import brotli
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

# From here on the best compression takes seconds a file and gains a few per cent.
LARGE = 150_000
_HASHED = re.compile(r"\.[0-9a-f]{12}\.[^/]+$")


class QuickCompressor(Compressor):
    """WhiteNoise's, with less effort for the few large files (they are the API page's)."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        """The best there is for what pages load."""
        return brotli.compress(data, quality=5 if len(data) > LARGE else 11)


class Storage(CompressedManifestStaticFilesStorage):
    """Compresses what is asked for: the names with a hash, and the widget's, whose own build hashes them."""

    def create_compressor(self, **kwargs: Any) -> Compressor:
        """The quick one."""
        return QuickCompressor(**kwargs)

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Leave out the copies under plain names: no page of ours names them."""
        return super().compress_files([path for path in paths if _HASHED.search(path) or path.startswith("widget/")])
