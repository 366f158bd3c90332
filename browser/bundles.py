"""The bundles for browsers that the service's pages load: built from the packages that package-lock.json names.

They are committed so that a wheel can be built without npm. `write` builds them again after a change of the lock
file; `check` builds them in a temporary folder and compares every byte. `types` checks the types of the studio's
modules, which are written as comments.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICE = HERE.parent / "engine/conn_service"
DIGESTS = HERE / "bundles.sha256"
NOTICES = "THIRD-PARTY-NOTICES.txt"
DOCS = "http/pages"
SWAGGER = "swagger-ui-dist"
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")
SWAGGER_LICENSES = ("NOTICE", "LICENSE", "swagger-ui-bundle.js.LICENSE.txt")
STUDIO = "studio/static/vendor"
NAMES = (*(f"{DOCS}/{name}" for name in (*SWAGGER_FILES, NOTICES)), f"{STUDIO}/codemirror.js", f"{STUDIO}/{NOTICES}")


def build(folder: Path) -> dict[str, bytes]:
    """Install the packages in a folder and return the files by name: a path below `engine/conn_service`."""
    install(folder)
    return {**copy_swagger(folder / "node_modules" / SWAGGER), **build_editor(folder)}


def install(folder: Path) -> None:
    """Install the packages of the lock file in a folder, without their scripts."""
    for name in ("package.json", "package-lock.json", ".npmrc", "codemirror.js"):
        shutil.copy(HERE / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=True)


def copy_swagger(package: Path) -> dict[str, bytes]:
    """Return the files of the page /docs, as their package has them."""
    files = {f"{DOCS}/{name}": (package / name).read_bytes() for name in SWAGGER_FILES}
    licenses = {f"{name} of {SWAGGER}": package / name for name in SWAGGER_LICENSES}
    return {**files, f"{DOCS}/{NOTICES}": join_notices(licenses)}


def build_editor(folder: Path) -> dict[str, bytes]:
    """Return the studio's editor as one module, with the license of every package that is in it."""
    options = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--charset=utf8", "--legal-comments=none"]
    command = ["node_modules/.bin/esbuild", "codemirror.js", *options, "--outfile=built.js", "--metafile=built.json"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=True)
    paths = [Path(name) for name in json.loads((folder / "built.json").read_text("utf-8"))["inputs"]]
    packages = {package for path in paths if (package := find_package(path)) is not None}
    licenses = {f"LICENSE of {package}": folder / "node_modules" / package / "LICENSE" for package in sorted(packages)}
    return {
        f"{STUDIO}/codemirror.js": (folder / "built.js").read_bytes(),
        f"{STUDIO}/{NOTICES}": join_notices(licenses),
    }


def find_package(path: Path) -> str | None:
    """Return the name of the package that a file is in: `@scope/name` or `name`."""
    if path.parts[0] != "node_modules":
        return None
    return "/".join(path.parts[1 : 3 if path.parts[1].startswith("@") else 2])


def join_notices(licenses: dict[str, Path]) -> bytes:
    """Return the texts of files, each under its title."""
    parts = [f"{title}\n\n{path.read_text('utf-8').strip()}\n" for title, path in licenses.items()]
    return "\n---\n\n".join(parts).encode()


def check_types(folder: Path) -> int:
    """Check the studio's modules. The types of the editor are those of the packages, not of the bundle."""
    install(folder)
    shutil.copytree(SERVICE / "studio/static", folder / "static")
    shutil.copy(folder / "codemirror.js", folder / "static/vendor/codemirror.js")
    shutil.copy(HERE / "studio.d.ts", folder / "static")
    options = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--noUnusedLocals", "--noUncheckedIndexedAccess"]
    target = ["--target", "es2024", "--module", "esnext", "--moduleResolution", "bundler", "--types", ""]
    modules = sorted(str(path.relative_to(folder)) for path in (folder / "static").glob("*.js"))
    command = ["node_modules/.bin/tsc", *options, *target, "--skipLibCheck", "static/studio.d.ts", *modules]
    return subprocess.run(command, cwd=folder, timeout=300, check=False).returncode


def digest(files: dict[str, bytes]) -> str:
    """Return the lines of a file that `sha256sum --check` reads in `engine/conn_service`."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))


def read_committed() -> dict[str, bytes]:
    """Return the committed files by name."""
    return {name: (SERVICE / name).read_bytes() for name in NAMES}


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["write", "check", "types"])
    mode = parser.parse_args().mode
    with tempfile.TemporaryDirectory() as folder:
        if mode == "types":
            return check_types(Path(folder))
        files = build(Path(folder))
    if mode == "write":
        for name, content in files.items():
            (SERVICE / name).parent.mkdir(parents=True, exist_ok=True)
            (SERVICE / name).write_bytes(content)
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
