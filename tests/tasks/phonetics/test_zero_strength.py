"""With λ = 0 an adversary leaves the encoder's training as it is, bit for bit."""

from pathlib import Path

import torch
from omegaconf import OmegaConf
from support import TINY

from joint.training import checkpoint
from joint.training.run import train

REVERSAL = {
    "_target_": "joint.layers.gradient_reversal.GradientReversal",
    "strength": 0.0,
}
ADVERSARIES = {
    "frames": {
        "task": {
            "_target_": "tasks.phonetics.task.FramePhones",
            "layer": "tdnn3",
            "hidden": 8,
            "reversal": REVERSAL,
        }
    },
    "segments": {
        "weight": 0.5,
        "task": {
            "_target_": "tasks.phonetics.task.SegmentPhones",
            "hidden": 8,
            "reversal": REVERSAL,
        },
    },
}


def test_the_encoder_does_not_notice(aligned: Path, tmp_path: Path) -> None:
    def tensors(name: str, adversaries: list[str]) -> dict[str, torch.Tensor]:
        recipe = OmegaConf.load(TINY)
        del recipe["tasks"]["extraction"]
        # before verification: what they draw must not reach it
        speaker = recipe["tasks"].pop("verification")
        recipe["tasks"] = {**{n: ADVERSARIES[n] for n in adversaries}, "verification": speaker}
        recipe["streams"]["mixtures"]["tasks"] = [*adversaries, "verification"]
        path = tmp_path / f"{name}.yaml"
        OmegaConf.save(recipe, path)
        data = [f"data.train={aligned}", f"output={tmp_path / name}", "trainer.max_steps=3"]
        return checkpoint.read(train(path, [*data, "optimizer.clip_norm=0.01"]))[0]

    baseline = tensors("baseline", [])
    both = tensors("both", ["frames", "segments"])
    parts = ("model/encoder.", "model/tasks.verification.")
    shared = [name for name in baseline if name.startswith(parts)]
    assert shared
    for name in shared:
        assert torch.equal(both[name], baseline[name]), name
    assert any(name.startswith("model/tasks.frames.") for name in both)
