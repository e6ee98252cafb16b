"""The one thread in which a service computes."""

import asyncio
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fastapi import HTTPException, Request

from joint.audio import AudioWarning

Result = TypeVar("Result")

CLIENT_LEFT = 499
"""The status, which nobody reads, of a request whose client has gone."""


class Worker:
    """Computes one answer at a time, on all cores: the models share them, and warnings are caught
    for the whole process. Requests wait for their turn in the order in which they came."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "compute")

    async def __call__(
        self, request: Request, compute: Callable[[], Result]
    ) -> tuple[Result, list[str]]:
        """What `compute` gives, and the text of each AudioWarning; a client that has gone by its
        turn is not computed for."""
        async with self._turn:
            if await request.is_disconnected():
                raise HTTPException(CLIENT_LEFT, "the client has gone")
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, _with_warnings, compute)


def _with_warnings(compute: Callable[[], Result]) -> tuple[Result, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AudioWarning)
        result = compute()
    return result, [str(w.message) for w in caught if issubclass(w.category, AudioWarning)]
