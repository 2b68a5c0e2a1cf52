#!/usr/bin/env bash
# ROOT holds wav48_silence_trimmed/ and txt/ (leave it out to download VCTK 0.92).
set -euo pipefail
tts-vae prepare vctk --out data/vctk ${ROOT:+--root "$ROOT"}
python -m recipes.align corpus=vctk
tts-vae train experiment=vctk/parallel_gmvae "$@"
tts-vae evaluate --voice runs/vctk_parallel_gmvae/voice --out runs/vctk_parallel_gmvae/evaluation
