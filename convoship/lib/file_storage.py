"""Where the contents of files are kept, as FILES_STORAGE_URL says it: in a folder, or in a bucket that speaks S3."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

EXAMPLE = "s3://KEY:SECRET@s3.eu-central-1.amazonaws.com/BUCKET/FOLDER?region=eu-central-1"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")  # as Amazon's rules, and older buckets
_FOLDER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_CHOICES = {"tls": ("on", "off"), "addressing": ("auto", "path", "virtual")}


def in_folder(folder: Path | str) -> dict[str, Any]:
    """A folder that only this process' user reads, as Django's STORAGES take it."""
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(folder), "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
    }


def at(url: str) -> dict[str, Any]:
    """The storage at `s3://[KEY:SECRET@]HOST[:PORT]/BUCKET[/FOLDER]?region=&tls=off&addressing=path`.

    Without a key it is found as boto3 finds it: in the environment, or by the machine's role. ValueError in words for
    what can't be one; its words never hold the secret.
    """
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise ValueError(f"it begins with s3://, such as {EXAMPLE}")
    options = _asked(parts.query)
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        # A secret with a slash in it ends the host early, and leaves the rest of itself where the port stands.
        raise ValueError("its host and port can't be read; in a secret write / as %2F, + as %2B and @ as %40") from None
    bucket, _, folder = unquote(parts.path).strip("/").partition("/")
    if not host:
        raise ValueError(f"it names no host, such as {EXAMPLE}")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError("after the host stands the bucket's name: 3 to 63 letters, digits, dots and hyphens")
    if folder and not _FOLDER.fullmatch(folder):
        raise ValueError("the folder in the bucket may have letters, digits, dots, hyphens and underscores")
    key, secret = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(key) != bool(secret):
        raise ValueError("a key needs its secret: KEY:SECRET@ before the host, or neither")
    if lacking := [name for name in ("storages", "boto3") if find_spec(name) is None]:
        raise ValueError(
            f"what speaks S3 is not installed ({', '.join(lacking)}): pip install --require-hashes -r "
            "requirements-s3.txt (`manage.py up` and `manage.py install` do it where this variable is set)"
        )
    named = f"[{host}]" if ":" in host else host
    return {
        "BACKEND": "convoship.lib.outbound.s3.Bucket",
        "OPTIONS": {
            "bucket_name": bucket,
            "location": folder,
            "endpoint_url": f"{'http' if options['tls'] == 'off' else 'https'}://{named}{f':{port}' if port else ''}",
            "region_name": options["region"],
            "addressing_style": options["addressing"],
            "access_key": key or None,
            "secret_key": secret or None,
        },
    }


def _asked(query: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    options = {"region": "us-east-1", "tls": "on", "addressing": "auto"}
    if unknown := given.keys() - options:
        raise ValueError(f"it knows no {', '.join(sorted(unknown))}; after the ? stand region, tls and addressing")
    for name, choices in _CHOICES.items():
        if given.get(name, choices[0]) not in choices:
            raise ValueError(f"{name} is one of {', '.join(choices)}")
    if not re.fullmatch(r"[a-z0-9-]{1,40}", given.get("region", options["region"])):
        raise ValueError("region is a name such as eu-central-1")
    return options | given
