"""Long recordings in pieces: cut in pauses, and the same as in one piece."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from joint.audio import read_audio
from joint.seeding import seeded
from joint.synthesis.finishing.windows import CONTEXT, mel_in_pieces, pieces_of, vocoded
from joint.synthesis.mel import HOP, LogMel
from joint.synthesis.vocoders.vocos import Vocos


@pytest.fixture(scope="module")
def talk(embedded_corpus: Path) -> Tensor:
    """About twenty seconds of four sentences with pauses."""
    files = sorted((embedded_corpus / "WAVE" / "SPEAKER2450").glob("*.ogg"))[:4]
    pause = np.zeros(4000, np.float32)
    return torch.from_numpy(np.concatenate([x for f in files for x in (read_audio(f), pause)]))


def test_pieces_cover_the_whole_and_are_cut_in_pauses() -> None:
    levels = 0.1 + torch.rand(1001, generator=torch.Generator().manual_seed(0))
    levels[270:290], levels[500:520], levels[730:750] = 0.0, 0.0, 0.0
    pieces = pieces_of(levels, longest=300)
    assert [p.begin for p in pieces[1:]] == [p.end for p in pieces[:-1]]
    assert (pieces[0].begin, pieces[-1].end) == (0, 1000) and len(pieces) == 4
    for piece, middle in zip(pieces, (280, 510, 740), strict=False):
        assert abs(piece.end - middle) <= 6
        assert piece.first == max(0, piece.begin - CONTEXT)
        assert piece.last == piece.end + CONTEXT
    (one,) = pieces_of(levels, longest=1000)
    assert (one.first, one.begin, one.end, one.last) == (0, 0, 1000, 1000)


def test_a_spectrogram_in_pieces_is_that_of_the_whole(talk: Tensor) -> None:
    mel, lengths = LogMel(), []

    def analysed(piece: Tensor, frames: slice) -> Tensor:
        lengths.append(len(piece))
        found: Tensor = mel(piece[None])[0]
        inner = whole[:, frames.start + 4 : frames.stop - 4]  # windows reach over the ends
        torch.testing.assert_close(found[:, 4:-4], inner)
        return found

    odd = talk[: len(talk) // HOP * HOP - 77]
    whole = mel(torch.nn.functional.pad(odd, (0, 77))[None])[0]
    torch.testing.assert_close(mel_in_pieces(analysed, odd, longest=300), whole)
    assert len(lengths) > 3 and max(lengths) <= (400 + 2 * CONTEXT) * HOP


def test_a_waveform_in_pieces_is_that_of_the_whole(talk: Tensor) -> None:
    """Vocos sees less of the frames around than the context of a piece."""
    with seeded(0, "vocos"):
        vocoder = Vocos(dim=16, blocks=4, hidden=32, iterations=0)
    log_mel = vocoder.mel(talk[None])[0]
    with torch.inference_mode():
        whole = vocoder(log_mel[None])[0]
        made = vocoded(vocoder, log_mel, longest=300)
    assert made.shape == whole.shape == ((log_mel.shape[1] - 1) * HOP,)
    torch.testing.assert_close(made, whole, atol=1e-4 * float(whole.abs().max()), rtol=0)


def test_pieces_that_differ_fade_into_each_other(talk: Tensor) -> None:
    count = 0

    def constant(piece: Tensor, frames: slice) -> Tensor:
        nonlocal count
        count += 1
        return torch.full((80, len(piece) // HOP + 1), float(count))

    made = mel_in_pieces(constant, talk, longest=400)[0]
    assert made[0] == 1.0 and made[-1] == count > 2
    steps = made.diff()
    assert steps.min() >= 0.0 and steps.max() < 0.1
