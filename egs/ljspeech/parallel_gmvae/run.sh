#!/usr/bin/env bash
# ROOT holds wavs/ and metadata.csv (leave it out to download LJSpeech-1.1).
set -euo pipefail
tts-vae prepare ljspeech --out data/ljspeech ${ROOT:+--root "$ROOT"}
python -m recipes.align corpus=ljspeech
tts-vae train experiment=ljspeech/parallel_gmvae "$@"
tts-vae evaluate --voice runs/ljspeech_parallel_gmvae/voice --out runs/ljspeech_parallel_gmvae/evaluation
