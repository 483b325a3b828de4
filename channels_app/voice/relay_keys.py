"""Keys that a caller presses: a choice of the menu, or a number that ends with # or with a pause. Pure."""

from __future__ import annotations

from collections.abc import Container

# After a key of the menu, in case it is the first of a number; and after the last key of a number.
MENU_PAUSE, NUMBER_PAUSE = 1.2, 3.0
MOST_KEYS = 32


class Keys:
    """Of one session; `menu` holds the keys that mean something by themselves."""

    def __init__(self, menu: Container[str]) -> None:
        self.menu = menu
        self.pressed = ""
        # When what was pressed is whole, by the monotonic clock; None while nothing is pressed.
        self.due_at: float | None = None

    def press(self, key: str, now: float) -> str:
        """One key. What was pressed, where it is whole with this, else ""."""
        if key == "#" and (self.pressed or "#" not in self.menu):
            return self.take()
        self.pressed += key
        if len(self.pressed) >= MOST_KEYS:
            return self.take()
        is_choice = len(self.pressed) == 1 and key in self.menu
        self.due_at = now + (MENU_PAUSE if is_choice else NUMBER_PAUSE)
        return ""

    def take(self) -> str:
        """What was pressed, which is over with this."""
        pressed, self.pressed, self.due_at = self.pressed, "", None
        return pressed
