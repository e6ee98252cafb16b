"""`joint train`: a training and its continuation."""

from pathlib import Path

from support import TINY, Command


def test_train_and_resume(
    joint_command: Command, tiny_overrides: list[str], tmp_path: Path
) -> None:
    run = ["train", TINY, *tiny_overrides, f"output={tmp_path / 'run'}"]
    outcome = joint_command(*run, "trainer.max_steps=2")
    assert outcome.code == 0 and not outcome.err
    checkpoint = Path(outcome.out.split("\n")[-2])
    assert checkpoint.is_file()
    again = joint_command(*run)
    assert again.code == 2 and "--resume" in again.err[0]
    assert joint_command(*run, "trainer.max_steps=3", "--resume").code == 0
