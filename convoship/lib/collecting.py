"""Python's collector of cycles in a process that serves: it need not look at what was loaded for life."""

from __future__ import annotations

import gc

# Young objects before the collector looks at them (700 by default), and how often it looks at older ones. A request
# makes some thousand, nearly all of which go by themselves.
THRESHOLDS = (20_000, 20, 50)


def settle() -> None:
    """Call once all is loaded: what there is now stays, and is not looked at again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
