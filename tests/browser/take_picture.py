"""Take the picture of the how-to page again, with cli, engine, tests and tests/servers in PYTHONPATH."""

import tempfile
from pathlib import Path

from browser_bench import open_chromium, open_site, open_tab

PICTURE = Path(__file__).parents[2] / "docs/pictures/connect.png"

if __name__ == "__main__":
    size = {"width": 640, "height": 640}
    with (
        tempfile.TemporaryDirectory() as folder,
        open_chromium() as chromium,
        open_site(Path(folder)) as site,
        open_tab(chromium, viewport=size, color_scheme="light") as page,
    ):
        page.goto(site.link("acme", site.other_url))
        page.screenshot(path=PICTURE, full_page=True)
