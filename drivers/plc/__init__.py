"""The power-line stack of IEC 61334 in both roles: initiator and server, no I/O."""
