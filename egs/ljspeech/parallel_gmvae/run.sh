#!/usr/bin/env bash
# ROOT holds wavs/ and metadata.csv (leave it out to download LJSpeech-1.1). The voice starts from
# the one that egs/espeak/parallel_gmvae/run.sh trains.
set -euo pipefail
tts-vae prepare ljspeech --out data/ljspeech ${ROOT:+--root "$ROOT"}
python -m recipes.align corpus=ljspeech minutes=22
tts-vae train experiment=ljspeech/parallel_gmvae init_from=runs/espeak_parallel_gmvae/voice "$@"
tts-vae evaluate --voice runs/ljspeech_parallel_gmvae/voice --out runs/ljspeech_parallel_gmvae/evaluation
