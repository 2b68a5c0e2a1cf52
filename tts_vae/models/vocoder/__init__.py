"""Networks that turn log-mels into waveforms, and what trains them."""
