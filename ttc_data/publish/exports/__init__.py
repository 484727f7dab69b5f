"""Datasets in the forms that other harnesses read; each form is a module with a `write`."""
