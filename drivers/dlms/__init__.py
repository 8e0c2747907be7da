"""DLMS with short names, in both roles: what the meters of the power line speak."""
