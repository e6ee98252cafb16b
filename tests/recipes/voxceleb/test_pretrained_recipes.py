"""The recipes for pretrained front-ends, all stages in turn, with networks of two small blocks."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from support import PRETRAINED, ROOT, short
from tiny_pretrained import LARGE, TINY_W2V_BERT, TINY_WAVLM
from torch import Tensor

from joint.training import checkpoint
from joint.training.building.model import load_model
from joint.training.config.reading import composed
from joint.training.run import train

transformers = pytest.importorskip("transformers")

VOXCELEB = ROOT / "recipes" / "voxceleb"
NETWORK = "model/encoder.frontend.network."
STAGES = {
    "wavlm": ("wavlm_frozen", "wavlm", "wavlm_large_margin"),
    "w2v_bert": ("w2v_bert_lora", "w2v_bert", "w2v_bert_large_margin"),
}


def tensors(path: Path, prefix: str) -> dict[str, Tensor]:
    return {n: v for n, v in checkpoint.read(path)[0].items() if n.startswith(prefix)}


def moved(before: Path, after: Path, prefix: str) -> set[str]:
    """Names of the tensors that a stage has changed."""
    first, second = tensors(before, prefix), tensors(after, prefix)
    assert first.keys() == second.keys() and first
    return {n.removeprefix(prefix) for n, v in first.items() if not v.equal(second[n])}


@pytest.fixture
def stage(prepared: Path, tmp_path: Path) -> Callable[..., Path]:
    """Train a recipe for two steps, after `init`, from the network in `source`."""

    def run(name: str, source: str, features: int, init: Path | None) -> Path:
        recipe = next(path for path in PRETRAINED if path.stem == name)
        config: Any = composed(recipe)
        config.encoder.frontend.source = source
        config.encoder.backbone.features = features
        if "channels" in config.encoder.backbone:
            config.encoder.backbone.update({"channels": 16, "aggregated": 24})
        path = tmp_path / name / "recipe.yaml"
        path.parent.mkdir()
        OmegaConf.save(config, path)
        keys = short(path, prepared / "train", prepared / "test", path.parent / "run")
        keys = [key for key in keys if key != "init=[]"]
        keys += ["trainer.accelerator=cpu", f"init=[{init or ''}]"]
        return train(path, keys)

    return run


def saved(folder: Path, kind: str, config: dict[str, Any]) -> str:
    sizes = {k: v for k, v in config.items() if k != "model_type"}
    made = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**sizes))
    made.save_pretrained(folder)
    return str(folder)


def test_every_recipe_is_a_stage_and_names_its_published_figures() -> None:
    """Those of the README's table."""
    assert sorted(path.stem for path in PRETRAINED) == sorted(sum(STAGES.values(), ()))
    readme = VOXCELEB.joinpath("README.md").read_text()
    for path in [*PRETRAINED, VOXCELEB / "dino.yaml"]:
        row = next(x for x in readme.splitlines() if x.startswith(f"| `{path.relative_to(ROOT)}`"))
        first, second, third = row.split("|")[-2].split("/")
        published = f"{first.strip()}, {second.strip()} and {third.strip()} % on Vox1-O, E and H"
        assert published in path.read_text().replace("\n# ", " "), path.name


def test_rates_and_surroundings_of_the_published_stages() -> None:
    """Second and last stage of w2v-BERT end at half their rate, the last without noise and rooms;
    DINO's rate is 0.2 for a batch of 256, and ends at 5e-5 of that."""
    for name in STAGES["w2v_bert"][1:]:
        config: Any = composed(VOXCELEB / "pretrained" / f"{name}.yaml")
        assert config.optimizer.lr * config.optimizer.final_share == pytest.approx(5e-6)
    scenes = config.streams.speakers.scenes
    assert scenes.enrollment_noise_probability == scenes.enrollment_room_probability == 0.0
    config = composed(VOXCELEB / "dino.yaml")
    scale, rate = config.streams.segments.batch_size / 256, config.optimizer.lr
    assert rate == pytest.approx(0.2 * scale)
    assert rate * config.optimizer.final_share == pytest.approx(5e-5 * scale)


def test_wavlm_s_ecapa_is_unispeech_s() -> None:
    config: Any = composed(VOXCELEB / "pretrained" / "wavlm_frozen.yaml").encoder
    assert config.frontend.use.norm and not config.pooling.global_context


def test_wavlm(stage: Callable[..., Path], tmp_path: Path) -> None:
    source = saved(tmp_path / "wavlm-source", "WavLM", {**TINY_WAVLM, **LARGE})
    frozen, whole, margin = STAGES["wavlm"]
    first = stage(frozen, source, 16, None)
    network = load_model(first)[0].encoder.frontend.network.model.state_dict()
    original = transformers.WavLMModel.from_pretrained(source).state_dict()
    assert all(v.equal(original[name]) for name, v in network.items())
    second = stage(whole, source, 16, first)
    changed = moved(first, second, NETWORK)
    assert any(n.startswith("model.encoder.layers.0.") for n in changed)
    assert not any(n.startswith("model.feature_extractor.") for n in changed)
    third = stage(margin, source, 16, second)
    assert moved(second, third, "model/encoder.")
    shutil.rmtree(source)
    assert load_model(third)[1]["config"]["encoder"]["frontend"]["source"] is None


def test_w2v_bert(stage: Callable[..., Path], tmp_path: Path) -> None:
    source = saved(tmp_path / "w2v-source", "Wav2Vec2Bert", TINY_W2V_BERT)
    lora, whole, margin = STAGES["w2v_bert"]
    first = stage(lora, source, 3 * 128, None)
    tuned = tensors(first, "model/encoder.frontend.tuning.up.")
    assert len(tuned) == 2 * 2 and all(v.abs().sum() > 0 for v in tuned.values())
    network = load_model(first)[0].encoder.frontend.network.model.state_dict()
    original = transformers.Wav2Vec2BertModel.from_pretrained(source).state_dict()
    assert all(v.equal(original[name]) for name, v in network.items())
    second = stage(whole, source, 3 * 128, first)
    assert any("linear_q" in n for n in moved(first, second, NETWORK))
    assert moved(second, stage(margin, source, 3 * 128, second), "model/tasks.verification.")
