"""JointModel: what a switch lets through, how often the encoder runs, what a loss weighs."""

from collections.abc import Callable

import pytest
import torch
from tiny_models import learn, noise_batch, tiny_model
from torch import Tensor, nn

from joint.encoders.frontends.filterbank import SpecAugment
from joint.encoders.view import Switch
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.task import ENROLLMENT

BOTH = ("verification", "extraction")


def frozen(*names: str) -> dict[str, Switch]:
    return dict.fromkeys(names, "frozen")


def adapted(*names: str) -> dict[str, Switch]:
    return dict.fromkeys(names, "adapter")


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def state(module: nn.Module) -> dict[str, Tensor]:
    return {n: v.clone() for n, v in module.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


@pytest.fixture
def runs() -> Callable[[JointModel], list[None]]:
    """A list that grows with every run of a model's encoder."""

    def count(model: JointModel) -> list[None]:
        seen: list[None] = []
        model.encoder.backbone.register_forward_hook(lambda *_: seen.append(None))
        return seen

    return count


@pytest.mark.parametrize(
    "switches, expected",
    [
        ({}, 1),
        (frozen(*BOTH), 1),
        (frozen("extraction"), 2),
        (frozen("verification"), 2),
        (adapted(*BOTH), 2),
        (adapted("extraction"), 2),
    ],
    ids=[
        "both joint",
        "both frozen",
        "one frozen",
        "the other frozen",
        "two adapters",
        "one adapter",
    ],
)
def test_one_run_for_one_enrolment_and_switch(
    runs: Callable[[JointModel], list[None]], switches: dict[str, Switch], expected: int
) -> None:
    model = tiny_model(switches=switches)
    seen = runs(model)
    model([StreamBatch(noise_batch(), BOTH)], 0.5)
    assert len(seen) == expected
    model([StreamBatch(noise_batch(seed=s), BOTH) for s in range(2)], 0.5)
    assert len(seen) == 3 * expected


def test_the_loss_is_the_weighted_sum() -> None:
    model = tiny_model({"verification": 0.3, "extraction": 2.0})
    output = model([StreamBatch(noise_batch(), BOTH)], 0.5)
    expected = 0.3 * output.metrics["verification/loss"] + 2 * output.metrics["extraction/loss"]
    assert float(output.loss.detach()) == pytest.approx(expected, rel=1e-5)
    assert {"verification/accuracy", "extraction/si_sdr_improvement_db"} <= set(output.metrics)


def test_a_stream_feeds_the_tasks_it_names() -> None:
    model = tiny_model()
    streams = [StreamBatch(noise_batch(seed=s), (name,)) for s, name in enumerate(BOTH)]
    alone = [float(model([stream], 0.5).loss.detach()) for stream in streams]
    assert float(model(streams, 0.5).loss.detach()) == pytest.approx(sum(alone), rel=1e-5)


def test_a_task_of_weight_0_is_not_run(runs: Callable[[JointModel], list[None]]) -> None:
    model = tiny_model({"extraction": 0.0})
    model.tasks["extraction"].loss = None  # type: ignore[assignment]
    assert model.active == ["verification"]
    assert not any(p.requires_grad for p in model.tasks["extraction"].parameters())
    model([StreamBatch(noise_batch(), BOTH)], 0.5).loss.backward()
    assert gradients(model.encoder)


def test_missing_fields_are_named() -> None:
    model = tiny_model()
    batch = noise_batch(mixture=None, sources=None)
    model.check("verification", batch, "voices")
    with pytest.raises(ConfigError, match=r"streams\.voices\.tasks.*without mixture, sources"):
        model.check("extraction", batch, "voices")


def test_an_unknown_switch() -> None:
    with pytest.raises(ConfigError, match=r"tasks\.extraction\.encoder.*frozen, adapter or joint"):
        tiny_model(switches={"extraction": "thawed"})  # type: ignore[dict-item]


def test_an_adapter_goes_with_its_switch() -> None:
    model = tiny_model(switches=adapted("extraction"))
    adapters = {"extraction": model.adapter("extraction")}
    parts = model.encoder, dict(model.tasks)
    with pytest.raises(ConfigError, match=r"tasks\.extraction\.adapter: found an adapter"):
        JointModel(*parts, adapters=adapters)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"tasks\.extraction\.adapter: found no adapter"):
        JointModel(*parts, switches=adapted("extraction"))


class TestFrozen:
    """Nothing of the encoder moves, and a gradient to the audio still flows."""

    def test_bit_identical_through_optimizer_steps(self) -> None:
        model = tiny_model(switches=frozen(*BOTH), spec_augment=SpecAugment(1.0)).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
        encoder, heads = state(model.encoder), state(model.tasks)
        for step in range(3):
            model([StreamBatch(noise_batch(seed=step), BOTH)], 0.5).loss.backward()
            assert not gradients(model.encoder)
            optimizer.step()
        assert same(state(model.encoder), encoder)
        assert not same(state(model.tasks), heads)
        assert model.encoder.training

    def test_one_frozen_task_beside_a_joint_one(self) -> None:
        model = tiny_model(switches=frozen("extraction"))
        alone = tiny_model({"extraction": 0.0})
        for made in (model, alone):
            made([StreamBatch(noise_batch(), BOTH)], 0.5).loss.backward()
        assert same(gradients(model.encoder), gradients(alone.encoder))
        assert same(state(model.encoder), state(alone.encoder))
        assert gradients(model.tasks["extraction"])

    @pytest.mark.parametrize("first", BOTH)
    def test_the_same_under_bf16(self, first: str) -> None:
        """A weight that autocast has cast for a frozen run is cast again for one that learns."""
        order = (first, *(name for name in BOTH if name != first))
        found = []
        for made in (tiny_model(switches=frozen("extraction")), tiny_model({"extraction": 0.0})):
            with torch.autocast("cpu", torch.bfloat16):
                output = made([StreamBatch(noise_batch(), order)], 0.5)
            output.loss.backward()
            found.append(gradients(made.encoder))
        assert len(found[0]) > 10 and same(*found)

    def test_gradient_reaches_the_audio(self) -> None:
        model = tiny_model(switches=frozen("verification"))
        audio = (0.1 * torch.randn(2, 4800)).requires_grad_()
        model.view("verification")(
            audio, torch.tensor([4800, 4800]), ENROLLMENT
        ).embedding.sum().backward()
        assert audio.grad is not None and audio.grad.abs().sum() > 0
        assert not gradients(model.encoder)

    def test_it_is_the_encoder_in_eval_mode(self) -> None:
        model = tiny_model(switches=frozen("verification")).train()
        batch = noise_batch()
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        seen = model.view("verification")(
            batch.enrollment, batch.enrollment_lengths, ENROLLMENT
        ).embedding
        model.eval()
        flat = batch.enrollment.flatten(0, 1)
        assert torch.equal(seen, model.encoder(flat).embedding)


