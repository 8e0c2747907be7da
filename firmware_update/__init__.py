"""Trust and slots of firmware updates; filled by the issue on updates."""
