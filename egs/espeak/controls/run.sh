#!/usr/bin/env bash
# Calibrate a copy of the voice that ships, and evaluate it: about ten minutes on 2 cores. Run it at
# the top of the repository; arguments go to the evaluation.
set -euo pipefail
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
tts-vae calibrate --voice espeak --out runs/espeak_calibrated --corpus data/espeak --sentences 8
tts-vae evaluate --voice runs/espeak_calibrated --corpus data/espeak --out runs/espeak_controls "$@"
