"""Parts that are trained inside a pretrained network: the base stays, the output changes."""

from functools import partial
from typing import Any

import pytest
import torch
from tiny_models import learn
from tiny_pretrained import TINY_W2V_BERT, TINY_WAVLM
from torch import Tensor

from joint.adapters.biases import Biases
from joint.adapters.bottleneck import Bottleneck
from joint.adapters.low_rank import LowRank
from joint.encoders.backbones.linear import LinearBackbone
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.ssl.frontend import PretrainedFrontend
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.errors import ConfigError

pytest.importorskip("transformers")

BLOCK = "model.encoder.layers.*"
ATTENTION = [f"{BLOCK}.attention.{part}_proj" for part in ("q", "v")]
KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "LoRA on WavLM's attention": (TINY_WAVLM, partial(LowRank, rank=2, layers=ATTENTION)),
    "LoRA on w2v-BERT's attention": (
        TINY_W2V_BERT,
        partial(LowRank, rank=2, layers=[f"{BLOCK}.self_attn.linear_{p}" for p in ("q", "v")]),
    ),
    "adapters behind both halves of a block": (
        TINY_WAVLM,
        partial(Bottleneck, layers=[f"{BLOCK}.dropout", f"{BLOCK}.feed_forward"], width=4),
    ),
    "parallel adapters": (
        TINY_WAVLM,
        partial(Bottleneck, layers=[f"{BLOCK}.feed_forward"], width=4, parallel=True),
    ),
    "BitFit": (TINY_WAVLM, partial(Biases, layers=["model.encoder"])),
}
AUDIO = 0.1 * torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([8000, 8000])


def encoder(config: dict[str, Any], tuning: Any) -> SpeakerEncoder:
    torch.manual_seed(0)
    frontend = PretrainedFrontend(config=config, tuning=tuning)
    return SpeakerEncoder(frontend, LinearBackbone(16), StatisticsPooling, 8).eval()


@pytest.mark.parametrize("name", KINDS)
def test_it_learns_and_the_base_stays(name: str) -> None:
    made = encoder(*KINDS[name])
    frontend = made.frontend
    frontend.network.requires_grad_(False)
    plain = encoder(KINDS[name][0], None)
    plain.load_state_dict(made.state_dict(), strict=False)
    base = {n: v.clone() for n, v in frontend.network.state_dict().items()}
    first = made(AUDIO).embedding
    assert torch.allclose(first, plain(AUDIO).embedding, atol=1e-5)
    trained = [p for p in made.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.1, weight_decay=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (made(AUDIO).embedding - 1.0).square().mean().backward()
        optimizer.step()
    for part, parameter in frontend.tuning.named_parameters():
        assert parameter.grad is not None, part
        assert 0 < float(parameter.grad.abs().sum()) < float("inf"), part
    after = frontend.network.state_dict()
    assert all(torch.equal(after[n], v) for n, v in base.items())
    with torch.no_grad():
        own = frontend(AUDIO, LENGTHS).layers["frontend_layer2"].features
        bare = frontend.network(AUDIO)[-1]
    assert float((own - bare).abs().max()) > 1e-4


@pytest.mark.parametrize("name", [n for n in KINDS if "adapters" not in n])
def test_merged(name: str) -> None:
    frontend = encoder(*KINDS[name]).frontend
    learn(frontend.tuning)
    with torch.no_grad():
        expected = frontend(AUDIO, LENGTHS).features
        frontend.tuning.merge(frontend.network)
        merged = torch.stack(frontend.network(AUDIO)).mean(dim=0)
    assert float((merged - expected).abs().max()) < 1e-5


def test_a_task_s_adapter_reaches_a_tuned_network() -> None:
    """One adapter in the front-end, another that a task puts around the encoder."""
    made = encoder(*KINDS["BitFit"])
    outer = LowRank(made, 2, layers=[f"frontend.network.{part}" for part in ATTENTION])
    learn(outer)
    changed = outer(made, AUDIO).embedding
    assert not torch.allclose(changed, made(AUDIO).embedding, atol=1e-4)
    changed.sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in outer.parameters())
    assert all(p.grad is None for p in made.frontend.network.parameters())


def test_biases_alone() -> None:
    made = encoder(TINY_WAVLM, None).frontend.network
    names = Biases(made, ["model.encoder.layers.1"]).names
    assert names and all(n.startswith("model.encoder.layers.1.") for n in names)
    with pytest.raises(ConfigError, match="without a bias"):
        Biases(made, ["model.encoder.layers.*.attention.rel_attn_embed"])


def test_a_name_that_means_no_layer() -> None:
    with pytest.raises(
        ConfigError, match=r"tuning\.layers: found no 'model\.layers.*expected model"
    ):
        encoder(TINY_WAVLM, partial(LowRank, layers=["model.layers.*.q_proj"]))


def test_the_same_is_given_in_a_padded_batch(padded: tuple[Tensor, Tensor]) -> None:
    made = encoder(*KINDS["LoRA on w2v-BERT's attention"])
    learn(made.frontend.tuning)
    waveform, lengths = padded
    with torch.no_grad():
        together = made(waveform, lengths).embedding
        for i, length in enumerate(lengths.tolist()):
            alone = made(waveform[i : i + 1, :length]).embedding[0]
            torch.testing.assert_close(together[i], alone, atol=1e-4, rtol=1e-4)


def test_a_frozen_network_keeps_no_graph() -> None:
    kept: dict[str, list[Tensor]] = {}
    tuned = KINDS["LoRA on WavLM's attention"][1]
    for way, tuning, frozen in (
        ("frozen", None, True),
        ("LoRA", tuned, True),
        ("full", None, False),
    ):
        made = encoder(TINY_WAVLM, tuning)
        made.frontend.network.requires_grad_(not frozen)
        saved: list[Tensor] = []
        kept[way] = saved

        def pack(tensor: Tensor, saved: list[Tensor] = saved) -> Tensor:
            saved.append(tensor)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            layers = made.frontend(AUDIO, LENGTHS).layers
        with_graph = [x.features.requires_grad for x in layers.values()]
        assert with_graph == {"frozen": [False] * 3, "LoRA": [False, True, True]}.get(
            way, [True] * 3
        )
    assert len(kept["frozen"]) < 0.1 * len(kept["LoRA"]) < 0.1 * len(kept["full"])
