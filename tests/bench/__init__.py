"""Measurements: python -m tests.bench; what they mean stands in each module's first line."""
