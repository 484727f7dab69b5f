"""What the tests of the client share: prompts, and a client that waits little."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ttc_data.errors import TtcError
from ttc_data.llm.client import Models
from ttc_data.llm.request import Request, Sampling

SAMPLING = Sampling("small", max_tokens=64)


def prompt(text: str, **sampling: Any) -> Request:
    return Request((("user", text),), Sampling(**{"model": "small", "max_tokens": 64, **sampling}))


def opened(folder: Path, *urls: str, **more: Any) -> Models:
    """A client that gives up a silent attempt after two seconds, and waits a hundredth of one before the next."""
    return Models(
        urls, folder, **{"silence_s": 2.0, "deadline_s": 60.0, "backoff_s": 0.01, "longest_backoff_s": 0.2, **more}
    )


def answer_of(models: Models, request: Request) -> str:
    """The answer's text, or the name of the error."""
    try:
        return models.ask(request).text
    except TtcError as error:
        return type(error).__name__


def main() -> None:
    """Ask for the numbered prompts, so many at once, and print `done`: a process to kill."""
    url, folder, count, at_once = sys.argv[1:]
    with opened(Path(folder), url, at_once=int(at_once)) as models:
        waiting = [models.submit(prompt(f"prompt {number}")) for number in range(int(count))]
        print("asking", flush=True)
        for future in waiting:
            future.result()
        account = models.account
    print("done", account.answers, account.reused, flush=True)


if __name__ == "__main__":
    main()
