"""Draw the scores of connectors, and the catalogue, as text and Markdown: counts, but no recorded value."""

from collections.abc import Iterator, Sequence

from conn_cli.fitting import USUAL_WIDTH
from conn_cli.formatting import join_lines
from conn_cli.report.columns import draw_columns
from conn_cli.report.markdown import cell, code
from conn_engine.analysis.score import BAR, ScoredConnector
from conn_engine.analysis.score.catalogue import CatalogueEntry
from conn_engine.analysis.score.report import KnownVendor
from conn_engine.diagnostics import pluralize

__all__ = ["draw_catalogue", "draw_catalogue_markdown", "draw_markdown", "draw_page", "draw_text", "format_score"]


def format_score(score: int | None, preview: bool | None) -> str:
    """Return a score in words: `94`, `61 (preview)`, `not scored`."""
    if score is None:
        return "not scored"
    return f"{score} (preview)" if preview else str(score)


def draw_text(scores: Sequence[ScoredConnector]) -> str:
    """Return the parts of each score, and what to do next."""
    return "\n".join(join_lines(_draw_lines(scored)) for scored in scores)


def _draw_lines(scored: ScoredConnector) -> Iterator[str]:
    reason = f"lint has {pluralize(scored.lint_errors, 'error')}" if scored.lint_errors else f"below {BAR}"
    preview = f", a preview: {reason}" if scored.preview else ""
    yield f"{scored.connector}: {scored.score} of 100{preview}{_describe_declared(scored)}"
    not_offered = {part.name for part in scored.parts if part.not_offered}
    for part in scored.parts:
        yield f"  {part.name.replace('_', ' '):12}{part.points:5.1f} of {part.of:2}  {part.detail}"
    yield f"  recordings: {_describe_recordings(scored)}"
    for operation, reason in scored.contract.gaps.items():
        yield f"  contract: {operation}: {reason}"
    for name, reason in scored.contract.not_offered.items():
        if name not in not_offered:
            yield f"  not offered: {name}: {reason}"
    if not scored.missing:
        yield "nothing is missing"
        return
    yield f"missing: {pluralize(len(scored.missing), 'thing')}; first:"
    for number, step in enumerate(scored.next_steps, 1):
        yield f"  {number}. {step.missing} ({step.points:g} points)"
        yield f"     {step.do}"


def _describe_declared(scored: ScoredConnector) -> str:
    """Return how many points `not_offered` takes out of the total, for those who compare connectors; "" for none."""
    if not scored.declared:
        return ""
    return f"; {scored.declared} points do not apply, because of not_offered"


def _describe_recordings(scored: ScoredConnector) -> str:
    figures = scored.recordings
    if not figures.newest:
        return "none"
    sources = ", ".join(f"{count} {source}" for source, count in figures.sources.items())
    age = f", {pluralize(figures.age_days, 'day')} old" if figures.age_days is not None else ""
    cases = f"{pluralize(figures.cases, 'recording')}, {figures.deliveries} deliveries"
    return f"{cases} ({sources}), newest from {figures.newest}{age}"


def draw_markdown(scores: Sequence[ScoredConnector]) -> str:
    """Return a table of the scores, and a section for each."""
    lines = ["| connector | score | missing first |", "|---|---:|---|"]
    for scored in scores:
        first = scored.next_steps[0].missing if scored.next_steps else ""
        lines.append(f"| {cell(scored.connector)} | {format_score(scored.score, scored.preview)} | {cell(first)} |")
    for scored in scores:
        lines += ["", f"### {code(scored.connector)}", "", *_draw_sections(scored)]
    return "\n".join(lines) + "\n"


def draw_page(scored: ScoredConnector) -> str:
    """Return the sections of one connector for its page in the documentation."""
    return "\n".join(_draw_sections(scored)) + "\n"


def _draw_sections(scored: ScoredConnector) -> Iterator[str]:
    preview = ": a preview" if scored.preview else ""
    total = f"**{scored.score} of 100**{preview}{_describe_declared(scored)}"
    yield f"{total}. Recordings: {code(_describe_recordings(scored))}."
    yield from ("", "| part | points | of | |", "|---|---:|---:|---|")
    for part in scored.parts:
        yield f"| {part.name.replace('_', ' ')} | {part.points:g} | {part.of} | {cell(part.detail)} |"
    if scored.resources:
        yield from ("", "| resource | operations | fields of the record | not mapped |", "|---|---|---|---|")
    for row in scored.resources:
        fields = f"{row.mapped} of {row.fields - row.served_elsewhere - row.not_offered} of {cell(row.record)}"
        missing = cell(", ".join([*row.missing_operations, *row.missing_fields]))
        yield f"| {cell(row.resource)} | {cell(', '.join(row.operations))} | {fields} | {missing} |"
    if scored.contract.gaps:
        yield from ("", "| operation that the contract does not allow | why it is sent |", "|---|---|")
    for operation, reason in scored.contract.gaps.items():
        yield f"| {cell(operation)} | {cell(reason)} |"
    if scored.contract.not_offered:
        yield from ("", "| what the vendor does not offer | reason |", "|---|---|")
    for name, reason in scored.contract.not_offered.items():
        yield f"| {cell(name)} | {cell(reason)} |"
    if scored.missing:
        yield from ("", "| missing | points | what to do |", "|---|---:|---|")
    for step in scored.missing:
        yield f"| {cell(step.missing)} | {step.points:g} | {cell(step.do)} |"


def draw_catalogue(
    entries: Sequence[CatalogueEntry], known: Sequence[KnownVendor], width: int | None, next_step: str
) -> str:
    """Return one line for each connector, and what is known about other vendors."""
    rows = [
        [
            entry.connector,
            format_score(entry.score, entry.preview),
            ", ".join(entry.models),
            "workspace" if entry.in_workspace else "bundled",
            entry.problem or ", ".join(entry.capabilities),
        ]
        for entry in entries
    ]
    lines = draw_columns(rows, width or 2 * USUAL_WIDTH) if rows else []
    for vendor in known:
        lines.append(f"{vendor.vendor}: no connector, but {' and '.join(vendor.settings)} of {vendor.label} are known")
    return join_lines([*lines, next_step])


def draw_catalogue_markdown(entries: Sequence[CatalogueEntry], links: bool = False) -> str:
    """Return the connectors as a table; with `links`, each is a link to its page in the same folder."""
    lines = ["| connector | score | models | resources | can |", "|---|---:|---|---|---|"]
    for entry in entries:
        name = f"[{entry.label}]({entry.connector}.md)" if links else cell(entry.connector)
        columns = [cell(", ".join(values)) for values in (entry.models, entry.resources, entry.capabilities)]
        lines.append(f"| {name} | {format_score(entry.score, entry.preview)} | {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"
