"""Images drawn anew: what leaves here is what was to be seen, and nothing else that was in the file.

So places and names that a camera wrote are gone, and so is anything that was hidden in the file for other programs. Of
a moving image the first picture is kept.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
MOST_PIXELS = 25_000_000
_JPEG_QUALITY = 88


class ImageRefused(ValueError):
    """Not an image that is taken. `words`: why, in plain words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def redrawn(content: bytes) -> tuple[bytes, str]:
    """The image without anything but its pixels, and its content type; `ImageRefused` for one that can't be taken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                # The head says how large it will be; nothing has been unpacked so far.
                if image.width * image.height > MOST_PIXELS:
                    raise ImageRefused(
                        f"The image has {image.width} x {image.height} points; at most 25 million are taken."
                    )
                return _drawn(image)
    except ImageRefused:
        raise
    except Image.DecompressionBombError:
        raise ImageRefused("The image has more points than are taken: at most 25 million.") from None
    except Exception:  # noqa: BLE001 (whatever a decoder makes of bytes that somebody chose, it is no image to us)
        raise ImageRefused("The image can't be read: it is damaged, or cut off.") from None


def _drawn(image: Image.Image) -> tuple[bytes, str]:
    as_what = str(image.format)
    image.load()
    upright = ImageOps.exif_transpose(image)
    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
    mode = "RGBA" if has_alpha else "L" if upright.mode in {"1", "L"} else "RGB"
    # Converted, then without what stands beside the pixels: comments, profiles, EXIF.
    bare = upright.convert(mode)
    bare.info = {}
    out = io.BytesIO()
    if as_what == "JPEG":
        bare.convert("RGB" if mode == "RGBA" else mode).save(out, "JPEG", quality=_JPEG_QUALITY, optimize=True)
        return out.getvalue(), "image/jpeg"
    if as_what == "WEBP":
        bare.save(out, "WEBP", quality=_JPEG_QUALITY)
        return out.getvalue(), "image/webp"
    bare.save(out, "PNG")
    return out.getvalue(), "image/png"
