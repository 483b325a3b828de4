"""The program that draws one image anew: run by `images` in a process of its own, for it reads what a stranger chose.

A few bytes can ask a decoder for minutes and gigabytes, and a decoder may have faults: so this process may take little
of either, is given no secret (its environment is empty), writes no file, and imports nothing of ours.

Standard input: the image. Arguments: the most bytes that may come out, the most seconds of processor time, the most
bytes of memory. Standard output: a line with the content type,
then the image; or, where the exit code is REFUSED, the reason in plain words.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
MOST_PIXELS = 25_000_000
REFUSED = 3
_JPEG_QUALITY = 88
# Drawn anew an image can be larger than it was (a palette becomes colours): then it is made smaller, step by step.
_SCALES = (1.0, 0.7, 0.5, 0.35)


class Refused(Exception):
    """Not an image that is taken; why, in plain words."""


def bound(seconds: int, memory: int) -> None:
    """Take no more than this, whatever the image asks for."""
    # Conversations first.
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS has the name of this limit, and refuses every value.
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def redrawn(content: bytes, most: int) -> tuple[str, bytes]:
    """The content type, and the image with nothing but its pixels in at most so many bytes; raises `Refused`."""
    from PIL import Image  # (after the bounds: they hold for what it does when it is imported as well)

    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            # The head says how large it will be; nothing has been unpacked so far.
            if image.width * image.height > MOST_PIXELS:
                raise Refused(f"The image has {image.width} x {image.height} points; at most 25 million are taken.")
            return _drawn(image, most)
    except Refused:
        raise
    except Image.DecompressionBombError:
        raise Refused("The image has more points than are taken: at most 25 million.") from None
    except MemoryError:
        raise Refused("The image takes more memory than is given to one.") from None
    except Exception:  # noqa: BLE001 (whatever a decoder makes of bytes that somebody chose, it is no image to us)
        raise Refused("The image can't be read: it is damaged, or cut off.") from None


def _drawn(image: Image.Image, most: int) -> tuple[str, bytes]:
    from PIL import ImageOps

    # A phone's photo may have a second picture behind the first (MPO): it is a JPEG with one.
    as_what = {"MPO": "JPEG", "GIF": "PNG"}.get(str(image.format), str(image.format))
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        # 16 bits of grey: the upper eight of them, where a mere conversion would take all above 255 for white.
        upright = upright.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = as_what != "JPEG" and ("A" in upright.getbands() or "transparency" in upright.info)
    # Converted, then without what stands beside the pixels: comments, profiles, EXIF.
    bare = upright.convert("RGBA" if has_alpha else "L" if upright.mode in {"1", "L"} else "RGB")
    bare.info = {}
    del upright
    options = {"JPEG": {"quality": _JPEG_QUALITY, "optimize": True}, "WEBP": {"quality": _JPEG_QUALITY}}
    for scale in _SCALES:
        size = (max(1, round(bare.width * scale)), max(1, round(bare.height * scale)))
        out = io.BytesIO()
        (bare if scale == 1 else bare.resize(size)).save(out, as_what, **options.get(as_what, {}))
        if out.tell() <= most:
            return f"image/{as_what.lower()}", out.getvalue()
    raise Refused("The image is larger than is taken once it is drawn anew. Send a smaller one.")


def main() -> int:
    """Read, draw, write; the exit code."""
    most, seconds, memory = map(int, sys.argv[1:])
    bound(seconds, memory)
    try:
        content_type, content = redrawn(sys.stdin.buffer.read(), most)
    except Refused as refused:
        sys.stdout.buffer.write(str(refused).encode())
        return REFUSED
    sys.stdout.buffer.write(content_type.encode() + b"\n" + content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
