"""What an enrolment has behind its end, in a batch of longer ones, is no part of it."""

from dataclasses import replace

import torch
from test_contract import (
    FRAME_WIDTH,
    Case,
    enrolled,
    estimated,
    every_extractor,
    made,
    mixtures,
    person,
)


@every_extractor
def test_what_lies_behind_an_enrolment_s_end_changes_nothing(case: Case) -> None:
    extractor, mixture, encoding = made(case), mixtures(1, 5121), person(enrolled(2), 1)
    assert encoding.waveform is not None and encoding.lengths is not None
    assert encoding.frames is not None and encoding.frame_mask is not None
    length, frames = int(encoding.lengths), int(encoding.frame_mask.sum())
    assert length < encoding.waveform.shape[1] and frames < encoding.frames.shape[2]
    cut = replace(
        encoding,
        waveform=encoding.waveform[:, :length],
        frames=encoding.frames[:, :, :frames],
        frame_mask=encoding.frame_mask[:, :frames],
    )
    noisy = replace(
        encoding,
        waveform=torch.cat([cut.waveform, mixtures(1, 900)], dim=1),
        frames=torch.cat([cut.frames, torch.ones(1, FRAME_WIDTH, 9)], dim=2),
        frame_mask=torch.arange(frames + 9)[None] < frames,
    )
    found, expected = (estimated(extractor, mixture, given) for given in (noisy, cut))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
