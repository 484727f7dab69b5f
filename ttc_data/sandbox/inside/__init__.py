"""What runs inside a sandbox: standard library only, Python 3.8 or later, handed over as text and never installed."""
