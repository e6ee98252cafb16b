"""An extractor overfits two mixtures; new recordings of the same people then select its output."""

import torch
from torch import Tensor

from joint.metrics.separation import si_sdr_db
from joint.outputs import SpeakerEncoding
from joint.units import Hertz
from tasks.extraction.extractors.embedding_free.usef_tfgridnet import UsefTfGridNet
from tasks.extraction.losses import ExtractionLoss

SAMPLES = 8000
PITCHES: tuple[Hertz, Hertz] = (110.0, 205.0)


def voice(pitch: Hertz, seed: int) -> Tensor:
    """Harmonics of a gliding pitch, louder and softer, `(SAMPLES,)`."""
    generator = torch.Generator().manual_seed(seed)
    begin, glide, beat, phase = torch.rand(4, generator=generator).tolist()
    time = torch.arange(SAMPLES) / 16_000
    angle = 2.0 * torch.pi * pitch * ((1.0 + 0.1 * (begin - 0.5)) * time + 0.1 * glide * time**2)
    loud = 1.0 + 0.8 * torch.sin(2.0 * torch.pi * (3.0 + 3.0 * beat) * time + 6.0 * phase)
    return 0.05 * loud * sum((angle * k).sin() / k for k in range(1, 12))


def enrolled(seed: int) -> SpeakerEncoding:
    """Recordings of both people for each of two mixtures."""
    waveform = torch.stack([voice(p, seed + i) for i in range(2) for p in PITCHES])
    return SpeakerEncoding(torch.zeros(4, 3), waveform=waveform, lengths=torch.full((4,), SAMPLES))


def test_new_recordings_of_two_people_swap_the_estimates() -> None:
    torch.manual_seed(0)
    sources = torch.stack([voice(p, i) for i in range(2) for p in PITCHES])
    mixture = sources.view(2, 2, -1).sum(dim=1)
    mixed = mixture.repeat_interleave(2, dim=0)
    extractor = UsefTfGridNet(
        3,
        512,
        256,
        8,
        1,
        16,
        kernel=4,
        kernel_hop=4,
        heads=2,
        stride=4,
        gives="mask",
        compression=0.3,
    )
    loss = ExtractionLoss(compressed_weight=1.0)
    optimizer = torch.optim.Adam(extractor.parameters(), lr=0.01)
    for step in range(30):
        optimizer.zero_grad()
        loss(extractor(mixture, enrolled(10 + 2 * (step % 10))), sources, mixed).mean().backward()
        optimizer.step()
    other = sources.view(2, 2, -1).flip(1).flatten(0, 1)
    encoding = enrolled(100)
    swapped = SpeakerEncoding(
        encoding.embedding,
        waveform=encoding.waveform.view(2, 2, -1).flip(1).flatten(0, 1),  # type: ignore[union-attr]
        lengths=encoding.lengths,
    )
    with torch.no_grad():
        for given, target, rest in ((encoding, sources, other), (swapped, other, sources)):
            found = extractor.eval()(mixture, given).waveform
            margin = si_sdr_db(found, target) - si_sdr_db(found, rest)
            assert margin.min() > 6
