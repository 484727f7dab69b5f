"""Answers to tasks: how they are read, applied, run and judged. Every verdict and every reward comes from here."""
