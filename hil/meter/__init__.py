"""An emulated electricity meter with its communication module, room by room."""
