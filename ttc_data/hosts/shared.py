"""What jobs have in common with those before them, where a kernel or an engine does not let them have their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ttc_data.sandbox.stream import StreamSandbox


class Notice:
    """Says once what the jobs of a host have in common."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = False

    def about(self, sandbox: StreamSandbox) -> StreamSandbox:
        """Look at an opened sandbox and hand it on."""
        if sandbox.shared and not self._said:
            self._said = True
            self._say(what_is_shared(sandbox.shared))
        return sandbox


def shared_in(sandbox: StreamSandbox) -> tuple[str, ...]:
    """What the jobs of a sandbox share; it is closed."""
    sandbox.close()
    return sandbox.shared


def what_is_shared(shared: Sequence[str]) -> str:
    """One line about what jobs have in common, and what follows."""
    return (
        f"jobs here share {', '.join(shared)} with the jobs before them, for the kernel or the engine does not let them have"
        " their own: rewards for answers by a model need one that does (docs/threat-model.md)"
    )
