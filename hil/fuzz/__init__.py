"""Hostile frames for the decoders and for a line, built from scapy's layers."""
