"""The browser that the page is opened in: `python -m tests.report.browser` is what `make browser` runs."""

from __future__ import annotations

import shutil
import sys

from ttc_data.errors import TtcError
from ttc_data.hosts.engine import Machine, install_packages

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Chromium refuses to start as root with its own sandbox. The pages are our own, and may ask nothing of any network.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]


def browser() -> str:
    """Where Chromium is, `""` where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), "")


def main() -> int:
    """Make Chromium usable on this machine; 0 when it is."""
    machine = Machine.this()
    if not browser() and machine.root and machine.distributions[0] == "debian":
        try:
            install_packages(["chromium"])
        except TtcError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
    if not browser():
        print(
            f"error: none of {', '.join(PROGRAMS)} is here; install one with the system's package manager",
            file=sys.stderr,
        )
        return 1
    print(f"the report's page is tested in {browser()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
