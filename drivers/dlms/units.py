"""Names of the DLMS unit codes that meters of energy, gas, heat and water use."""

from typing import Final

UNIT_NAMES: Final = {
    7: "s",
    9: "°C",
    13: "m3",
    14: "m3",
    19: "l",
    27: "W",
    28: "VA",
    29: "var",
    30: "Wh",
    31: "VAh",
    32: "varh",
    33: "A",
    35: "V",
    44: "Hz",
}
"""Source: IEC 62056-62, enumeration of physical units; the codes of gurux-dlms agree."""


def unit_name(code: int) -> str:
    """Return a unit as people write it; empty for a number without one."""
    if code == 255:
        return ""
    return UNIT_NAMES.get(code, f"unit {code}")
