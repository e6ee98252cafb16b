"""WeSpeaker's ECAPA-TDNN 512 trained by WeSpeaker's recipe for a given processor time.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.training.wespeaker CHECKOUT PREPARED OUTPUT
    joint import OUTPUT OUTPUT/imported
    joint evaluate verification --checkpoint OUTPUT/imported …

Data, features, model, margin, schedules and optimizer are the checkout's, with the settings of its
examples/voxceleb/v2/conf/ecapa_tdnn.yaml. What differs, and why: the 150 epochs become as many as
the time has, and those of the warm-up and of the margin's rise in proportion; torchaudio's loader
and its sox effects are gone from torchaudio 2.11, soundfile and its resampler stand in their place;
no noises and rooms are mixed in (the recipe wants MUSAN and RIRS_NOISES as LMDB); bf16 autocast
where the recipe has its AMP, which knows GPUs alone. All work is done in one process, whose time is
the clock.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import soundfile
import torch
import torchaudio
import yaml
from torch import Tensor, nn
from torch.utils.data import DataLoader

from joint.data.opening import open_corpus
from tests.benchmarks.peers import empty_package

RECIPE = Path("examples/voxceleb/v2/conf/ecapa_tdnn.yaml")
AVERAGED = 3
"""Epochs whose weights are averaged: the recipe's 10 of 150 in proportion, or 3."""


class Recipe:
    """Model and data as the recipe of a `checkout` sets them up for a `prepared` folder."""

    def __init__(self, checkout: Path, prepared: Path, output: Path) -> None:
        self.settings: dict[str, Any] = yaml.safe_load((checkout / RECIPE).read_text())
        enter(checkout)
        corpus = open_corpus(prepared)
        speakers = {
            name: i for i, name in enumerate(sorted({u.speaker for u in corpus.utterances}))
        }
        lines = [{"key": u.id, "wav": u.path, "spk": u.speaker} for u in corpus.utterances]
        listed = output / "raw.list"
        listed.write_text("".join(json.dumps(line) + "\n" for line in lines))
        settings = self.settings
        torch.manual_seed(settings["seed"])
        self.data = import_module("wespeaker.dataset.dataset").Dataset(
            "raw", str(listed), settings["dataset_args"], speakers
        )
        self.batch = settings["dataloader_args"]["batch_size"]
        self.steps = len(lines) // self.batch
        models = import_module("wespeaker.models.ecapa_tdnn")
        self.model: nn.Module = getattr(models, settings["model"])(**settings["model_args"])
        projections = import_module("wespeaker.models.projections")
        projection = {**settings["projection_args"], "embed_dim": 192}
        projection |= {"num_class": 3 * len(speakers), "do_lm": False}
        self.model.add_module("projection", projections.get_projection(projection))
        self.optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=settings["scheduler_args"]["initial_lr"],
            **settings["optimizer_args"],
        )

    def schedules(self, epochs: int) -> tuple[Any, Any]:
        """Those of the learning rate and of the margin, the recipe's in proportion."""
        module, settings = import_module("wespeaker.utils.schedulers"), self.settings
        share = epochs / settings["num_epochs"]
        rate = {**settings["scheduler_args"], "num_epochs": epochs, "epoch_iter": self.steps}
        rate |= {"warm_up_epoch": rate["warm_up_epoch"] * share, "scale_ratio": self.batch / 64}
        margin = {**settings["margin_update"], "epoch_iter": self.steps}
        for name in ("increase_start_epoch", "fix_start_epoch"):
            margin[name] = 1 + (margin[name] - 1) * share
        return (
            getattr(module, settings["scheduler"])(self.optimizer, **rate),
            getattr(module, settings["margin_scheduler"])(model=self.model, **margin),
        )

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Features `(B, F, 80)` and speakers `(B,)` of one epoch."""
        self.data.set_epoch(epoch)
        loader = DataLoader(self.data, batch_size=self.batch, drop_last=True)
        for batch in islice(loader, self.steps):
            features = batch["feat"].float()
            yield features - features.mean(dim=1, keepdim=True), batch["label"].long()

    def epoch(self, number: int, schedules: tuple[Any, ...] = ()) -> float:
        """Train one epoch, the first is 1; its mean loss."""
        self.model.train()
        total = 0.0
        for step, (features, speakers) in enumerate(self.batches(number)):
            for schedule in schedules:
                schedule.step((number - 1) * self.steps + step)
            with torch.autocast("cpu", torch.bfloat16):
                outputs = self.model(features)
                embedding = outputs[-1] if isinstance(outputs, tuple) else outputs
                outputs = self.model.projection(embedding, speakers)
                logits = outputs[0] if isinstance(outputs, tuple) else outputs
            loss = nn.functional.cross_entropy(logits.float(), speakers)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() / self.steps
        return total


def enter(checkout: Path) -> None:
    """Make the checkout's modules known, and what they need of torchaudio."""
    for name in ("", ".dataset", ".models", ".utils"):
        empty_package(f"wespeaker{name}", checkout / "wespeaker" / name.lstrip("."))
    for missing in ("kaldiio", "lmdb"):
        sys.modules.setdefault(missing, ModuleType(missing))

    def load(path: str) -> tuple[Tensor, int]:
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(waveform.T.copy()), rate

    def faster(waveform: Tensor, rate: int, effects: list[list[str]]) -> tuple[Tensor, int]:
        speed = float(effects[0][1])
        return torchaudio.functional.resample(waveform, round(rate * speed), rate), rate

    audio: Any = torchaudio
    audio.load = load
    audio.sox_effects = ModuleType("sox_effects")
    audio.sox_effects.apply_effects_tensor = faster