class TestAdapter:
    """Nothing of the encoder moves, and each task's own view of it learns."""

    def test_the_encoder_is_bit_identical_through_optimizer_steps(self) -> None:
        model = tiny_model(switches=adapted(*BOTH), spec_augment=SpecAugment(1.0)).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.5)
        encoder, adapters = state(model.encoder), state(model.adapters)
        for step in range(3):
            model([StreamBatch(noise_batch(seed=step), BOTH)], 0.5).loss.backward()
            assert not gradients(model.encoder)
            optimizer.step()
        assert same(state(model.encoder), encoder)
        after = state(model.adapters)
        assert all(not torch.equal(after[name], value) for name, value in adapters.items())
        assert model.encoder.training

    def test_it_learns_where_nothing_else_does(self) -> None:
        model = tiny_model({"extraction": 0.0}, adapted("verification")).train()
        optimizer = torch.optim.AdamW(model.adapters.parameters(), lr=0.02)
        losses = []
        for _ in range(12):
            optimizer.zero_grad()
            output = model([StreamBatch(noise_batch(), BOTH)], 0.5)
            output.loss.backward()
            optimizer.step()
            losses.append(float(output.loss.detach()))
        assert losses[-1] < 0.7 * losses[0]

    def test_beside_a_joint_task(self) -> None:
        """The joint one learns as if it were alone, SpecAugment included."""
        found = []
        for weight in (1.0, 0.0):
            torch.manual_seed(0)
            model = tiny_model({"extraction": weight}, adapted("extraction"), SpecAugment(1.0))
            model.train()([StreamBatch(noise_batch(), BOTH)], 0.5).loss.backward()
            found.append(model)
        assert same(gradients(found[0].encoder), gradients(found[1].encoder))
        assert same(state(found[0].encoder), state(found[1].encoder))
        ups = gradients(found[0].adapters["extraction"].up)  # type: ignore[arg-type]
        assert len(ups) == 5 and all(g.abs().sum() > 0 for g in ups.values())

    def test_untrained_it_is_frozen(self) -> None:
        losses = []
        for switches in (adapted(*BOTH), frozen(*BOTH)):
            torch.manual_seed(0)
            model = tiny_model(switches=switches).train()
            losses.append(float(model([StreamBatch(noise_batch(), BOTH)], 0.5).loss.detach()))
        assert losses[0] == losses[1]

    def test_a_view_is_the_task_s_own(self) -> None:
        model = tiny_model(switches=adapted(*BOTH)).eval()
        learn(model.adapters["extraction"])  # type: ignore[arg-type]
        audio, lengths = noise_batch().enrollment, noise_batch().enrollment_lengths
        assert audio is not None and lengths is not None
        seen = {name: model.view(name)(audio, lengths, ENROLLMENT).embedding for name in BOTH}
        plain = model.encoder(audio.flatten(0, 1)).embedding
        assert torch.equal(seen["verification"], plain)
        assert not torch.allclose(seen["extraction"], plain, atol=1e-3)

    def test_the_same_under_bf16(self) -> None:
        """A weight that autocast has cast for an adapter is cast again for one that learns."""
        found = []
        for made in (tiny_model(switches=adapted("verification")), tiny_model({"verification": 0})):
            with torch.autocast("cpu", torch.bfloat16):
                output = made([StreamBatch(noise_batch(), BOTH)], 0.5)
            output.loss.backward()
            found.append(gradients(made.encoder))
        assert len(found[0]) > 10 and same(*found)

    def test_of_a_task_of_weight_0(self) -> None:
        model = tiny_model({"extraction": 0.0}, adapted("extraction"))
        assert not any(p.requires_grad for p in model.adapters.parameters())


def test_joint_moves_encoder_and_statistics() -> None:
    model = tiny_model()
    before = state(model.encoder)
    model([StreamBatch(noise_batch(), BOTH)], 0.5).loss.backward()
    assert len(gradients(model.encoder)) == sum(p.requires_grad for p in model.encoder.parameters())
    moved = {n for n, v in state(model.encoder).items() if not torch.equal(v, before[n])}
    assert any("running_mean" in name for name in moved)


def test_the_extraction_loss_reaches_the_encoder() -> None:
    model = tiny_model({"verification": 0.0})
    model([StreamBatch(noise_batch(), BOTH)], 0.5).loss.backward()
    assert all(g.isfinite().all() for g in gradients(model.encoder).values())
    assert sum(g.abs().sum() for g in gradients(model.encoder).values()) > 0
