"""Pretrained networks from a local folder, from the hub, or, untrained, from a configuration."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from joint.encoders.frontends.ssl.networks import (
    FilterbankNetwork,
    Network,
    WaveformNetwork,
    WhisperNetwork,
)
from joint.errors import ConfigError
from joint.units import SAMPLE_RATE

MODELS = {
    "wav2vec2": "Wav2Vec2Model",
    "hubert": "HubertModel",
    "wavlm": "WavLMModel",
    "unispeech-sat": "UniSpeechSatModel",
    "wav2vec2-bert": "Wav2Vec2BertModel",
    "whisper": "WhisperModel",
}
"""transformers' class of each `model_type`."""
OF_PRETRAINING = {"masked_spec_embed"}
"""Weights that only a model's own pretraining uses."""
OF_THE_NETWORK = re.compile(r"(^|\.)(encoder|feature_projection|feature_extractor\.conv_layers)\.")
"""Names of weights that no head has; a head's layer may be called `feature_extractor`."""
UNRANDOM = {
    "apply_spec_augment": False,
    "layerdrop": 0.0,
    "encoder_layerdrop": 0.0,
    "add_adapter": False,
}
"""What transformers would draw from streams of its own, or change the frames with."""


def pretrained(source: str, normalize: bool | None) -> tuple[Network, dict[str, Any]]:
    """The network of a folder or of a repository on the hub, with its weights, and the arguments
    that build it without them; `normalize` as the model's own feature extractor where None.

    Raises ConfigError for a folder or a name that is not there, a hub that cannot be reached,
    another architecture, weights that do not fit, and a model for another sample rate.
    """
    transformers = _library()
    folder = Path(source).expanduser()
    if not folder.is_dir() and (folder.is_absolute() or source.count("/") != 1):
        raise ConfigError("source", source, "a folder with config.json, or OWNER/NAME on the hub")
    where = str(folder) if folder.is_dir() else source
    with _as_config_errors(where, folder.is_dir()):
        config = transformers.AutoConfig.from_pretrained(where)
        kind = _kind(config.model_type, f"source {source}")
        reader = _reader(where)
    rate = int(reader.get("sampling_rate", SAMPLE_RATE))
    if rate != SAMPLE_RATE:
        raise ConfigError("source", f"{source} for {rate} Hz", f"a model for {SAMPLE_RATE} Hz")
    _settle(config)
    with _as_config_errors(where, folder.is_dir()):
        made, report = kind.from_pretrained(where, config=config, output_loading_info=True)
    if (found := _misfit(report)) is not None:
        raise ConfigError("source", f"{source}: {found}", f"weights of its {config.model_type}")
    if normalize is None and reads_waveforms(config):
        normalize = bool(reader.get("do_normalize", normalizes(config)))
    # some of the hub's files hold keys that transformers' class does not have
    known = _keys(kind) | {"model_type"}
    own = {key: value for key, value in config.to_diff_dict().items() if key in known}
    arguments = {"source": None, "config": own, "normalize": normalize}
    return _network(made, config, normalize), arguments


def untrained(settings: Mapping[str, Any], normalize: bool | None) -> Network:
    """A network with random weights from `model_type` and other keys of a configuration of
    transformers. Raises ConfigError for another architecture and for a key that it does not
    have."""
    transformers = _library()
    settings = dict(settings)
    kind = _kind(settings.pop("model_type", None), "config.model_type")
    known = _keys(kind)
    for key in settings:
        if key not in known:
            raise ConfigError(f"config.{key}", "an unknown key", "one of this architecture's")
    try:
        config = kind.config_class(**settings)
        _settle(config)
        with _quiet(transformers):
            made = kind(config)
    except (ValueError, TypeError, AssertionError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigError("config", reason, "sizes that fit") from None
    return _network(made, config, normalize)


def reads_waveforms(config: Any) -> bool:
    """Whether models of this configuration begin with convolutions on the waveform."""
    return hasattr(config, "feat_extract_norm")


def normalizes(config: Any) -> bool:
    """Whether models of this configuration are commonly given waveforms of variance 1: those
    without a norm over time."""
    return bool(config.feat_extract_norm == "layer")


def _library() -> Any:
    try:
        import transformers
    except ImportError:
        expected = "pip install 'joint-speaker[ssl]'"
        raise ConfigError("frontend", "no package transformers", expected) from None
    return transformers


def _kind(model_type: Any, where: str) -> Any:
    import transformers

    if model_type not in MODELS:
        raise ConfigError(where, f"model_type {model_type!r}", " or ".join(MODELS))
    return getattr(transformers, MODELS[model_type])


def _misfit(report: Mapping[str, Any]) -> str | None:
    """What of the weights is not the network's, by transformers' report on their loading."""
    if missing := [n for n in report["missing_keys"] if n.split(".")[-1] not in OF_PRETRAINING]:
        return f"weights without {min(missing)}"
    if wrong := report["mismatched_keys"]:
        found = next(iter(wrong))
        return f"{found[0] if isinstance(found, tuple) else found} of another shape"
    if extra := [n for n in report["unexpected_keys"] if OF_THE_NETWORK.search(n)]:
        return f"weights with {min(extra)}"
    return None


def _keys(kind: Any) -> set[str]:
    """Of the configuration of transformers' class `kind`."""
    return set(kind.config_class().to_dict())


def _settle(config: Any) -> None:
    for key, value in UNRANDOM.items():
        if hasattr(config, key):
            setattr(config, key, value)


def _network(made: nn.Module, config: Any, normalize: bool | None) -> Network:
    if hasattr(made, "masked_spec_embed"):
        del made.masked_spec_embed  # parallel training wants a gradient of all that is there
    if reads_waveforms(config):
        return WaveformNetwork(made, normalizes(config) if normalize is None else normalize)
    if normalize is not None:
        found = f"{normalize} for {config.model_type}"
        raise ConfigError("normalize", found, "a model that reads waveforms")
    if config.model_type == "whisper":
        return WhisperNetwork(made.get_encoder())  # type: ignore[operator]
    return FilterbankNetwork(made)


def _reader(where: str) -> dict[str, Any]:
    """What a model's feature extractor is set to; nothing where there is none."""
    from transformers.feature_extraction_utils import FeatureExtractionMixin

    try:
        found, _ = FeatureExtractionMixin.get_feature_extractor_dict(where)
    except OSError:
        return {}
    return dict(found)


@contextmanager
def _as_config_errors(where: str, local: bool) -> Iterator[None]:
    """What transformers and the hub raise as one line."""
    import transformers

    try:
        with _quiet(transformers):
            yield
    except ConfigError:
        raise
    except Exception as error:  # their errors share no base, and change with their versions
        if local:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            found, expected = f"{where}: {reason}", "a folder with config.json and weights"
        else:
            found = f"no answer from the hub about {where} ({type(error).__name__}; offline?)"
            expected = "a connection and a name that is there, or a local folder instead"
        raise ConfigError("source", found, expected) from None


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without progress bars and without remarks on unused heads and on retries."""
    loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()