def train(recipe: Recipe, output: Path, minutes: float) -> None:
    """Train for so many minutes of processor time; goes on from the last epoch that was kept."""
    kept = output / "kept.pt"
    if kept.exists():
        state = torch.load(kept, weights_only=True)
    else:
        before = {name: tensor.clone() for name, tensor in recipe.model.state_dict().items()}
        recipe.epoch(1)
        start = time.process_time()
        recipe.epoch(1)
        state = {"model": before, "epoch": 0, "seconds": 0.0, "optimizer": None}
        state["epochs"] = max(1, int(60 * minutes / (time.process_time() - start)))
        recipe.optimizer.state.clear()
    recipe.model.load_state_dict(state["model"])
    if state["optimizer"] is not None:
        recipe.optimizer.load_state_dict(state["optimizer"])
    schedules = recipe.schedules(state["epochs"])
    last: list[dict[str, Tensor]] = state.get("last", [])
    for epoch in range(state["epoch"] + 1, state["epochs"] + 1):
        start = time.process_time()
        loss = recipe.epoch(epoch, schedules)
        seconds = state["seconds"] + time.process_time() - start
        weights = {n: t.clone() for n, t in recipe.model.state_dict().items()}
        last = [*last, weights][-AVERAGED:]
        state |= {"model": weights, "epoch": epoch, "seconds": seconds, "last": last}
        state["optimizer"] = recipe.optimizer.state_dict()
        torch.save(state, kept)
        print(f"epoch {epoch} of {state['epochs']}: loss {loss:.3f}, {seconds / 60:.1f} min")
    average = {n: torch.stack([w[n].float() for w in last]).mean(dim=0) for n in last[0]}
    torch.save(average, output / "avg_model.pt")
    (output / "config.yaml").write_text(yaml.safe_dump(recipe.settings))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks.training.wespeaker")
    parser.add_argument("checkout", type=Path, help="of WeSpeaker")
    parser.add_argument("prepared", type=Path, help="what `joint prepare` wrote, its train split")
    parser.add_argument("output", type=Path, help="avg_model.pt and config.yaml come here")
    parser.add_argument("--minutes", type=float, default=70.0, help="processor time")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    train(Recipe(given.checkout, given.prepared, given.output), given.output, given.minutes)


if __name__ == "__main__":
    main()
