#!/usr/bin/env bash
# About 40 minutes of one core; run it at the top of the repository.
set -euo pipefail
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
tts-vae train experiment=espeak/tacotron_gmvae resume=true "$@"
tts-vae evaluate --voice runs/espeak_tacotron_gmvae/voice --only intelligibility,pitch,capacity \
  --limit 60 --out runs/espeak_tacotron_gmvae/evaluation
