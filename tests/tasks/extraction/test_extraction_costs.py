"""Costs: products are counted by hand, parameters are the extractor's alone."""

import pytest
import torch
from tiny_models import encode_with, extraction, tiny_encoder
from torch import nn

from tasks.extraction.costs import extraction_costs, multiplications

COUNTED = {
    "linear": (nn.Linear(5, 7), (3, 5), 3 * 5 * 7),
    "convolution": (nn.Conv1d(4, 6, 3, padding=1), (2, 4, 10), 2 * 10 * 4 * 6 * 3),
    "both directions of an LSTM": (
        nn.LSTM(5, 8, bidirectional=True),
        (10, 2, 5),
        2 * 10 * 2 * 4 * 8 * (5 + 8),
    ),
}


@pytest.mark.parametrize("layer, shape, macs", COUNTED.values(), ids=COUNTED.keys())
def test_products(layer: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    with torch.inference_mode():
        assert multiplications(lambda: layer(torch.randn(shape))) == macs


def test_attention_is_counted() -> None:
    """Queries with keys, and weights with values."""
    query, key = torch.randn(2, 4, 6, 8), torch.randn(2, 4, 9, 8)
    mask = torch.ones(2, 1, 1, 9, dtype=torch.bool)
    with torch.inference_mode():
        found = multiplications(
            lambda: nn.functional.scaled_dot_product_attention(query, key, key, mask)
        )
    assert found == 2 * (2 * 4 * 6 * 9 * 8)


def test_costs_of_an_extractor() -> None:
    task, threads = extraction().eval(), torch.get_num_threads()
    found = extraction_costs(task, encode_with(tiny_encoder().eval()), "float32")
    own = sum(p.numel() for p in task.extractor.parameters()) / 1e6
    assert found["extractor_million_parameters"] == own
    assert 0 < found["extractor_billion_macs_per_second"] < 1
    assert 0 < found["extractor_real_time_factor"] < 2
    assert torch.get_num_threads() == threads
