"""Text for people fits the terminal: at every width, for everything that the scenario files show."""

import re
from pathlib import Path

import pytest
import transcript

from conn_cli.fitting import fit_text
from conn_cli.neutralize import Styled
from conn_cli.plain import measure_width
from conn_cli.report.text import paint

WIDTHS = (20, 26, 33, 40, 54, 79, 80, 81, 100, 120, 160, 300)
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def shown_lines():
    """The lines that the commands of the scenario files print for people, longest first."""
    lines = set()
    for path in sorted((Path(__file__).parent / "scenarios").glob("*.md")):
        for block in transcript.FENCE.finditer(path.read_text(encoding="utf-8")):
            if block[1] == "console":
                lines |= {
                    line.removeprefix("! ")
                    for line in block[3].splitlines()
                    if not line.lstrip().startswith(("$", "{", "[", '"')) and not line.endswith("\\")
                }
    return sorted(lines, key=len, reverse=True)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_breaks_between_words_alone(width):
    long = [line for line in shown_lines()[:1500] if len(line) > width]
    assert len(long) > 10 or width == 300
    for line in long:
        parts = fit_text(line, width).split("\n")
        for part in parts:
            assert measure_width(part) <= width or len(part.removesuffix(" \\").split()) == 1, part
        if "…" not in "".join(parts):
            words = " ".join(part.removesuffix(" \\") for part in parts).split()
            assert words == line.split()


def test_text_for_a_file_stays_as_it_is():
    assert fit_text("word " * 100, None) == "word " * 100


def test_a_fix_continues_below_its_text():
    fitted = fit_text("  fix: correct the mapping, and test it again", 30)
    assert fitted.split("\n") == ["  fix: correct the mapping, and", "       test it again"] or fitted == (
        "  fix: correct the mapping,\n       and test it again"
    )


@pytest.mark.parametrize("width", [60, 40, 24])
def test_a_command_can_be_pasted(width):
    command = 'conn ci --accept --reason "the vendor renamed it" --base-dir ../before'
    fitted = fit_text(f"  fix: if every effect is intended, accept them all: {command}", width)
    pasted = re.sub(r"\\\n *", "", fitted[fitted.index("conn ci") :])
    assert pasted == command


def test_a_command_on_several_lines_stays_as_it_is():
    command = "curl -X POST \\\n  -H 'X-Signature: 0123456789abcdef0123456789abcdef' \\\n  --data-binary @body https://receiver.example/in"
    assert fit_text(command, 30) == command


def test_a_command_moves_to_its_own_line_when_it_fits_there():
    fitted = fit_text("  fix: the mapping reads nothing; record it: conn record contacts.list -a acme", 60)
    assert fitted.split("\n")[-1] == "       conn record contacts.list -a acme"


def test_a_source_line_is_cut_around_its_marker():
    source = "  28 | " + "a" * 100 + "HERE" + "b" * 100
    fitted = fit_text(f"{source}\n     | {' ' * 100}^^^^\n  at x", 60).split("\n")
    assert [len(line) <= 60 for line in fitted] == [True] * 3
    at = fitted[1].index("^^^^")
    assert fitted[0][at : at + 4] == "HERE"
    assert fitted[0].startswith("  28 | …") and fitted[0].endswith("…")


def test_only_the_url_of_a_replayed_request_is_shortened():
    url = f"https://vendor.example/{'long/' * 30}"
    for text in ("open this page in a browser: {}", "  GET {}", "nothing is recorded for GET {}"):
        assert url in fit_text(text.format(url), 80)
    fitted = fit_text(f"    GET /contacts?{'properties=' * 20}&after=106   200   2 records", 80)
    assert "\n" not in fitted and fitted.endswith("after=106   200   2 records") and "…" in fitted


def test_json_stays_whole():
    data = '{\n  "note": "a text of many words that is wider than the terminal of this test",\n  "n": [\n    1\n  ]\n}'
    assert fit_text(data, 40) == data


def test_documents_stay_whole(tmp_path):
    (tmp_path / "in.json").write_text("{}")
    value = ["eval", f"[{', '.join(['12345'] * 40)}]", "-i", "in.json"]
    for arguments in (["webhook", "scheme", "stripe"], ["schema", "connector"], value):
        assert transcript.conn(tmp_path, *arguments, COLUMNS="30").out == transcript.conn(tmp_path, *arguments).out


def test_the_options_that_follow_a_command_in_a_sentence_are_not_a_part_of_it():
    fitted = fit_text("next: see the others: conn account list --all, or --connector NAME", 40)
    assert "\\" not in fitted


def test_the_marker_of_an_expression_stays_below_its_error(tmp_path):
    expression = f"{'response.a & ' * 6}$uppercas(response.b)"
    (tmp_path / "in.json").write_text("{}")
    shown = transcript.conn(tmp_path, "eval", expression, "-i", "in.json", COLUMNS="60").err.splitlines()
    marker = next(number for number, line in enumerate(shown) if "^" in line)
    at = shown[marker].index("^")
    assert shown[marker - 1][at:].startswith("$uppercas") and max(map(len, shown)) <= 60


def test_colors_take_no_columns():
    pieces = [("error", "error"), (" the mapping of contacts reads nothing", ""), ("\n", "")]
    plain, colored = paint(pieces, color=False), paint(pieces, color=True)
    assert STYLE.sub("", fit_text(colored, 30)) == fit_text(plain, 30)
    assert isinstance(fit_text(colored, 30), Styled)


def test_a_break_does_not_make_a_command_of_a_ci_system(tmp_path):
    from conn_cli.console import App

    class Collected:
        encoding = "utf-8"
        text = ""

        def write(self, text):
            self.text += text

        def isatty(self):
            return False

    stream = Collected()
    App(folder=tmp_path, stderr=stream, environ={"COLUMNS": "30"}).err(f"{'word ' * 5}the text ::error::forged")
    assert not [line for line in stream.text.split("\n") if line.strip().startswith("::")]
