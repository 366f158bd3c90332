"""Draw reports in the requested formats, and write them to standard output or to files.

Each format of findings is a module of this package.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from conn_cli.neutralize import Form, Verbatim, remove_styles
from conn_cli.report.sources import Sources
from conn_engine.diagnostics import Diagnostic, did_you_mean
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.reports import Report

__all__ = ["FORMATS", "Output", "draw_findings", "parse_specs", "render", "write_report", "write_text"]

FORMATS: Final = ("text", "json", "sarif", "junit", "github")
"""The formats of a report that consists of findings."""
_DRAWINGS: Mapping[str, str] = {
    "text": "conn_cli.report.text",
    "sarif": "conn_cli.report.sarif",
    "junit": "conn_cli.report.junit",
    "github": "conn_cli.report.github",
}
"""Name of a format to the module whose `render(findings, sources)` draws findings; imported when first used."""

_FORMS: Mapping[str, Form] = {"json": "json", "sarif": "json", "junit": "xml", "github": "github"}


class Output(Protocol):
    """Writes and sanitizes reports. `console.App` is one."""

    def write(self, text: str = "", *, end: str = "\n", form: Form = "text", prose: bool = False) -> None:
        """Write to standard output."""
        ...

    def sanitize(self, text: str, form: Form = "text") -> str:
        """Return the text without secrets and without what a terminal or CI system obeys."""
        ...


def render(
    format: str,  # noqa: A002 - named like the option
    findings: Sequence[Diagnostic],
    sources: Sources,
    *,
    color: bool = False,
) -> str:
    """Draw the findings, sorted by place, in a format of `FORMATS` except JSON. Equal findings give equal strings.

    `color` applies only to "text". Raises UsageError for an unknown format.
    """
    module = import_module(_DRAWINGS[_check_format(format, _DRAWINGS)])
    ordered = sorted(findings, key=Diagnostic.sort_key)
    draw: Callable[..., str] = module.render
    return draw(ordered, sources, color=color) if format == "text" else draw(ordered, sources)


def parse_specs(specs: Sequence[str], names: Iterable[str] = FORMATS) -> list[tuple[str, str]]:
    """Parse each `FORMAT` or `FORMAT=FILE` to a format and a file ("" for standard output). The default is text.

    Raises UsageError for an unknown format, an empty file name, or two formats with the same destination.
    """
    parsed: list[tuple[str, str]] = []
    for spec in specs or ["text"]:
        name, equals, file = spec.partition("=")
        if equals and not file:
            raise UsageError(
                f"--format {spec}: the file name is missing",
                hint=f"write it like --format {spec.partition('=')[0]}=FILE",
            )
        file = "" if file == "-" else file
        if any(file == other for _, other in parsed):
            where = file or "standard output"
            raise UsageError(
                f"--format {spec}: another format already goes to {where}",
                hint="give each a file: --format sarif=conn.sarif",
            )
        parsed.append((_check_format(name, names), file))
    return parsed


def draw_findings(
    findings: Sequence[Diagnostic], sources: Sources, *, color: bool = False
) -> dict[str, Callable[[], str]]:
    """Return what draws the findings, for each format except JSON."""
    return {name: partial(render, name, findings, sources, color=color) for name in _DRAWINGS}


def write_report(
    make: "Callable[[], Report]",
    specs: Sequence[str],
    draw: Mapping[str, Callable[[], str]],
    output: Output,
    *,
    folder: Path,
) -> None:
    """Write a report in every requested format: JSON is the `data()` of the report that `make` returns, and `draw` has
    what makes the text of each other format. Files are written as by `write_text`.

    Raises UsageError for a bad spec, before anything is written.
    """
    from conn_engine.documents import dump_json

    drawings: Mapping[str, Callable[[], str]] = {**draw, "json": lambda: dump_json(make().data())}
    for name, file in parse_specs(specs, drawings):
        write_text(drawings[name](), name, file, output, folder=folder)


def write_text(text: str, name: str, file: str, output: Output, *, folder: Path) -> None:
    """Write one report in the named format, sanitized, to standard output or, without colors, to a file below `folder`.
    A text is fitted into a terminal, unless it is `Verbatim`.

    The file is written completely or not at all, and never through a link, which a repository under test may contain.
    Raises ConfigurationError if the file cannot be written.
    """
    from conn_engine.documents import write_whole

    form = _FORMS.get(name, "text")
    if file:
        write_whole(folder / file, output.sanitize(remove_styles(text), form), within=folder, links=False)
    else:
        output.write(text, end="", form=form, prose=name == "text" and not isinstance(text, Verbatim))


def _check_format(name: str, choices: Iterable[str] = FORMATS) -> str:
    names = list(choices)
    if name in names:
        return name
    raise UsageError(
        f'there is no format "{name}"', hint=did_you_mean(name, names) or f"use one of: {', '.join(names)}"
    )
