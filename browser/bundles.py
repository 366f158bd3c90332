"""The bundles for browsers that the service's pages load: copied from the packages that package-lock.json names.

They are committed so that a wheel can be built without npm. `--write` copies them again after a change of the lock
file; `--check` copies them into a temporary folder and compares every byte.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "engine/conn_service/http/pages"
DIGESTS = HERE / "bundles.sha256"
NOTICES = "THIRD-PARTY-NOTICES.txt"
PACKAGE = "swagger-ui-dist"
COPIED = ("swagger-ui-bundle.js", "swagger-ui.css")
LICENSES = ("NOTICE", "LICENSE", "swagger-ui-bundle.js.LICENSE.txt")


def build(folder: Path) -> dict[str, bytes]:
    """Install the packages of the lock file in a folder, without their scripts, and return the files by name."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=True)
    package = folder / "node_modules" / PACKAGE
    files = {name: (package / name).read_bytes() for name in COPIED}
    parts = [f"{name} of {PACKAGE}\n\n{(package / name).read_text('utf-8').strip()}\n" for name in LICENSES]
    return {**files, NOTICES: "\n---\n\n".join(parts).encode()}


def digest(files: dict[str, bytes]) -> str:
    """Return the lines of a file that `sha256sum --check` reads."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))


def read_committed() -> dict[str, bytes]:
    """Return the committed files by name."""
    return {name: (PAGES / name).read_bytes() for name in (*COPIED, NOTICES)}


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["write", "check"])
    with tempfile.TemporaryDirectory() as folder:
        files = build(Path(folder))
    if parser.parse_args().mode == "write":
        for name, content in files.items():
            (PAGES / name).write_bytes(content)
        DIGESTS.write_text(digest(files), encoding="utf-8")
        return 0
    committed = read_committed()
    different = [name for name in files if files[name] != committed[name]]
    if different or digest(files) != DIGESTS.read_text("utf-8"):
        sys.stderr.write(f"differ from the lock file: {', '.join(different) or DIGESTS.name}; run make bundles\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
