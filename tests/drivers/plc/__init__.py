"""Tests of the power-line stack."""
