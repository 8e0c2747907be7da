"""When the request that is being served was heard: what the clock object must know."""

from dataclasses import dataclass


@dataclass(slots=True)
class Moment:
    """Kept up to date by the meter's station, read by its objects.

    Attributes:
        true_s: true time, UTC seconds.
        delay_s: how long the repetitions took that brought the request here, after its first copy.
    """

    true_s: float = 0.0
    delay_s: float = 0.0
