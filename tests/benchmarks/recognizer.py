"""The recogniser: training with its data against the same steps on batches at hand."""

import time
from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

from joint.data.scenes.planning import ScenePlanner
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank, SpecAugment
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.model import JointModel, StreamBatch
from joint.scene import SceneBatch
from joint.text.units import CharacterUnits
from joint.training.config.schema import OptimizerConfig
from joint.training.optimizers import MAIN, make_optimizers
from joint.training.precision import autocast_for
from joint.units import Seconds
from tasks.recognition.core import RecognizerCore
from tasks.recognition.topologies import SingleRecognition
from tests.benchmarks.settings import Settings
from tests.benchmarks.timing import Contestant, Line, race

BATCH, SETTLING, COUNTED = 16, 4, 10
RENDERING: Seconds = 2.0


class Steps:
    """Steps of the recogniser of one person as `recognition.yaml` has it, in letters."""

    def __init__(self, batches: Iterator[SceneBatch]) -> None:
        self.batches, self.seen = batches, list[SceneBatch]()
        augment = SpecAugment(probability=0.7, time_width=25, band_width=16, times=2, bands=2)
        frontend = Filterbank(bins=80, spec_augment=augment)
        core = partial(RecognizerCore, frontend, lower=3, upper=3)
        frozen = SpeakerEncoder(Filterbank(), XvectorTdnn(), StatisticsPooling)
        task = SingleRecognition(CharacterUnits(), core)
        self.model = JointModel(
            frozen, {"recognition": task}, switches={"recognition": "frozen"}
        ).train()
        self.optimizer = make_optimizers(self.model, OptimizerConfig())[MAIN]

    def step(self, batch: SceneBatch) -> None:
        """Learn from a batch."""
        with autocast_for("auto", torch.device("cpu")):
            loss = self.model([StreamBatch(batch, ["recognition"])], 0.5).loss
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def learn(self, count: int) -> None:
        """Learn from so many batches, rendered meanwhile."""
        self.seen.clear()
        for _ in range(count):
            batch = next(self.batches)
            self.seen.append(batch)
            self.step(batch)

    def repeat(self) -> None:
        """The same again, with the batches at hand."""
        for batch in self.seen:
            self.step(batch)


def recognizer_training(settings: Settings) -> list[Line]:
    """Training with one worker, and its bare steps on the very same batches."""
    planner = ScenePlanner(
        speakers=1, delay=(0.0, 0.0), similar=16, noise_probability=0.15, channel_probability=0.3
    )
    steps = Steps(settings.stream(planner, BATCH).batches(0, workers=1))
    count = settings.some(COUNTED)
    learn = partial(steps.learn, count)
    contestants = [
        # untimed steps first: what was rendered ahead meanwhile is used up
        Contestant("with its data", learn, count * BATCH, partial(steps.learn, SETTLING)),
        # and the worker renders ahead again before nothing but steps is timed
        Contestant("bare steps", steps.repeat, count * BATCH, partial(time.sleep, RENDERING)),
    ]
    return race("recogniser training", contestants, "utterances/s", settings.repeats)
