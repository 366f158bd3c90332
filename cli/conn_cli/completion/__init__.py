"""Completion in the shell, without Typer.

`shells` reads the shell's request and prints the reply, `command_line` finds what may be typed next, `names` lists the
names of the workspace, and `tree.json` is the generated command tree. The modules import only the standard library,
because a person waits for every TAB.
"""
