"""How long the modem's configuration is, with and without its last octet (docs/plc.md 8.6)."""

CONFIG_OCTETS = 36
SHORT_CONFIG_OCTETS = 35
