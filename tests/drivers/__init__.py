"""Tests of the protocols, with no I/O in them."""
