"""Where a pretrained network comes from, and what is refused with one line."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from support import ROOT
from tiny_pretrained import CONFIGS, TINY_W2V_BERT, TINY_WAVLM, TINY_WHISPER

from joint.encoders.frontends.ssl.frontend import PretrainedFrontend
from joint.errors import ConfigError
from joint.training.building.objects import build

transformers = pytest.importorskip("transformers")

NAMES = {
    "wavlm": "WavLM",
    "wav2vec2": "Wav2Vec2",
    "wav2vec2-bert": "Wav2Vec2Bert",
    "whisper": "Whisper",
}
NODE = {"_target_": "joint.encoders.frontends.ssl.frontend.PretrainedFrontend"}


def saved(folder: Path, config: dict[str, Any], head: str = "Model", **reader: Any) -> Path:
    """A folder as transformers writes it."""
    name = NAMES[config["model_type"]]
    torch.manual_seed(3)
    sizes = {k: v for k, v in config.items() if k != "model_type"}
    made = getattr(transformers, f"{name}{head}")(getattr(transformers, f"{name}Config")(**sizes))
    made.save_pretrained(folder)
    if reader:
        (folder / "preprocessor_config.json").write_text(json.dumps(reader))
    return folder


@pytest.mark.parametrize("config", [TINY_WAVLM, TINY_W2V_BERT, TINY_WHISPER])
def test_from_a_folder_and_again_without_it(config: dict[str, Any], tmp_path: Path) -> None:
    """Also where the source holds keys that are not the architecture's, as some of the hub do."""
    folder = saved(tmp_path / "model", config)
    description = json.loads((folder / "config.json").read_text())
    foreign = {"mask_channel_length": 10, "freeze_feat_extract_train": True}
    (folder / "config.json").write_text(json.dumps({**description, **foreign}))
    made = PretrainedFrontend(source=str(folder)).eval()
    again = build({**NODE, **json.loads(json.dumps(made.rebuilt_with))}, "frontend").eval()
    again.load_state_dict(made.state_dict())
    audio, lengths = torch.randn(1, 8000), torch.tensor([8000])
    with torch.no_grad():
        assert torch.equal(made(audio, lengths).features, again(audio, lengths).features)
    if config is TINY_WAVLM:
        plain = transformers.WavLMModel.from_pretrained(folder).eval()
        with torch.no_grad():
            assert torch.equal(made.network(audio)[-1], plain(audio).last_hidden_state)


@pytest.mark.parametrize(
    "config, head",
    [
        ({**TINY_WAVLM, "tdnn_dim": [8] * 5, "xvector_output_dim": 4}, "ForXVector"),
        (CONFIGS["wav2vec 2.0"], "ForPreTraining"),
        ({**TINY_W2V_BERT, "vocab_size": 8, "add_adapter": True}, "ForCTC"),
        (TINY_WHISPER, "ForConditionalGeneration"),
    ],
)
def test_heads_are_left_out(config: dict[str, Any], head: str, tmp_path: Path) -> None:
    """A head of the first has a layer called `feature_extractor`."""
    made = PretrainedFrontend(source=str(saved(tmp_path, config, head)))
    assert made.network.depth == 2


def test_the_waveform_is_normalised_as_the_model_s_reader_says(tmp_path: Path) -> None:
    plain = PretrainedFrontend(source=str(saved(tmp_path / "a", TINY_WAVLM)))
    reader = {"do_normalize": True, "sampling_rate": 16_000}
    scaled = PretrainedFrontend(source=str(saved(tmp_path / "b", TINY_WAVLM, **reader)))
    assert (plain.network.normalize, scaled.network.normalize) == (False, True)
    assert scaled.rebuilt_with["normalize"] is True
    large = PretrainedFrontend(config=CONFIGS["WavLM, large"])
    assert large.network.normalize is True
    audio = torch.randn(1, 4000)
    with torch.no_grad():
        first, second = (scaled.eval().network(x)[-1] for x in (audio, 7.0 * audio + 2.0))
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-4)


def test_transformers_waits_until_a_network_is_made() -> None:
    """Its import takes seconds: no module has it at its top."""
    for path in (ROOT / "joint").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "transformers" for name in names), path


class TestRefused:
    """One line: where, what was found, what was expected."""

    def test_a_hub_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(
            ConfigError, match=r"source: found no answer from the hub.*wavlm-absent"
        ):
            PretrainedFrontend(source="nobody/wavlm-absent")

    def test_what_is_no_folder(self, tmp_path: Path) -> None:
        for source in (str(tmp_path / "absent"), "absent", "a/b/c"):
            with pytest.raises(ConfigError, match=r"expected a folder .* or OWNER/NAME on the hub"):
                PretrainedFrontend(source=source)
        (tmp_path / "empty").mkdir()
        with pytest.raises(ConfigError, match=r"expected a folder with config\.json and weights"):
            PretrainedFrontend(source=str(tmp_path / "empty"))

    def test_another_architecture(self, tmp_path: Path) -> None:
        folder = saved(tmp_path / "model", TINY_WAVLM)
        description = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**description, "model_type": "bert"}))
        with pytest.raises(ConfigError, match=r"model_type 'bert'; expected wav2vec2 or hubert or"):
            PretrainedFrontend(source=str(folder))
        wider = {**description, "hidden_size": 32}
        (folder / "config.json").write_text(json.dumps(wider))
        with pytest.raises(ConfigError, match="source: found"):
            PretrainedFrontend(source=str(folder))
        deeper = {**description, "num_hidden_layers": 3}
        (folder / "config.json").write_text(json.dumps(deeper))
        with pytest.raises(ConfigError, match=r"weights without encoder\.layers\.2"):
            PretrainedFrontend(source=str(folder))
        related = {**description, "model_type": "wav2vec2"}
        shallower = {**description, "num_hidden_layers": 1}
        for changed, name in ((related, r"0\.attention\.gru"), (shallower, r"1\.attention")):
            (folder / "config.json").write_text(json.dumps(changed))
            with pytest.raises(ConfigError, match=rf"weights with encoder\.layers\.{name}"):
                PretrainedFrontend(source=str(folder))

    def test_another_sample_rate(self, tmp_path: Path) -> None:
        folder = saved(tmp_path / "model", TINY_WAVLM, sampling_rate=8000)
        with pytest.raises(ConfigError, match=r"for 8000 Hz; expected a model for 16000 Hz"):
            PretrainedFrontend(source=str(folder))

    @pytest.mark.parametrize(
        "arguments, complaint",
        [
            ({}, "neither source nor config"),
            ({"source": "a/b", "config": TINY_WAVLM}, "source and config"),
            ({"config": {"hidden_size": 16}}, r"config\.model_type: found model_type None"),
            ({"config": {**TINY_WAVLM, "hiden_size": 3}}, r"config\.hiden_size: found an unknown"),
            ({"config": TINY_WHISPER, "normalize": True}, "normalize: found True for whisper"),
            ({"config": {**TINY_WAVLM, "num_attention_heads": 3}}, r"config: found"),
            (
                {"config": {**TINY_W2V_BERT, "feature_projection_input_dim": 80}},
                r"feature_projection_input_dim: found 80; expected 160",
            ),
        ],
    )
    def test_configurations(self, arguments: dict[str, Any], complaint: str) -> None:
        with pytest.raises(ConfigError, match=complaint):
            PretrainedFrontend(**arguments)
