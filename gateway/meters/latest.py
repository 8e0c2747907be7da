"""The last second that a meter can be asked about."""

from typing import Final

LATEST_S: Final = 253_370_764_800
"""9999-01-01: no question goes further, for a date-time holds four digits of a year."""
