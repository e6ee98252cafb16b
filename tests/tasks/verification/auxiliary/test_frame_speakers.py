"""The head that tells speakers by single frames."""

import torch
from tiny_models import SPEAKERS, noise_batch, tiny_encoder
from torch import Tensor

from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import SpeakerEncoding
from joint.training.building.model import layer_dims
from tasks.verification.auxiliary.frame_speaker import FrameSpeakers


def test_frames_count_and_gradients_turn_round() -> None:
    batch = noise_batch(4)
    gradients = []
    for reversal in (None, GradientReversal(0.5, rise=0.0)):
        torch.manual_seed(0)
        encoder = tiny_encoder()
        task = FrameSpeakers(layer_dims(encoder), SPEAKERS, "tdnn2", 16, reversal)

        def encode(audio: Tensor, lengths: Tensor, role: str, encoder=encoder) -> SpeakerEncoding:  # type: ignore[no-untyped-def]
            found: SpeakerEncoding = encoder(audio.flatten(0, -2), lengths.flatten(), ("tdnn2",))
            return found

        output = task.loss(encode, batch, 0.5)
        assert output.count == 8 * 7  # 28 frames of 0.3 s, each fourth
        output.loss.backward()
        gradients.append(encoder.backbone.convs[0].weight.grad)
    assert task.validate(encode, [batch]) == {}
    torch.testing.assert_close(gradients[1], -0.5 * gradients[0])
