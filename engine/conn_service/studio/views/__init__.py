"""The pages without scripts: each is a function that returns the values of its template."""
