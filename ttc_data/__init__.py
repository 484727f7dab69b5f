"""Source code into execution-proven training data for code models."""

__version__ = "0.1.0"
