"""The AMIS-49587 family of power-line modems: its host protocol and the driver of one chip."""
