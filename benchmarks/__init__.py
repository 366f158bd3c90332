"""Benchmarks: ratios measured in one run, never a timed test. `python -m benchmarks --help`; see README.md."""
