"""Layers of the power line for scapy: for captures and fuzzing, never for the daemon."""
