"""Channels between two jobs on one sandbox: what one leaves must tell the next one nothing."""
