"""Densities integrate to one, invert, recover what was planted, and are kept in files."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from planted_speakers import planted_speakers
from safetensors.torch import load_file, save_file

from analysis.probing.voices import agreement_percent, probed_attributes
from joint.encoders.identity import EncoderIdentity
from joint.errors import ConfigError, DataError
from tasks.generation.files import FORMAT, read_density, write_density
from tasks.generation.fitting import Fitting, fit_density
from tasks.generation.flow import ConditionalFlow
from tasks.generation.mixture import ConditionalMixture
from tasks.generation.space import EmbeddingSpace

OURS = EncoderIdentity("ours", "0" * 64)
ATTRIBUTES = {"_target_": "tasks.generation.conditions.AttributeCondition"}
MIXTURE = {"_target_": "tasks.generation.mixture.ConditionalMixture", "gaussians": 1}
FLOW = {"_target_": "tasks.generation.flow.ConditionalFlow", "transforms": 1, "hidden": 8}
SETTINGS = {"condition": ATTRIBUTES, "density": MIXTURE}
SHORT = Fitting(components=8, axes=3, steps=200, rate=0.03)


def shaken(module: torch.nn.Module) -> Any:
    """Far from its initialisation, where a flow is nearly the identity."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return module.eval()


def flow(dim: int = 2) -> ConditionalFlow:
    pytest.importorskip("zuko")
    made: ConditionalFlow = shaken(ConditionalFlow(dim, 3, transforms=3, hidden=16))
    return made


def integral(density: Any) -> float:
    """Of a density of two dimensions under one condition, on a grid."""
    line = torch.linspace(-12, 12, 241)
    grid = torch.cartesian_prod(line, line)
    with torch.no_grad():
        found = density.log_prob(grid, torch.tensor([[1.0, 0.0, 0.5]]).expand(len(grid), 3))
    return float(found.double().exp().sum()) * float(line[1] - line[0]) ** 2


def test_a_flow_integrates_to_one_and_inverts() -> None:
    made = flow()
    assert integral(made) == pytest.approx(1.0, abs=0.01)
    wide, condition = flow(8), torch.randn(50, 3)
    z = torch.randn(50, 8)
    back = wide.restored(wide.normalised(z, condition), condition)
    torch.testing.assert_close(back, z, atol=1e-5, rtol=0)
    assert not torch.allclose(wide.normalised(z, condition), z, atol=0.1)
    assert not torch.allclose(wide.normalised(z, -condition), wide.normalised(z, condition))


def test_a_mixture_integrates_to_one() -> None:
    assert integral(shaken(ConditionalMixture(2, 3, gaussians=3))) == pytest.approx(1.0, abs=0.01)


def test_a_mixture_recovers_planted_clusters() -> None:
    """Under one condition there are two clusters, under the other one."""
    torch.manual_seed(0)
    density = ConditionalMixture(2, 2, gaussians=2)
    condition = torch.eye(2).repeat(200, 1)
    centres = torch.tensor([[[3.0, 0.0], [-3.0, 0.0]], [[0.0, 4.0], [0.0, 4.0]]])
    which = torch.arange(400) // 2 % 2
    z = centres[torch.arange(400) % 2, which] + 0.3 * torch.randn(400, 2)
    optimizer = torch.optim.Adam(density.parameters(), 0.1)
    for _ in range(200):
        loss = -density.log_prob(z, condition).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights, means, deviations = density.parameters_of(torch.eye(2))
    assert weights[0].exp().min() > 0.4
    order = means[0, :, 0].argsort(descending=True)
    torch.testing.assert_close(means[0][order], centres[0], atol=0.2, rtol=0)
    assert float(deviations[0].detach().max()) < 0.6
    with torch.no_grad():
        drawn = density.sample(torch.eye(2)[1:].expand(500, 2), torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(dim=0), centres[1, 0], atol=0.2, rtol=0)


