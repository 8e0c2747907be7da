"""The request that is being served: when it was heard, and how many rows it was given."""

from dataclasses import dataclass


@dataclass(slots=True)
class Moment:
    """Kept up to date by the meter's station, read by its objects.

    Attributes:
        true_s: true time, UTC seconds.
        delay_s: how long the repetitions took that brought the request here, after its first copy.
        rows_given: rows of profiles in the answer so far.
    """

    true_s: float = 0.0
    delay_s: float = 0.0
    rows_given: int = 0
