"""What is measured of a voice, one topic per file; definitions in each function's docstring."""
