"""DLMS with short names, in both roles."""
