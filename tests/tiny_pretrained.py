"""Configurations of pretrained transformers small enough for a test."""

from typing import Any

CONVOLUTIONAL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
"""How the large sizes differ from the base ones."""
TINY_WAVLM = {"model_type": "wavlm", **CONVOLUTIONAL}
TINY_W2V_BERT = {
    "model_type": "wav2vec2-bert",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "output_hidden_size": 16,
    "conv_depthwise_kernel_size": 5,
}
TINY_WHISPER = {
    "model_type": "whisper",
    "d_model": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "num_mel_bins": 80,
    "max_source_positions": 25,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 16,
    "vocab_size": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "wav2vec 2.0": {"model_type": "wav2vec2", **CONVOLUTIONAL},
    "wav2vec 2.0, large": {"model_type": "wav2vec2", **CONVOLUTIONAL, **LARGE},
    "HuBERT": {"model_type": "hubert", **CONVOLUTIONAL},
    "HuBERT, large": {"model_type": "hubert", **CONVOLUTIONAL, **LARGE},
    "WavLM": TINY_WAVLM,
    "WavLM, large": {**TINY_WAVLM, **LARGE},
    "UniSpeech-SAT": {"model_type": "unispeech-sat", **CONVOLUTIONAL},
    "UniSpeech-SAT, large": {"model_type": "unispeech-sat", **CONVOLUTIONAL, **LARGE},
    "w2v-BERT 2.0": TINY_W2V_BERT,
    "Whisper": TINY_WHISPER,
}
