"""Do the controls do what they say: sweeps, calibration, and the table of realised values."""
