"""What an extraction costs: parameters, multiplications, time."""

import time
import warnings
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from joint.layers.threads import one_thread
from joint.task import ENROLLMENT, Encode
from joint.training.precision import autocast_for
from joint.units import SAMPLE_RATE, Seconds
from tasks.extraction.task import ExtractionTask

MIXTURE: Seconds = 4.0
"""Length of the mixture, and of the enrolment, that costs are measured on."""
REPEATS = 5


def extraction_costs(
    task: ExtractionTask, encode: Encode, precision: str = "auto"
) -> dict[str, float]:
    """Millions of parameters of the extractor; 10^9 multiplications with addition (MACs) that it
    makes for a second of mixture; its real-time factor in `precision` on one thread, in processor
    time. The enrolment is encoded before: it is for many mixtures. Transforms, norms and
    activations are not counted as MACs."""
    generator = torch.Generator().manual_seed(0)
    samples = round(MIXTURE * SAMPLE_RATE)
    device = next(task.parameters()).device
    mixture, enrollment = 0.1 * torch.randn(2, 1, samples, generator=generator).to(device)
    lengths = torch.tensor([samples], device=device)

    @torch.inference_mode()
    def extract() -> Tensor:
        return task.estimate(encode, mixture, encoding).waveform

    with torch.inference_mode():
        encoding = encode(enrollment, lengths, ENROLLMENT)
    macs = multiplications(extract)
    with one_thread(), autocast_for(precision, device):
        seconds = processor_seconds(extract)
    return {
        "extractor_million_parameters": sum(p.numel() for p in task.extractor.parameters()) / 1e6,
        "extractor_billion_macs_per_second": macs / MIXTURE / 1e9,
        "extractor_real_time_factor": seconds / MIXTURE,
    }


def multiplications(run: Callable[[], object]) -> int:
    """Multiplications with addition in matrix products and convolutions of `run`.

    Recurrent layers and attention are taken apart into products for the count.
    """
    counter = FlopCounterMode(display=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the flags, about processors that are not there
        with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH), counter:
            run()
    return counter.get_total_flops() // 2


def processor_seconds(run: Callable[[], object]) -> float:
    """The median time of a few runs after a first one."""
    run()
    taken = []
    for _ in range(REPEATS):
        begin = time.process_time()
        run()
        taken.append(time.process_time() - begin)
    return median(taken)
