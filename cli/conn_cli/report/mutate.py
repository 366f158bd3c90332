"""Mutation scores, drawn: text, JSON, Markdown, GitHub annotations. Configuration only, no recorded value."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from conn_cli.report.github import command
from conn_cli.report.markdown import cell, code, html_code
from conn_cli.report.sources import Sources
from conn_cli.words import counted
from conn_engine.analysis.mutants import LEFT_OUT, Verdict
from conn_engine.documents import dump_json

__all__ = ["Score", "github", "json_", "markdown", "text"]


@dataclass(frozen=True, slots=True)
class Score:
    """What a connector's tests made of its mutants."""

    connector: str
    verdicts: tuple[Verdict, ...]

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return sum(verdict.killed for verdict in self.verdicts)

    @property
    def percent(self) -> float:
        """The share that was noticed; 100 where there was nothing to try."""
        return 100.0 * self.killed / len(self.tried) if self.tried else 100.0

    @property
    def tried(self) -> list[Verdict]:
        """Those that could be made, by place."""
        return [verdict for verdict in self.verdicts if verdict.applicable]

    @property
    def survivors(self) -> list[Verdict]:
        """Those that nothing noticed, by place."""
        return [verdict for verdict in self.tried if not verdict.killed]

    @property
    def inapplicable(self) -> list[Verdict]:
        """Those that could not be made, by place."""
        return [verdict for verdict in self.verdicts if not verdict.applicable]


def text(scores: Sequence[Score], minimum: float | None) -> str:
    """For people: the score of each connector and its survivors with file and line."""
    lines = []
    for score in scores:
        low = f"   <- below {minimum:g}%" if minimum is not None and score.percent < minimum else ""
        lines.append(f"{score.connector}: {_figures(score)}{low}")
        for verdict in score.survivors:
            lines.append(f"  {_at(verdict)}  {_told(verdict)}")
        for verdict in score.inapplicable:
            lines.append(f"  {_at(verdict)}  not applicable: {_told(verdict)}")
    lines.append(f"left out: {'; '.join(LEFT_OUT)}")
    return "".join(f"{line}\n" for line in lines)


def _figures(score: Score) -> str:
    rest = f", {len(score.inapplicable):,} not applicable" if score.inapplicable else ""
    return f"{score.killed:,} of {counted(len(score.tried), 'mistake')} noticed ({score.percent:.1f}%){rest}"


def _told(verdict: Verdict) -> str:
    mutant = verdict.mutant
    tested = f"no difference in {counted(verdict.cases, 'case')}" if verdict.cases else "no case runs it"
    tested = tested if verdict.applicable else "one of its places is gone with another"
    return f"{mutant.kind}: {' '.join(mutant.text.split())}   ({mutant.path}; {tested})"


def _at(verdict: Verdict) -> str:
    span = verdict.mutant.span
    return f"{span.file}:{span.line}" if span else verdict.mutant.path


def json_(scores: Sequence[Score]) -> str:
    """`{"version": 1, "left_out": […], "connectors": [{connector, mutants, killed, percent, kinds, survivors,
    not_applicable}]}`."""
    return dump_json({"version": 1, "left_out": list(LEFT_OUT), "connectors": [_data(score) for score in scores]})


def _data(score: Score) -> dict[str, object]:
    every = Counter(verdict.mutant.kind for verdict in score.tried)
    killed = Counter(verdict.mutant.kind for verdict in score.verdicts if verdict.killed)
    return {
        "connector": score.connector,
        "mutants": len(score.tried),
        "killed": score.killed,
        "percent": round(score.percent, 1),
        "kinds": {kind: {"mutants": every[kind], "killed": killed[kind]} for kind in sorted(every)},
        "survivors": [{**_mutant(verdict), "cases": verdict.cases} for verdict in score.survivors],
        "not_applicable": [_mutant(verdict) for verdict in score.inapplicable],
    }


def _mutant(verdict: Verdict) -> dict[str, object]:
    mutant = verdict.mutant
    return {
        "kind": mutant.kind,
        "change": mutant.text,
        "path": mutant.path,
        "file": mutant.span.file if mutant.span else None,
        "line": mutant.span.line if mutant.span else None,
    }


def markdown(scores: Sequence[Score], minimum: float | None) -> str:
    """A table and the survivors, folded."""
    lines = ["| connector | noticed | of | score |", "|---|---:|---:|---:|"]
    for score in scores:
        low = minimum is not None and score.percent < minimum
        share = f"**{score.percent:.1f}%** < {minimum:g}%" if low else f"{score.percent:.1f}%"
        lines.append(f"| {cell(score.connector)} | {score.killed:,} | {len(score.tried):,} | {share} |")
    for score in (score for score in scores if score.survivors):
        lines += ["", f"<details><summary>{html_code(score.connector)}: not noticed</summary>", ""]
        lines += [_row(verdict) for verdict in score.survivors]
        lines += ["", "</details>"]
    for score in (score for score in scores if score.inapplicable):
        lines += ["", f"{code(score.connector)}: not applicable", ""]
        lines += [_row(verdict) for verdict in score.inapplicable]
    lines += ["", f"Left out: {'; '.join(LEFT_OUT)}."]
    return "\n".join(lines) + "\n"


def _row(verdict: Verdict) -> str:
    return f"- {code(_at(verdict))} {verdict.mutant.kind}: {code(verdict.mutant.text)}"


def github(scores: Sequence[Score], sources: Sources) -> str:
    """One notice per survivor on its line, and the scores."""
    lines = [
        command(
            "notice", f"not noticed: {_told(verdict)}", title="conn mutate", span=verdict.mutant.span, sources=sources
        )
        for score in scores
        for verdict in score.survivors
    ]
    lines += [command("notice", f"{score.connector}: {_figures(score)}", title="conn mutate") for score in scores]
    return "".join(f"{line}\n" for line in lines)
