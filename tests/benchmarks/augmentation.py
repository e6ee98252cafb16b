"""What augmentation costs a training: noise, rooms, microphones, distortions; one worker."""

from dataclasses import replace
from functools import partial

from joint.data.scenes.planning import ScenePlanner
from joint.encoders.frontends.filterbank import Filterbank
from joint.training.building.objects import build
from joint.training.building.scenes import with_distortions
from joint.training.config.schema import load_config, plain
from tests.benchmarks.encoder import COUNTED, SETTLING, Training
from tests.benchmarks.settings import ROOT, Settings
from tests.benchmarks.timing import Contestant, Line, race

RECIPE = ROOT / "recipes" / "shipped" / "verification.yaml"


def augmentation(settings: Settings) -> list[Line]:
    """The recipe's training as it is, against the same without augmentation and without a floor of
    the features."""
    config = load_config(RECIPE)
    stream = config.streams["speakers"]
    everything = with_distortions(stream.scenes, "scenes")
    nothing = replace(
        everything,
        distortions={},
        channel_probability=0.0,
        enrollment_noise_probability=0.0,
        enrollment_room_probability=0.0,
    )

    def contestant(name: str, planner: ScenePlanner, floor: bool) -> Contestant:
        encoder = build(plain(config)["encoder"], "encoder")
        assert isinstance(encoder.frontend, Filterbank)
        encoder.frontend.floor_db = encoder.frontend.floor_db if floor else None
        scenes = settings.stream(planner, stream.batch_size)
        training = Training(
            scenes.batches(0, workers=1), planner.speaker_count(scenes.corpus), encoder
        )
        counted = settings.some(2 * COUNTED)
        settle = partial(training.steps, settings.some(2 * SETTLING))
        run = partial(training.steps, counted)
        return Contestant(name, run, counted * stream.batch_size, settle)

    contestants = [
        contestant("all augmentation", everything, floor=True),
        contestant("none", nothing, floor=False),
    ]
    return race("ECAPA-256 training, one worker", contestants, "samples/s", settings.repeats)
