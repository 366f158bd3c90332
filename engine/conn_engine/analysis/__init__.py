"""Analyses of workspaces and changes: impact, coverage, mutants, drift, checks, and the groups of accounts they use."""
