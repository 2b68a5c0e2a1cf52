#!/usr/bin/env bash
# About ten minutes of training on 2 cores; run it at the top of the repository.
set -euo pipefail
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
tts-vae train experiment=espeak/parallel_gst "$@"
tts-vae evaluate --voice runs/espeak_parallel_gst/voice --out runs/espeak_parallel_gst/evaluation
