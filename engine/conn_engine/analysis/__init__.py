"""What a change does: impact, coverage, mutants, drift, population, checks."""
