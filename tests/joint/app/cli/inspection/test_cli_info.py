"""`joint info`: the contents of a checkpoint."""

from pathlib import Path

import pytest
from support import Command


def test_info(joint_command: Command, tiny_checkpoint: Path) -> None:
    outcome = joint_command("info", tiny_checkpoint)
    assert outcome.code == 0 and not outcome.err
    for word in ("name", "verification", "extraction", "parameters", "seed"):
        assert word in outcome.out


def test_interrupted(
    joint_command: Command, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("joint.app.api.load", interrupted)
    outcome = joint_command("info", tiny_checkpoint)
    assert outcome.code == 130 and not outcome.err
