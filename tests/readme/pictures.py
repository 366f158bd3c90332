"""Draw the pictures of the README: what commands print in a terminal, as SVG, without a font or an address of others.

python tests/readme/pictures.py --write     draws them again
python tests/readme/pictures.py --check     fails if they are not what the commands print now

Each picture is a session in a new copy of the example workspace. A step is what the picture shows after the prompt, or
a comment; the command that runs if it is a different one; and patterns of the output lines that `…` replaces.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

sys.path.append(str(Path(__file__).parents[1]))  # of the tests, which are not there when this is a program

import launching

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
WIDTH = 100
MARGIN = 1
"""Columns between the longest lines and the frame."""
COMMIT = 'git add -A && git -c user.name=conn -c user.email=conn@example.com commit -q -m "Our integrations"'
FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*|<!--.*?-->\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)

PICTURES = {
    "one-change.svg": (
        "conn init . --example && git init -q -b main",
        [
            ("# Umbrella wants its own field, vip: true for an industry score of 80 or more.", "true", ()),
            (
                "conn override umbrella contacts custom_fields.vip \\\n"
                "    '$number($base.custom_fields.industry_score[$]) >= 80'",
                None,
                (r"webhook ", r"data\.", r"no change in", r"next:"),
            ),
            (
                "\n# Months later, someone tidies up the base connector, and checks the change before the merge:",
                f'{COMMIT} && sed -i.kept \'50,60s/"hs_\\*"/"hs_*", "industry_*"/\' connectors/hubspot/unified/crm.yaml'
                " && rm connectors/hubspot/unified/crm.yaml.kept",
                (),
            ),
            ("conn impact", None, (r"compared with", r"(crm\.contacts\.(create|get|update)|webhook objects) ")),
        ],
    )
}
"""File to the command that prepares its workspace, and its steps. The name of a commit is never shown: it changes."""


def draw(prepare, steps):
    """Return the SVG of a session. The same output makes the same bytes."""
    with tempfile.TemporaryDirectory() as home:
        shell = _build_shell(Path(home))
        workspace = Path(home) / "integrations"
        workspace.mkdir()
        _run(prepare, workspace, shell)
        screen = Text()
        for shown, command, hidden in steps:
            is_comment = shown.lstrip().startswith("#")
            screen.append("" if is_comment else "$ ", "green")
            screen.append(f"{shown}\n", "italic bright_black" if is_comment else "bold")
            output = _run(command or shown, workspace, shell)
            for line in _leave_out(Text.from_ansi(output), hidden):
                screen.append_text(line).append("\n")
    screen.rstrip()
    screen.append("\n")  # so that the last line does not touch the frame
    console = Console(record=True, width=WIDTH + MARGIN, file=io.StringIO(), force_terminal=True)
    console.print(screen, soft_wrap=True)
    return console.export_svg(title="conn", unique_id="conn", code_format=FORMAT)


def _leave_out(output, hidden):
    """Yield the lines of the output, and one `…` instead of neighboring lines that match a pattern."""
    is_left_out = False
    for line in output.split("\n") if output else ():
        was_left_out, is_left_out = is_left_out, any(re.search(pattern, line.plain) for pattern in hidden)
        if not is_left_out:
            yield line
        elif not was_left_out:
            yield Text("  …")


def _build_shell(home):
    """Return the variables of a shell with the checkout's `conn` and colors, and without an account or a keyring."""
    command = home / "bin" / "conn"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conn_cli.main "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "cli"), str(ROOT / "engine")]),
        "PYTHONUTF8": "1",
        "CONN_NO_KEYRING": "1",
        "CONN_STATE_DIR": str(home / "state"),
        "FORCE_COLOR": "1",
        "COLUMNS": str(WIDTH),
    }


def _run(command, folder, shell):
    """Return the standard output of the command, also of one that fails."""
    return launching.run(
        ["sh", "-c", command],
        cwd=folder,
        env=shell,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # progress, which depends on the machine
        encoding="utf-8",
        timeout=120,
        check=False,
    ).stdout


def main(arguments):
    """Write the pictures or compare them, and return the exit code."""
    different = []
    for name, (prepare, steps) in PICTURES.items():
        path = FOLDER / name
        picture = draw(prepare, steps)
        if "--write" in arguments:
            path.parent.mkdir(exist_ok=True)
            path.write_text(picture, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != picture:
            different.append(name)
            print(f"differs: {name}: make pictures")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
