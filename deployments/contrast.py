"""Whether two colours can be read one upon the other, and the nearest colour that can.

Colours are `#rrggbb`. Contrast is WCAG 2.2's ratio, 1 to 21. *Nearest* is meant as the eye means it: lightness is
stepped in OKLCH (hue kept, chroma kept as far as sRGB goes) and the candidate with the least OKLab distance is taken.
The same colours always give the same answer.

Sources: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, https://bottosson.github.io/posts/oklab/ (formulas only).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

AA_TEXT = 4.5
_STEPS = 256
_Triple = tuple[float, float, float]


def ratio(one: str, other: str) -> float:
    """The contrast of two colours."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable(colour: str, upon: Sequence[str], least: float = AA_TEXT) -> bool:
    return all(ratio(colour, other) >= least for other in upon)


def black_or_white(upon: str) -> str:
    """The better of the two; on any colour it reaches at least 4.58."""
    return "#000000" if ratio("#000000", upon) >= ratio("#ffffff", upon) else "#ffffff"


def nearest(colour: str, upon: Sequence[str], least: float = AA_TEXT) -> str | None:
    """The colour most like this one that is readable upon all the others; None if no lightness of it is."""
    start = _oklab(_linear(colour))
    best: tuple[float, str] | None = None
    for step in range(_STEPS + 1):
        level = step / _STEPS
        candidate = _hex(_in_gamut(level, start[1], start[2]))
        if readable(candidate, upon, least):
            distance = math.dist(start, _oklab(_linear(candidate)))
            if best is None or (distance, candidate) < best:
                best = (distance, candidate)
    return best[1] if best else None


def _linear(colour: str) -> _Triple:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return _decoded(red), _decoded(green), _decoded(blue)


def _decoded(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _encoded(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)


def _hex(linear: _Triple) -> str:
    return "#" + "".join(f"{round(min(1.0, max(0.0, _encoded(max(0.0, value)))) * 255):02x}" for value in linear)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklab(linear: _Triple) -> _Triple:
    red, green, blue = linear
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> _Triple:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _in_gamut(lightness: float, a: float, b: float) -> _Triple:
    """The colour of this lightness and hue with as much of its chroma as the screen can show."""
    whole = _from_oklab(lightness, a, b)
    if _on_screen(whole):
        return whole
    low, high = 0.0, 1.0
    for _ in range(12):
        part = (low + high) / 2
        if _on_screen(_from_oklab(lightness, a * part, b * part)):
            low = part
        else:
            high = part
    return _from_oklab(lightness, a * low, b * low)


def _on_screen(linear: _Triple) -> bool:
    return all(-1e-4 <= value <= 1 + 1e-4 for value in linear)
