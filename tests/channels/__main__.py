"""Try every known channel, and say what each carried.

python -m tests.channels --sandbox local --trials 200
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.channels.trials import CHANCE, channels, tree, try_channels
from tests.sandboxes import TREE, opened


def main() -> None:
    """Try and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", default="local", choices=["local", "docker", "copying"])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", default="channels")
    parser.add_argument("names", nargs="*", help="of channels; all when none is named")
    options = parser.parse_args()
    tried = channels(options.names)
    begun = time.monotonic()
    with TemporaryDirectory() as folder, opened(options.sandbox, Path(folder), {**TREE, **tree()}) as place:
        try_channels(place.warm(), tried, options.trials, options.seed)
    for channel in sorted(tried, key=lambda channel: channel.chance):
        carries = "CARRIES" if channel.chance <= CHANCE else ""
        print(
            f"{channel.name:26} {channel.right:4} of {len(channel.bits):3}  p {channel.chance:8.2g} {carries:8}"
            f" {1000 * channel.seconds / max(1, len(channel.bits)):6.1f} ms"
            f" {channel.broken or channel.refused}"
        )
    print(f"{len(tried)} channels, {options.trials} trials, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
