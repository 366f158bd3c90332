"""Services that need further libraries: a package for each, and none imports the libraries of another."""
