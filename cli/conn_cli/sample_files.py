"""`conn record --from-body`: read the files with sample responses, and check the options that belong to them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from conn_cli.console import App
from conn_cli.file_options import read_bytes
from conn_engine.errors import UsageError

if TYPE_CHECKING:
    from conn_engine.testing.samples import SampleResponse

__all__ = ["check_sample_options", "read_samples"]


def check_sample_options(
    from_body: str | None, account: str | None, *, needs_body: Mapping[str, object], needs_vendor: Mapping[str, object]
) -> None:
    """Raise UsageError for an option without effect, and for a live recording without an account. The options are given
    by name."""
    sample = "--from-body FILE records a response from the vendor's documentation without one"
    for name, value in (needs_vendor if from_body is not None else needs_body).items():
        if value:
            if from_body is not None:
                raise UsageError(f"{name} has no effect with --from-body, which sends nothing", hint=f"omit {name}")
            raise UsageError(f"{name} requires --from-body", hint="add --from-body FILE")
    if from_body is None and account is None:
        raise UsageError("recording the vendor requires an account", hint=f"add --account ACCOUNT; {sample}")


def read_samples(app: App, files: Sequence[str], status: int | None, headers: Sequence[str]) -> "list[SampleResponse]":
    """Read the responses in order. `status` is that of the last one; `headers` are added to each."""
    from dataclasses import replace

    from conn_engine.testing.samples import read_sample
    from conn_engine.wire import Headers

    if files.count("-") > 1:
        raise UsageError("only one response can be read from standard input", hint="save the others as files")
    added = [_split_header(text) for text in headers]
    samples = []
    for file in files:
        name = "standard input" if file == "-" else file.replace("\\", "/").rpartition("/")[2]
        sample = read_sample(read_bytes(app, file), name)
        samples.append(replace(sample, headers=Headers([*sample.headers.pairs, *added])))
    if status is not None:
        samples[-1] = replace(samples[-1], status=status)
    return samples


def _split_header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition(":")
    if not sign or not name.strip():
        raise UsageError(f'--header "{text}" is not NAME:VALUE', hint="write it like --header 'x-total-count: 2'")
    return name.strip(), value.strip()
