"""Let old readings go, a little at a time, for as long as the daemon runs."""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.store.database import Database
from gateway.store.retention import delete_old

LOOK_EVERY_S: Final = 3600.0
STEP_EVERY_S: Final = 2.0
"""Between two steps: readings that come in go first."""


async def keep_house(database: Database, now_s: Callable[[], float]) -> None:
    """Delete what is committed and past its time, until cancelled; `now_s` is UTC.

    Raises:
        StoreError: the store refused; run again.
    """
    while True:
        deleted = await delete_old(database, now_s())
        await asyncio.sleep(STEP_EVERY_S if deleted else LOOK_EVERY_S)
