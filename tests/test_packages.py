"""What is installed beside what pip resolves."""

import importlib

import pytest

USED = (
    "espnet2.asr.decoder.transformer_decoder",
    "espnet.nets.batch_beam_search",
    "espnet.nets.scorers.ctc",
    "espnet2.gan_tts.hifigan.hifigan",
)


@pytest.mark.parametrize("module", USED)
def test_networks_of_espnet_import(module: str) -> None:
    """They need the extra `espnet`; CI has it."""
    pytest.importorskip("espnet2", reason="pip install --no-deps espnet==202511")
    importlib.import_module(module)
