"""Tacotron 2 of other libraries, at the published sizes, doing the same training step as ours."""
