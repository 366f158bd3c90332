"""The protocols of bash, zsh and fish, as in the scripts of `conn --install-completion`."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from conn_cli.completion.command_line import Candidate, find_candidates

__all__ = ["print_completions"]


def print_completions(environ: Mapping[str, str]) -> bool:
    """Print what may be typed next. Returns False for another shell or request, which Typer serves."""
    shell = environ["_CONN_COMPLETE"]
    if shell == "complete_bash":
        print(_complete_bash(environ))
    elif shell == "complete_zsh":
        print(_complete_zsh(environ))
    elif shell == "complete_fish":
        _complete_fish(environ)
    else:
        return False
    return True


def _complete_bash(environ: Mapping[str, str]) -> str:
    """Return the candidates, a line each. Bash breaks words at `=` and `:`, so the parts before them are left out."""
    index = int(environ.get("COMP_CWORD", "0") or 0)
    parts = environ.get("COMP_WORDS", "").split("\n")
    if len(parts) == 1:  # a script that joins the words with spaces
        parts = _split(parts[0])
    words = _join_parts([part.strip("'\"") for part in parts[: index + 1]])
    incomplete = words[-1] if len(words) > 1 else ""
    typed_length = max(incomplete.rfind("="), incomplete.rfind(":")) + 1
    return "\n".join(candidate.text[typed_length:] for candidate in _find(words[1:-1], incomplete, environ))


def _join_parts(parts: Sequence[str]) -> list[str]:
    """Return the words of the command line: `a`, `:`, `b` are the parts of `a:b`."""
    words: list[str] = []
    joins = False
    for part in parts:
        if part in ("=", ":") and words:
            words[-1] += part
            joins = True
        elif joins:
            words[-1] += part
            joins = False
        else:
            words.append(part)
    return words


def _complete_zsh(environ: Mapping[str, str]) -> str:
    candidates = _find(*_read_line(environ), environ)
    if not candidates:
        return "_files"
    words = "\n".join(
        f'"{_escape(candidate.text)}":"{_escape(candidate.help)}"' if candidate.help else f'"{_escape(candidate.text)}"'
        for candidate in candidates
    )
    return f"_arguments '*: :(({words}))'"


def _escape(text: str) -> str:
    for sign, escaped in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", r"\\:")):
        text = text.replace(sign, escaped)
    return text


def _complete_fish(environ: Mapping[str, str]) -> None:
    candidates = _find(*_read_line(environ), environ)
    if environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        raise SystemExit(0 if candidates else 1)
    print(
        "\n".join(
            f"{candidate.text}\t{' '.join(candidate.help.split())}" if candidate.help else candidate.text
            for candidate in candidates
        )
    )


def _read_line(environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the complete words after `conn`, and the word that is being typed."""
    line = environ.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(line)[1:]
    return (words, "") if not words or line.endswith(" ") else (words[:-1], words[-1])


def _split(line: str) -> list[str]:
    """Return the words of a line whose last quote may be open."""
    for end in ("", '"', "'"):
        try:
            return shlex.split(line + end)
        except ValueError:
            continue
    return line.split()


def _find(words: Sequence[str], incomplete: str, environ: Mapping[str, str]) -> list[Candidate]:
    return find_candidates(words, incomplete, Path.cwd(), environ)
