"""What is measured of a trained voice on held-out recordings, one topic per file."""
