"""Language models from a folder, a GGUF file, a package that holds one, or the hub; with LoRA."""

import hashlib
import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from joint.errors import ConfigError
from joint.training.precision import cpu_has_bf16

SOURCES = "a folder, a .gguf file, PACKAGE:FILE, or OWNER/NAME on the hub"
EXTRA = "the extra `audiolm` (pip install 'joint-speaker[audiolm]')"
WEIGHTS = ("*.gguf", "*.safetensors", "*.bin")
SAMPLED = 1 << 20
"""Bytes at either end of a file of weights that its fingerprint is made of."""


class Source(NamedTuple):
    """What transformers is asked for: a folder or a name on the hub, and the file of a GGUF."""

    where: str
    gguf: str | None

    @property
    def options(self) -> dict[str, Any]:
        """What `from_pretrained` is told beside `where`."""
        return {"gguf_file": self.gguf} if self.gguf else {}


def located(source: str) -> Source:
    """Where a language model lies; see `SOURCES`. Raises ConfigError for what is none of these."""
    path = Path(source).expanduser()
    package, _, file = source.partition(":")
    if file and not path.exists():
        found = find_spec(package) if package.isidentifier() else None
        if found is None or not found.submodule_search_locations:
            raise ConfigError("source", f"no package {package!r}", f"pip install {package}")
        path = Path(found.submodule_search_locations[0]) / file
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ConfigError("source", f"no file {path}", SOURCES)
        return Source(str(path.parent), path.name)
    if path.is_dir():
        return Source(str(path), None)
    if file or path.is_absolute() or source.count("/") != 1:
        raise ConfigError("source", source, SOURCES)
    return Source(source, None)


def fingerprint(source: Source) -> bytes:
    """32 bytes that tell one model's files of weights from another's: SHA-256 of their sizes and
    of their ends."""
    folder = Path(source.where)
    if not folder.is_dir():
        from transformers.utils import cached_file

        folder = Path(str(cached_file(source.where, "config.json"))).parent
    patterns = (source.gguf,) if source.gguf else WEIGHTS
    made = hashlib.sha256()
    for path in sorted(file for pattern in patterns for file in folder.glob(pattern)):
        size = path.stat().st_size
        made.update(size.to_bytes(8, "little"))
        with path.open("rb") as file:
            made.update(file.read(SAMPLED))
            file.seek(max(0, size - SAMPLED))
            made.update(file.read(SAMPLED))
    return made.digest()


def text_model(source: Source) -> tuple[nn.Module, Any]:
    """A text language model, frozen, and its tokenizer.

    Raises ConfigError for what is no language model, and for a hub that cannot be reached.
    """
    transformers = library("transformers")
    if source.gguf:
        library("gguf")
    with as_config_errors(source, "a causal language model with its tokenizer"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.where, **source.options)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            source.where, dtype=precision(), attn_implementation="eager", **source.options
        )
    return model.requires_grad_(False), tokenizer


def audio_model(source: Source) -> tuple[nn.Module, Any]:
    """A language model that takes audio, frozen, and its processor.

    Raises ConfigError for a model without audio tokens, for what is no language model, and for a
    hub that cannot be reached.
    """
    transformers = library("transformers")
    expected = "a language model that takes audio, such as Qwen2-Audio"
    if source.gguf:  # it has no processor, and the folder around it may be of another model
        found = f"{Path(source.where) / source.gguf}, a file of text weights"
        raise ConfigError("source", found, f"{expected}: a folder, or OWNER/NAME on the hub")
    with as_config_errors(source, expected):
        processor = transformers.AutoProcessor.from_pretrained(source.where)
        if not hasattr(processor, "audio_token") or not hasattr(processor, "feature_extractor"):
            found = f"{source.where} without audio tokens ({type(processor).__name__})"
            raise ConfigError("source", found, expected)
        model = transformers.AutoModelForMultimodalLM.from_pretrained(
            source.where, dtype=precision()
        )
    return model.requires_grad_(False), processor


def with_lora(model: nn.Module, rank: int, alpha: float, layers: Sequence[str]) -> None:
    """Add a low-rank change, W + alpha/rank · B·A, to the linear `layers` of a model, which end in
    these names (Hu et al., ICLR 2022, eq. 3); B is zero. Its own weights stay as they are.

    Raises ConfigError for layers that the model does not have, and a rank that is not above 0.
    """
    peft = library("peft")
    if rank < 1:
        raise ConfigError("rank", str(rank), "1 or more")
    settings = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(layers))
    try:
        peft.inject_adapter_in_model(settings, model)
    except ValueError:
        found = f"no layer called {' or '.join(layers)} in {type(model).__name__}"
        raise ConfigError("layers", found, "names of linear layers") from None


def is_lora(name: str) -> bool:
    """Whether a parameter of this name is of a low-rank change, and not the model's own."""
    return ".lora_" in name


def precision() -> torch.dtype:
    """Of the frozen weights: bfloat16 where the device multiplies it natively, else float32."""
    native = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else cpu_has_bf16()
    return torch.bfloat16 if native else torch.float32


def library(name: str) -> Any:
    """The package of that name. Raises ConfigError, with the extra, where it is not installed."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise ConfigError("tasks.audiolm", f"no package {name}", EXTRA) from None


@contextmanager
def as_config_errors(source: Source, expected: str) -> Iterator[None]:
    """What transformers, gguf and the hub raise as one line; without progress bars."""
    import transformers

    place = str(Path(source.where) / source.gguf) if source.gguf else source.where
    local = Path(source.where).is_dir()
    logger = logging.getLogger("transformers")
    level, bars = logger.level, transformers.utils.logging.is_progress_bar_enabled()
    logger.setLevel(logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):  # gguf's bar cannot be turned off
            yield
    except ConfigError:
        raise
    except Exception as error:  # their errors share no base, and change with their versions
        reason = (str(error) or type(error).__name__).splitlines()[0]
        found = f"{place}: {reason}"
        if not local:
            found = f"no answer from the hub about {place} ({type(error).__name__}; offline?)"
            expected = f"{expected}; with a connection, or from a local folder"
        raise ConfigError("source", found, expected) from None
    finally:
        logger.setLevel(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()
