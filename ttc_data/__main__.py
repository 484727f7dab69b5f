"""`python -m ttc_data`: the same as `ttcdata`, where its folder is not on PATH."""

from __future__ import annotations

from ttc_data.cli import main

if __name__ == "__main__":
    main()
