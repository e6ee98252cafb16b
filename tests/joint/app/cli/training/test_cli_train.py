"""`joint train`: a training and its continuation."""

import shutil
from pathlib import Path

from support import ROOT, TINY, Command

import joint
from joint.training.run import train


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


def test_a_recogniser_resumes_exactly(recogniser: Path, aligned: Path, tmp_path: Path) -> None:
    run = shutil.copytree(recogniser.parent, tmp_path / "run")
    last = max((run / "checkpoints").iterdir(), key=lambda path: path.name)
    assert len(list((run / "checkpoints").iterdir())) == 2
    last.unlink() if last.is_file() else shutil.rmtree(last)
    (run / "model.safetensors").unlink()
    resumed = train(
        ROOT / "tests" / "recognition.yaml", [f"data.train={aligned}", f"output={run}"], resume=True
    )
    first, second = joint.load(recogniser), joint.load(resumed)
    for name, value in first.model.state_dict().items():
        assert value.equal(second.model.state_dict()[name]), name
