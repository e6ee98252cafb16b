"""Extractors on waveforms: learned filters, masks by dilated convolutions, learned synthesis."""
