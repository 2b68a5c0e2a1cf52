#!/usr/bin/env bash
# Hsu et al. 2019 at their sizes: for a GPU. ROOT as in ../parallel_gmvae/run.sh; EXPERIMENT may be
# ljspeech/tacotron2_capacity (Battenberg et al. 2019).
set -euo pipefail
tts-vae prepare ljspeech --out data/ljspeech ${ROOT:+--root "$ROOT"}
tts-vae train "experiment=${EXPERIMENT:-ljspeech/tacotron2_gmvae}" trainer=gpu "$@"
