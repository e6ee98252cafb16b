"""Freed memory is kept by the C library: the next training step needs it again."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""

LARGEST = 2**30
"""Bytes; blocks above it still go back at once."""


def keep_freed_memory() -> bool:
    """Have this process keep freed blocks of up to 1 GiB for its next allocations.

    By default glibc returns each block above 32 MiB to the system, and the next step's tensors
    have all their pages mapped and zeroed anew: a sixth of an x-vector's training step on one core.
    Returns whether the C library took it; others than glibc are left as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, 2**31 - 1))
