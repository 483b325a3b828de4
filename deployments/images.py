"""Images drawn anew: what leaves here is what was to be seen, and nothing else that was in the file.

So places and names that a camera wrote are gone, and so is anything that was hidden in the file for other programs. Of
a moving image the first picture is kept. The drawing is done by a process of its own (`redrawing`), which is stopped
when it takes long.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from deployments import redrawing

logger = logging.getLogger(__name__)

# An honest image of 25 million points takes some 500 MB and two to three seconds.
CPU_SECONDS = 8
MEMORY_BYTES = 1 << 30
# By the clock, for a machine that is busy with other things.
LONGEST_SECONDS = 20
_DRAWN_AS = (b"image/jpeg", b"image/png", b"image/webp")
_PROGRAM = Path(redrawing.__file__)
# A progressive JPEG has about ten scans, and each goes over all of its points; Pillow joins segments of EXIF one by
# one. Whoever has so many of either made them to take time, and needn't be given any.
_MOST_SCANS = _MOST_EXIF = 100
_TOO_LONG = "The image takes too long to read. Save it anew in another program, and send that."


class ImageRefused(ValueError):
    """Not an image that is taken. `words`: why, in plain words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def redrawn(content: bytes, most: int) -> tuple[bytes, str]:
    """The image without anything but its pixels in at most `most` bytes, and its content type.

    `ImageRefused` for one that can't be taken. Waits for a process, LONGEST_SECONDS at most.
    """
    is_jpeg = content.startswith(b"\xff\xd8")
    if is_jpeg and (content.count(b"\xff\xda") > _MOST_SCANS or content.count(b"Exif\0\0") > _MOST_EXIF):
        raise ImageRefused(_TOO_LONG)
    command = [sys.executable, "-I", str(_PROGRAM), str(most), str(CPU_SECONDS), str(MEMORY_BYTES)]
    try:
        # Nothing of the visitor's is in the command, and nothing of ours in the environment.
        done = subprocess.run(  # noqa: S603
            command, input=content, capture_output=True, timeout=LONGEST_SECONDS, env={}, cwd="/", check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageRefused(_TOO_LONG) from None
    if done.returncode == redrawing.REFUSED:
        raise ImageRefused(done.stdout.decode(errors="replace")[:300])
    if done.returncode < 0:
        # By a signal: out of processor time, or killed by its own fault.
        logger.warning("an image of %d bytes ended its process by signal %d", len(content), -done.returncode)
        raise ImageRefused(_TOO_LONG)
    if done.returncode:
        raise RuntimeError(f"drawing an image failed: {done.stderr.decode(errors='replace')[-2000:]}")
    content_type, _, drawn = done.stdout.partition(b"\n")
    if content_type not in _DRAWN_AS:
        # It read what a stranger chose, and may say what that stranger likes.
        logger.warning("drawing an image of %d bytes gave something else than an image", len(content))
        raise ImageRefused("The image can't be read: it is damaged, or cut off.")
    return drawn, content_type.decode()
