"""Speaking: a voice folder, ways to choose a style, text + style -> waveform."""
