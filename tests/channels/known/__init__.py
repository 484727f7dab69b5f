"""One file a channel: `leave(bit, number)` in one job, `read(number)` in the next; `number` is what both know.

`read` gives a number that may be larger or smaller where the bit was set: `trials.py` finds out which. A channel that is
refused raises `OSError`. `brings(number)`, where there is one, gives the text of a test file that the second job has, and the
first one where the bit is set. Standard library only: the files run inside the sandbox.
"""
