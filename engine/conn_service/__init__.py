"""What needs libraries that the command alone does not: a package for each, and none imports another's libraries."""
