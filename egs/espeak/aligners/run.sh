#!/usr/bin/env bash
# Both aligners for three minutes each on the corpus whose boundaries are known exactly.
set -euo pipefail
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
python -m recipes.compare_aligners minutes=3 "$@"
