"""Check recordings on several threads, in order, in bounded memory."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from joint.audio import MINIMUM, AudioInfo, inspect_audio
from joint.data.choices import Check
from joint.errors import AudioError
from joint.units import Seconds

AHEAD = 32
"""Files per thread that are checked ahead of the caller."""


def checked(
    paths: Iterable[Path],
    check: Check = Check.FULL,
    jobs: int = 1,
    minimum: Seconds = MINIMUM,
) -> Iterator[AudioInfo | AudioError]:
    """Length and format of each file, or the error that makes it unusable, in the order of `paths`.

    libsndfile decodes without holding the interpreter, so `jobs` threads share the work.
    """
    waiting = iter(paths)
    if jobs == 1:
        yield from (_inspected(path, check, minimum) for path in waiting)
        return
    with ThreadPoolExecutor(jobs) as pool:
        under_way: deque[Future[AudioInfo | AudioError]] = deque()
        try:
            for path in islice(waiting, AHEAD * jobs):
                under_way.append(pool.submit(_inspected, path, check, minimum))
            while under_way:
                first = under_way.popleft().result()
                under_way += [
                    pool.submit(_inspected, path, check, minimum) for path in islice(waiting, 1)
                ]
                yield first
        finally:
            for future in under_way:
                future.cancel()


def _inspected(path: Path, check: Check, minimum: Seconds) -> AudioInfo | AudioError:
    try:
        return inspect_audio(path, check is Check.FULL, minimum)
    except AudioError as error:
        return error
