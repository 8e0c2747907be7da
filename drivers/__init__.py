"""Protocols in both roles: octets and `now` go in, octets and outcomes come out; no I/O."""
