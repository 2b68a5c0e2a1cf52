"""What is measured of sounds, codes and symbols alone: pure functions, one topic per file."""
