"""The attention decoder's loss and beam search: equal to their formulas, no impossible hypotheses,
no dependence on padding."""

import sys
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.losses.ctc import BLANK
from tasks.recognition.core import Posteriors
from tasks.recognition.decoding.attention_beam import AttentionBeamSearch
from tasks.recognition.objectives.attention import AttentionDecoder

pytest.importorskip("espnet2.asr.decoder", reason="espnet is not installed", exc_type=ImportError)
VOCABULARY = 5


def posteriors_of(*recordings: Tensor, width: int = 8) -> Posteriors:
    """CTC scores `(F, V)` of each recording as the padded posteriors of a batch."""
    lengths = torch.tensor([len(scores) for scores in recordings])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    torch.manual_seed(5)
    hidden = [torch.randn(len(scores), width) for scores in recordings]
    padded = torch.nn.utils.rnn.pad_sequence(hidden, batch_first=True, padding_value=9.0)
    scores = torch.nn.utils.rnn.pad_sequence(list(recordings), batch_first=True)
    return Posteriors(scores.log_softmax(dim=-1), lengths, Frames(padded, mask))


def decoder() -> AttentionDecoder:
    torch.manual_seed(1)
    made = AttentionDecoder(VOCABULARY, 8, layers=2, heads=2, hidden=16, smoothing=0.0).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return made


def score(made: AttentionDecoder, posteriors: Posteriors, symbols: list[int], ctc: float) -> float:
    ids, count = torch.tensor([symbols or [-1]]), torch.tensor([len(symbols)])
    attention = -float(made.losses(posteriors.hidden, ids, count))
    loss = F.ctc_loss(
        posteriors.log_probabilities.transpose(0, 1),
        ids.clamp(min=0),
        posteriors.frames,
        count,
        BLANK,
        "sum",
    )
    return (1.0 - ctc) * attention - (ctc * float(loss) if ctc else 0.0)


@torch.no_grad()
def test_the_loss_is_the_log_likelihood_of_each_symbol() -> None:
    made, posteriors = decoder(), posteriors_of(torch.randn(7, VOCABULARY))
    border = made.border
    scores = made(posteriors.hidden, torch.tensor([[border, 1, 2, 3]]), torch.tensor([4]))
    by_hand = -scores[0, [0, 1, 2, 3], [1, 2, 3, border]].sum()
    found = made.losses(posteriors.hidden, torch.tensor([[1, 2, 3, -1, -1]]), torch.tensor([3]))
    torch.testing.assert_close(found[0], by_hand)
    # a symbol depends on those before it alone
    other = made(posteriors.hidden, torch.tensor([[border, 1, 4, 4]]), torch.tensor([4]))
    torch.testing.assert_close(scores[:, :2], other[:, :2])
    assert not torch.allclose(scores[:, 2:], other[:, 2:])


@torch.no_grad()
@pytest.mark.parametrize("ctc", [0.0, 0.4, 1.0])
def test_a_wide_beam_finds_the_best_hypothesis(ctc: float) -> None:
    made, best_found = decoder(), 0
    several = [list(s) for n in range(4) for s in product(range(1, VOCABULARY), repeat=n)]
    for seed in range(10):
        torch.manual_seed(seed)
        posteriors = posteriors_of(2.0 * torch.randn(5, VOCABULARY))
        found = AttentionBeamSearch(made, 100, ctc)(posteriors, 0)
        best = max(score(made, posteriors, symbols, ctc) for symbols in several)
        best_found += score(made, posteriors, found, ctc) >= best - 1e-4
    assert best_found >= 9


@torch.no_grad()
def test_a_beam_of_one_is_greedy() -> None:
    made = decoder()
    for seed in range(5):
        torch.manual_seed(seed)
        posteriors = posteriors_of(torch.randn(9, VOCABULARY))
        symbols: list[int] = []
        while len(symbols) < 9:
            before, length = (
                torch.tensor([[made.border, *symbols]]),
                torch.tensor([len(symbols) + 1]),
            )
            scores = made(posteriors.hidden, before, length)[0, -1]
            scores[BLANK] = float("-inf")
            best = int(scores.argmax())
            if best == made.border:
                break
            symbols.append(best)
        found = AttentionBeamSearch(made, beam=1, ctc_weight=0.0)(posteriors, 0)
        assert found == symbols


@torch.no_grad()
def test_an_impossible_hypothesis_is_not_chosen() -> None:
    """CTC is sure of [2]; the decoder prefers 1 again and again, for which the frames are too few:
    [1, 1, 1, 1] takes seven frames, one for the blank between each two."""
    made = decoder()
    for parameter in made.parameters():
        torch.nn.init.zeros_(parameter)
    bias = made.network.get_parameter("output_layer.bias")
    bias.copy_(torch.tensor([-9.0, 2.0, -3.0, -9.0, -9.0, 1.0]))
    scores = torch.full((6, VOCABULARY), -10.0)
    scores[:, BLANK], scores[2, 2], scores[2, BLANK] = 10.0, 10.0, -10.0
    posteriors = posteriors_of(scores)
    assert AttentionBeamSearch(made, beam=5, ctc_weight=0.3)(posteriors, 0) == [2]
    assert set(AttentionBeamSearch(made, beam=1, ctc_weight=0.0)(posteriors, 0)) == {1}


@torch.no_grad()
def test_a_padded_recording_is_decoded_as_it_is_alone() -> None:
    made = decoder()
    torch.manual_seed(2)
    recordings = [2.0 * torch.randn(frames, VOCABULARY) for frames in (5, 14, 9)]
    together = posteriors_of(*recordings)
    ids, counts = torch.tensor([[1, -1, -1], [2, 3, 1], [4, 4, -1]]), torch.tensor([1, 3, 2])
    losses = made.losses(together.hidden, ids, counts)
    for row, scores in enumerate(recordings):
        own = slice(len(scores))
        alone = Posteriors(
            together.log_probabilities[row : row + 1, own],
            together.frames[row : row + 1],
            Frames(together.hidden.features[row : row + 1, own], None),
        )
        loss = made.losses(alone.hidden, ids[row : row + 1], counts[row : row + 1])
        torch.testing.assert_close(losses[row : row + 1], loss)
        for ctc in (0.0, 0.5):
            search = AttentionBeamSearch(made, 4, ctc)
            assert search(together, row) == search(alone, 0)


def test_impossible_settings() -> None:
    with pytest.raises(ConfigError, match="beam"):
        AttentionBeamSearch(decoder(), beam=0)
    with pytest.raises(ConfigError, match=r"ctc_weight.*1\.5.*0 to 1"):
        AttentionBeamSearch(decoder(), ctc_weight=1.5)


def test_without_espnet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espnet2.asr.decoder.transformer_decoder", None)
    with pytest.raises(ConfigError, match=r"no package espnet.*joint-speaker\[espnet\]"):
        AttentionDecoder(VOCABULARY, 8)
