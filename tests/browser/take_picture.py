"""Take the pictures of the documentation again, with cli, engine, tests and tests/servers in PYTHONPATH."""

import tempfile
from pathlib import Path

import studio_tutorial
from browser_bench import open_chromium, open_site, open_tab
from page_bench import open_studio
from playwright.sync_api import Browser

PICTURES = Path(__file__).parents[2] / "docs/pictures"


def take_connect_page(chromium: Browser, folder: Path) -> None:
    size = {"width": 640, "height": 640}
    with open_site(folder) as site, open_tab(chromium, viewport=size, color_scheme="light") as page:
        page.goto(site.link("acme", site.other_url))
        page.screenshot(path=PICTURES / "connect.png", full_page=True)


def take_studio(chromium: Browser, folder: Path) -> None:
    size = {"width": 1360, "height": 800}
    with open_studio(folder / "tour") as studio, studio.open(chromium, viewport=size, color_scheme="light") as page:
        studio_tutorial.follow(page, lambda name: page.screenshot(path=PICTURES / f"{name}.png") and None)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, open_chromium() as browser:
        take_connect_page(browser, Path(scratch))
        take_studio(browser, Path(scratch))
