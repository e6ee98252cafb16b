"""Beams: of one they are greedy, wide ones find what is likelier, a language model decides."""

import pytest
import torch
from torch import Tensor

from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.losses.ctc import collapsed, ctc_losses
from tasks.recognition.core import Posteriors
from tasks.recognition.decoding.best_path import BestPath
from tasks.recognition.decoding.ctc_beam import CtcBeamSearch, symbol_names
from tasks.recognition.decoding.language_model import NGram

pytest.importorskip("flashlight.lib.text")
VOCABULARY = 6


def posteriors_of(scores: Tensor, width: int = 8) -> Posteriors:
    """Scores `(F, V)` as the posteriors of one recording."""
    hidden = Frames(torch.randn(1, len(scores), width), None)
    found = scores.float().log_softmax(dim=-1)[None]
    return Posteriors(found, torch.tensor([len(scores)]), hidden)


def log_likelihood(posteriors: Posteriors, symbols: list[int]) -> float:
    ids, counts = torch.tensor([symbols or [0]]), torch.tensor([len(symbols)])
    return -float(ctc_losses(posteriors.log_probabilities, posteriors.frames, ids, counts))


@pytest.mark.parametrize("seed", range(10))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    torch.manual_seed(seed)
    posteriors = posteriors_of(2.0 * torch.randn(30, VOCABULARY))
    greedy = BestPath()(posteriors, 0)
    assert CtcBeamSearch(VOCABULARY, beam=1)(posteriors, 0) == greedy
    assert greedy == collapsed(posteriors.log_probabilities[0].argmax(dim=-1))


def test_a_wide_beam_finds_sequences_no_less_likely() -> None:
    torch.manual_seed(0)
    wide = CtcBeamSearch(VOCABULARY, beam=100)
    better = 0
    for _ in range(20):
        posteriors = posteriors_of(torch.randn(12, VOCABULARY))
        found, greedy = wide(posteriors, 0), BestPath()(posteriors, 0)
        better += (
            log_likelihood(posteriors, list(found)) >= log_likelihood(posteriors, greedy) - 1e-4
        )
    assert better >= 18


def test_the_language_model_decides_what_is_hard_to_hear() -> None:
    names = symbol_names(VOCABULARY)
    model = NGram([[names[1], names[2], names[3]]] * 50, order=3)
    scores = torch.full((9, VOCABULARY), -6.0)
    for frame, symbol in enumerate((1, 0, 0, 2, 0, 0, 3, 0, 0)):
        scores[frame, symbol] = 3.0
    scores[3, 4] = 3.2  # sounds a little more like 4 than like 2
    posteriors = posteriors_of(scores)
    assert BestPath()(posteriors, 0) == [1, 4, 3]
    assert CtcBeamSearch(VOCABULARY, model, beam=20, weight=2.0)(posteriors, 0) == [1, 2, 3]


def test_a_lexicon_gives_words() -> None:
    lexicon = {"ON": [[1, 2]], "NO": [[2, 1]], "ONE": [[3, 1, 2], [1, 2, 2]]}
    model = NGram([["ON", "NO"], ["NO", "ON"]], order=2, known=lexicon)
    scores = torch.full((8, VOCABULARY), -8.0)
    for frame, symbol in enumerate((1, 2, 0, 2, 1, 0, 0, 0)):
        scores[frame, symbol] = 3.0
    found = CtcBeamSearch(VOCABULARY, model, lexicon, beam=20)(posteriors_of(scores), 0)
    assert list(found) == ["ON", "NO"]


def test_symbols_last_for_several_frames_beside_a_language_model() -> None:
    names = symbol_names(VOCABULARY)
    model = NGram([[names[1], names[2], names[3]]] * 50, order=3)
    scores = torch.full((9, VOCABULARY), -8.0)
    for frame, symbol in enumerate((1, 1, 1, 2, 2, 2, 3, 3, 3)):
        scores[frame, symbol] = 3.0
    assert CtcBeamSearch(VOCABULARY, model, beam=20)(posteriors_of(scores), 0) == [1, 2, 3]
    lexicon = {"ON": [[1, 2]], "IN": [[3, 2]], "AN": [[1]]}
    scores = torch.full((8, VOCABULARY), -8.0)
    for frame, symbol in enumerate((1, 1, 2, 2, 2, 2, 0, 0)):
        scores[frame, symbol] = 3.0
    words = NGram([["ON"], ["IN"], ["AN"]], order=2)
    found = CtcBeamSearch(VOCABULARY, words, lexicon, beam=20)(posteriors_of(scores), 0)
    assert list(found) == ["ON"]


def test_paths_of_one_sequence_add_up() -> None:
    # no path is likelier than that of blanks alone, but three write 1: together they are
    scores = torch.full((2, VOCABULARY), -20.0)
    scores[:, 0], scores[:, 1] = 0.55, 0.45
    posteriors = posteriors_of(scores)
    assert BestPath()(posteriors, 0) == []
    assert CtcBeamSearch(VOCABULARY, beam=20)(posteriors, 0) == [1]


def test_a_bonus_has_more_written() -> None:
    scores = torch.full((3, VOCABULARY), -20.0)
    scores[:, 0], scores[1, 2] = 2.0, 0.5
    posteriors = posteriors_of(scores)
    assert CtcBeamSearch(VOCABULARY, beam=20)(posteriors, 0) == []
    assert CtcBeamSearch(VOCABULARY, beam=20, bonus=2.0)(posteriors, 0) == [2]


def test_beams_of_none() -> None:
    with pytest.raises(ConfigError, match="beam"):
        CtcBeamSearch(VOCABULARY, beam=0)
