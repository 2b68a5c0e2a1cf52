"""Waveforms, mels, prosody and files: numbers about sound, and nothing about text or style."""
