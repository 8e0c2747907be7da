"""The arrays of the line's physics, one entry a station, or one a pair of stations."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Stations: TypeAlias = npt.NDArray[np.intp]
"""Numbers of stations."""
