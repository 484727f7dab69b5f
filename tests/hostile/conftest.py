"""Every hostile answer runs on every transport."""

from tests.sandboxes import place, sandbox

__all__ = ["place", "sandbox"]
