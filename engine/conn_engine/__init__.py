"""The engine: executes connectors that are data. The public face is completed below as its parts land."""
