"""The sides of the fetching benchmark: each a program run in an environment of its own."""
