"""A vocoder small enough for a test, and batches of speech to run it on."""

from pathlib import Path

from tiny_models import tiny_encoder
from torch import Tensor, full

from joint.model import JointModel
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.vocoders.vocos import Vocos
from tasks.vocoder.task import VocoderTask

RECIPE = Path(__file__).with_suffix(".yaml")


def vocoder_task(discriminators_from: float = 0.5) -> VocoderTask:
    """A vocoder of two blocks and three discriminators, which begin in the middle."""
    with seeded(0, "vocoder"):
        critic = Discriminators((2, 3), (4, 8), (256,), 4)
        return VocoderTask(Vocos(16, 2, 32), critic, discriminators_from, judged=0.2)


def vocoder_model(task: VocoderTask | None = None) -> JointModel:
    """The task on a frozen encoder."""
    return JointModel(
        tiny_encoder(), {"vocoder": task or vocoder_task()}, switches={"vocoder": "frozen"}
    )


def batch_of(waveforms: Tensor) -> SceneBatch:
    """A batch of recordings of single speakers `(B, S)`."""
    count, samples = waveforms.shape
    return SceneBatch(
        scene_ids=[str(i) for i in range(count)],
        enrollment=waveforms[:, None],
        enrollment_lengths=full((count, 1), samples),
    )
