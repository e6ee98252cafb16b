"""ECAPA-TDNN gives speechbrain's embedding on speechbrain's weights."""

from pathlib import Path

import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from tiny_models import randomise

from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import AttentiveStatisticsPooling
from joint.training.checkpoint import load_into
from pretrained.speechbrain.ecapa import ecapa_tensors


def test_equal_to_speechbrain() -> None:
    torch.manual_seed(0)
    channels = [512, 512, 512, 512, 1536]
    theirs = ECAPA_TDNN(80, lin_neurons=192, channels=channels)
    randomise(theirs)
    theirs.eval()
    backbone = EcapaTdnn(80, 512, padding="reflect", last_norm=True)
    ours = SpeakerEncoder(
        Filterbank(80), backbone, lambda width: AttentiveStatisticsPooling(width, centred=True), 192
    ).eval()
    settings = {"channels": channels, "attention_channels": 128}
    state = ecapa_tensors(theirs.state_dict(), settings, Path("theirs"))
    state |= {n: v for n, v in ours.state_dict().items() if n.startswith("frontend.")}
    load_into(ours, state, Path("theirs"), "")
    features = torch.randn(3, 61, 80)
    with torch.no_grad():
        expected = theirs(features).squeeze(1)
        frames, _ = ours.backbone(Frames(features, None))
        embedding = ours.projection(ours.norm(ours.pooling(frames)))
    torch.testing.assert_close(embedding, expected, atol=1e-5, rtol=1e-4)
    assert expected.std() > 0.1
