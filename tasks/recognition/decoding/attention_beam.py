"""Beam search with the attention decoder and CTC prefix scores, espnet's (Watanabe et al., "Hybrid
CTC/attention architecture for end-to-end speech recognition", IEEE JSTSP 2017)."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.errors import ConfigError
from joint.layers.espnet import espnet_class
from joint.losses.ctc import BLANK
from tasks.recognition.core import Posteriors
from tasks.recognition.objectives.attention import AttentionDecoder

BEAM, CTC_WEIGHT = 10, 0.3
PART = "attention decoder"
IMPOSSIBLE = -1e10
"""Espnet's logarithm of a probability of 0."""


class AttentionBeamSearch:
    """Symbols by a beam of hypotheses, whose score is `ctc_weight` of CTC's log-probability and the
    rest of the attention decoder's. A hypothesis that CTC cannot align with the frames is never
    preferred to one that it can, unless `ctc_weight` is 0.

    Raises ConfigError for a beam below 1 or a weight outside 0 to 1, and where espnet is missing.
    """

    windowed: ClassVar[bool] = True

    def __init__(
        self, decoder: AttentionDecoder, beam: int = BEAM, ctc_weight: float = CTC_WEIGHT
    ) -> None:
        if beam < 1:
            raise ConfigError("beam", str(beam), "1 or more")
        if not 0.0 <= ctc_weight <= 1.0:
            raise ConfigError("ctc_weight", str(ctc_weight), "0 to 1")
        self.decoder, self.beam, self.ctc_weight = decoder, beam, ctc_weight
        self.search = espnet_class("espnet.nets.batch_beam_search", "BatchBeamSearch", PART)
        self.prefix_scorer = espnet_class("espnet.nets.scorers.ctc", "CTCPrefixScorer", PART)

    def __call__(self, posteriors: Posteriors, row: int) -> list[int]:
        """See Decoding. A padded recording is decoded as it is alone: only its own frames count."""
        own = slice(int(posteriors.frames[row]))
        border = self.decoder.border
        ctc = _Posteriors(posteriors.log_probabilities[row, own])
        search = self.search(
            {
                "decoder": self.decoder.network,
                "ctc": self.prefix_scorer(ctc, border),
                "without_blank": _without_blank(border + 1),
            },
            {"decoder": 1.0 - self.ctc_weight, "ctc": self.ctc_weight, "without_blank": 1.0},
            beam_size=min(self.beam, border + 1),  # more cannot be told apart after one symbol
            vocab_size=border + 1,
            sos=border,
            eos=border,
            # CTC scores those symbols alone that the decoder prefers
            pre_beam_score_key="full" if self.ctc_weight < 1.0 else None,
        )
        hidden = posteriors.hidden.features[row, own].float()
        # the score of a long hypothesis has more digits than bf16
        with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
            found = search(hidden)
        best = found[0].yseq.tolist() if found else []
        return [symbol for symbol in best if symbol not in (BLANK, border)]


def _without_blank(vocabulary: int) -> object:
    """A scorer that gives the blank a probability of 0, and others one of 1.

    Espnet's prefix scorer gives a hypothesis with a blank 10^10 nats less, and its continuations
    as many more: where the beam holds one, it would win.
    """
    scores = torch.zeros(vocabulary)
    scores[BLANK] = float("-inf")

    class WithoutBlank(espnet_class("espnet.nets.scorer_interface", "BatchScorerInterface", PART)):  # type: ignore[misc]
        def batch_score(self, ys: Tensor, states: object, xs: Tensor) -> tuple[Tensor, None]:
            return scores.to(xs).expand(len(ys), -1), None

    return WithoutBlank()


class _Posteriors:
    """CTC's `log_probabilities (F, V)` as the prefix scorer asks for them, with the border."""

    def __init__(self, log_probabilities: Tensor) -> None:
        self.log_probabilities = F.pad(log_probabilities.float(), (0, 1), value=IMPOSSIBLE)

    def log_softmax(self, hidden: Tensor) -> Tensor:
        return self.log_probabilities[None].clone()
