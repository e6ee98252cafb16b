"""Quality of the phone alignments: phones against the corpus's own, boundaries against CTC.

    python -m recipes.speechocean762.studies.alignments DATA/train exp/speechocean762/phones

The corpus has the phones of each utterance (`resource/text-phone`, copied to the manifests by
`joint prepare`) but not their times. Boundaries are compared with those of a CTC phone recogniser
that was trained without times. DATA/train must be aligned (`joint align`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from joint import load
from joint.data.corpus import SUPERVISIONS, Corpus
from joint.data.opening import open_corpus
from joint.errors import CheckpointError, DataError
from joint.metrics.words import edit_distance
from joint.terminal import errors_in_one_line
from joint.text.pronunciation import bare
from joint.training.precision import autocast_for
from joint.training.progress import shown
from joint.units import SAMPLE_RATE
from recipes.speechocean762.studies.command import study_parser
from tasks.phonetics.ctc import CtcPhones
from tasks.phonetics.ctc_alignment import adjacent, boundaries, forced_spans, without_priors


def phones_of_corpus(folder: Path) -> dict[str, list[str]]:
    """The phones of each utterance in the corpus, without stress."""
    from lhotse import SupervisionSet

    found = {}
    for supervision in SupervisionSet.from_jsonl_lazy(folder / SUPERVISIONS):
        words = (supervision.custom or {}).get("phones") or []
        found[supervision.id] = [bare(phone) for word in words for phone in word]
    return found


def sequence_agreement(corpus: Corpus, own: dict[str, list[str]]) -> dict[str, float]:
    """Edit distance between the aligned phones and the corpus's in percent of the latter, and the
    percentage of utterances without a difference."""
    errors = total = same = count = 0
    for utterance in corpus.utterances:
        known = [p for p in own.get(utterance.id, []) if p in corpus.phones]
        if utterance.phones is None or not known:
            continue
        aligned = [int(p) for p in utterance.phones.phones if p > 0]
        wrong = edit_distance(aligned, [corpus.phones.index(p) for p in known])
        errors, total, count, same = (
            errors + wrong,
            total + len(known),
            count + 1,
            same + (not wrong),
        )
    if not count:
        raise DataError(
            corpus.where,
            "no phones of the corpus",
            "a folder that 'joint prepare speechocean762' wrote",
        )
    return {"phone_edits_percent": 100.0 * errors / total, "same_percent": 100.0 * same / count}


def boundary_differences(
    corpus: Corpus, checkpoint: str, weights: Sequence[float], limit: int
) -> dict[float, np.ndarray]:
    """Milliseconds from each boundary between adjacent phones to that of the CTC recogniser
    (positive: the latter is later), for each weight of the label priors."""
    model = load(checkpoint)
    heads = [t for t in model.model.tasks.values() if isinstance(t, CtcPhones)]
    if not heads:
        raise CheckpointError(model.path, ", ".join(model.model.tasks), "a task CtcPhones")
    head = heads[0]
    chosen = [u for u in corpus.utterances if u.phones is not None][:: _every(corpus, limit)]
    found = []
    for utterance in shown(chosen, "aligning by CTC", True):
        waveform = torch.from_numpy(utterance.waveform())[None]
        with torch.inference_mode(), autocast_for(model.precision, model.device):
            encoding = model.model.encoder(waveform.to(model.device), None, (head.layer,))
            layer = head.input_frames(encoding)
            found.append((utterance, layer, head.log_probabilities(layer.features)[0].cpu()))
    priors = torch.cat([scores for _, _, scores in found]).exp().mean(dim=0).clamp(min=1e-8).log()
    differences: dict[float, Any] = {weight: [] for weight in weights}
    for utterance, layer, scores in found:
        assert utterance.phones is not None
        spoken = [int(p) for p in utterance.phones.phones if p > 0]
        ends, touching = adjacent(utterance.phones)
        for weight in weights:
            try:
                spans = forced_spans(without_priors(scores, priors, weight), spoken)
            except ValueError:
                continue  # more phones than frames
            apart = boundaries(spans, layer.hop, layer.offset) - ends
            differences[weight].append(1000.0 * apart[touching] / SAMPLE_RATE)
    return {weight: np.concatenate(parts) for weight, parts in differences.items()}


def _every(corpus: Corpus, limit: int) -> int:
    return max(1, len(corpus) // limit)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = study_parser(__doc__)
    parser.add_argument("data", type=Path, help="a folder that 'joint align' has aligned")
    parser.add_argument("checkpoint", help="a checkpoint trained with phones.yaml")
    parser.add_argument("--limit", type=int, default=500, help="most utterances to align by CTC")
    parser.add_argument(
        "--priors",
        type=float,
        nargs="+",
        default=[0.0, 0.5, 1.0],
        help="weights of the label priors",
    )
    options = parser.parse_args(arguments)
    with errors_in_one_line():
        corpus = open_corpus(options.data)
        for name, value in sequence_agreement(corpus, phones_of_corpus(options.data)).items():
            print(f"{name}: {value:.2f}")
        found = boundary_differences(corpus, options.checkpoint, options.priors, options.limit)
        for weight, apart in found.items():
            middle, far = np.median(np.abs(apart)), np.percentile(np.abs(apart), 90)
            print(
                f"priors {weight:g}: boundaries {len(apart)}, median difference {middle:.1f} ms, "
                f"90 % within {far:.1f} ms, median shift {np.median(apart):+.1f} ms"
            )


if __name__ == "__main__":
    main()
