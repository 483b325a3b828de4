"""Takes them all: `make screenshots`.

A throw-away product is started and a workspace made ready; then each subject is taken into
docs/screenshots/{subject}-{desktop|phone}-{light|dark}.png.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from playwright.sync_api import Browser, sync_playwright

from convoship.machine import packages
from convoship.machine.state import ROOT
from tests.screenshots.scene import Scene, prepare, running_product
from tests.screenshots.subjects import SUBJECTS, TABS, WIDGET, Show

FOLDER = ROOT / "docs" / "screenshots"
Look = tuple[Literal["desktop", "phone"], Literal["light", "dark"]]
EVERY: tuple[Look, ...] = (("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark"))
SOME: tuple[Look, ...] = (("desktop", "light"), ("phone", "dark"))
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 864}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}


def take(
    browser: Browser, scene: Scene, subjects: Mapping[str, Show], looks: Iterable[Look], *, signed_in: bool
) -> None:
    """Each of these in each look."""
    for subject, show in subjects.items():
        for device, colours in looks:
            context = browser.new_context(
                **DEVICES[device],
                color_scheme=colours,
                reduced_motion="reduce",
                locale="en-GB",
                storage_state=scene.member if signed_in else None,
            )
            page = context.new_page()
            show(page, scene)
            page.wait_for_load_state("networkidle")
            path = FOLDER / f"{subject}-{device}-{colours}.png"
            page.screenshot(path=path)
            print(path.relative_to(ROOT))
            context.close()


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_product() as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=packages.chromium(), args=["--no-sandbox"])
        scene = prepare(browser, product)
        take(browser, scene, SUBJECTS, EVERY, signed_in=True)
        take(browser, scene, TABS, SOME, signed_in=True)
        take(browser, scene, WIDGET, EVERY, signed_in=False)
        browser.close()


if __name__ == "__main__":
    main()
