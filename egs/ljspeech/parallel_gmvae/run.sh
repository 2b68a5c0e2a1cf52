#!/usr/bin/env bash
# ROOT holds wavs/ and metadata.csv (leave it out to download LJSpeech-1.1). The voice starts from
# the one that egs/espeak/parallel_gmvae/run.sh trains. NAME=parallel_gmvae_half_hour for an excerpt.
set -euo pipefail
name=${NAME:-parallel_gmvae}
tts-vae prepare ljspeech --out data/ljspeech ${ROOT:+--root "$ROOT"}
python -m recipes.align corpus=ljspeech minutes=22
tts-vae train "experiment=ljspeech/$name" init_from=runs/espeak_parallel_gmvae/voice "$@"
tts-vae evaluate --voice "runs/ljspeech_$name/voice" --out "runs/ljspeech_$name/evaluation"
