"""The sweep over lengths flags what `auto` should not choose."""

import math

from tests.benchmarks.inference.lengths import verdict


def test_flags() -> None:
    assert verdict("bf16", "bf16", {"float32": 1.0, "bf16": 1.05}) == ""
    assert "SLOWER" in verdict("bf16", "bf16", {"float32": 1.0, "bf16": 1.5})
    # the other precision may be slower
    assert verdict("bf16", "float32", {"float32": 1.0, "bf16": 1.5}) == ""
    assert "NO ANSWER" in verdict("bf16", "bf16", {"float32": 1.0, "bf16": math.inf})
    assert "NO ANSWER" in verdict("bf16", "float32", {"float32": 1.0, "bf16": math.inf})
