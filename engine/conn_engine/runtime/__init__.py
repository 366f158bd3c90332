"""Runs operations: the generator (`operation`), who drives it (`drive`), recorded cases (`cases`) and comparison."""