def test_the_space_is_a_density_and_its_inverse_keeps_the_axes() -> None:
    rng = torch.Generator().manual_seed(0)
    rows = torch.randn(60, 12, generator=rng) * torch.linspace(3, 0.2, 12) + 1.0
    labels = (rows[:, 1:2] > 1.0).float()
    space = EmbeddingSpace.fit(rows, 6, 2, labels)
    z, rest = space(rows)
    halves = [z[labels[:, 0] == value, 0].mean() for value in (0, 1)]
    assert abs(float(halves[1] - halves[0])) > 1.5  # the first axis tells the labels apart
    torch.testing.assert_close(space(space.inverse(z, rng))[0], z, atol=1e-3, rtol=0)
    # with a standard normal on the axes, it is the Gaussian with these covariances
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(dim=1)
    inside = space.basis @ torch.diag(space.scale.square()) @ space.basis.T
    outside = space.rest.square() * (torch.eye(12) - space.basis @ space.basis.T)
    whole = torch.distributions.MultivariateNormal(space.mean, inside + outside)
    torch.testing.assert_close(normal + rest, whole.log_prob(rows), atol=1e-2, rtol=0)


@pytest.fixture(scope="module")
def fitted() -> tuple[Any, Any, dict[str, float]]:
    """A mixture of planted speakers."""
    return fit_density(SETTINGS, planted_speakers(60), planted_speakers(12, 1, "h"), SHORT)


def test_voices_are_what_was_asked_for(fitted: Any) -> None:
    density, levels, figures = fitted
    assert figures["held_out_log_likelihood"] > figures["gaussian_held_out_log_likelihood"] + 0.5
    rng = np.random.default_rng(0)
    speakers = planted_speakers(60)
    asked = [density.vocabulary.describe(levels.attributes(s), rng) for s in speakers]
    voices = density.sample(asked, seed=3)
    found = agreement_percent(
        [a.attributes for a in asked], probed_attributes(speakers, levels, voices)
    )
    assert min(found[name] for name in ("gender", "accent")) > 90.0 and found["pitch"] > 75.0
    anybody = density.sample([density.vocabulary.parse("a voice")] * 60, seed=3)
    guessed = agreement_percent(
        [a.attributes for a in asked], probed_attributes(speakers, levels, anybody)
    )
    assert guessed["gender"] < 75.0


def test_the_seed_decides(fitted: Any) -> None:
    density = fitted[0]
    asked = [density.vocabulary.parse("a man")] * 3
    first = density.sample(asked, seed=1)
    np.testing.assert_array_equal(density.sample(asked, seed=1), first)
    assert np.abs(density.sample(asked, seed=2) - first).min() > 0
    assert len({row.tobytes() for row in first}) == 3


def test_a_density_is_kept_in_a_file(fitted: Any, tmp_path: Path) -> None:
    density, levels, _ = fitted
    path = tmp_path / "voices.safetensors"
    write_density(path, density, levels, OURS, {"seed": 0})
    stored = read_density(path, OURS)
    asked = [density.vocabulary.parse("a woman with a northern accent")]
    np.testing.assert_array_equal(stored.density.sample(asked, 5), density.sample(asked, 5))
    assert stored.levels.as_dict() == levels.as_dict() and stored.about["seed"] == 0
    with pytest.raises(DataError, match="a density of the embeddings of ours"):
        read_density(path, EncoderIdentity("others", "1" * 64))


def test_bad_files_are_refused(fitted: Any, tmp_path: Path) -> None:
    density, levels, _ = fitted
    path, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    write_density(path, density, levels, OURS, {})
    content, tensors = path.read_bytes(), load_file(path)
    cases: dict[str, bytes] = {"no readable safetensors": content[:-100], "no readable": b"text"}
    for found, written in cases.items():
        bad.write_bytes(written)
        with pytest.raises(DataError, match=found):
            read_density(bad)
    save_file(tensors, bad, {"format": "another"})
    with pytest.raises(DataError, match="format 'another'"):
        read_density(bad)
    save_file(tensors, bad, {"format": FORMAT, "metadata": json.dumps({"encoder": {}})})
    with pytest.raises(DataError, match=r"(TypeError|KeyError)"):
        read_density(bad)
    with pytest.raises(DataError, match="no file"):
        read_density(tmp_path / "nowhere")


def test_without_zuko_there_is_no_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(ConfigError, match=r"no package zuko.*\[generation\]"):
        fit_density(
            {"condition": ATTRIBUTES, "density": FLOW},
            planted_speakers(20),
            planted_speakers(5, 1, "h"),
            SHORT,
        )


def test_held_out_speakers_are_others() -> None:
    speakers = planted_speakers(20)
    with pytest.raises(DataError, match="as among the others"):
        fit_density(SETTINGS, speakers, speakers[:5], SHORT)
    with pytest.raises(DataError, match="at least 10"):
        fit_density(SETTINGS, speakers[:5], speakers[6:], SHORT)
