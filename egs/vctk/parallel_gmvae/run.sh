#!/usr/bin/env bash
# ROOT holds wav48_silence_trimmed/ and txt/ (leave it out to download VCTK 0.92). The aligner and
# the voice start from those of egs/ljspeech/parallel_gmvae/run.sh and egs/espeak/parallel_gmvae/run.sh.
set -euo pipefail
tts-vae prepare vctk --out data/vctk ${ROOT:+--root "$ROOT"}
python -m recipes.align corpus=vctk minutes=4 batch_size=8 \
  init_from=data/ljspeech/durations/ctc_recogniser.safetensors
tts-vae train experiment=vctk/parallel_gmvae init_from=runs/espeak_parallel_gmvae/voice "$@"
tts-vae evaluate --voice runs/vctk_parallel_gmvae/voice --out runs/vctk_parallel_gmvae/evaluation
