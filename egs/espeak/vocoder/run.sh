#!/usr/bin/env bash
# Some eight minutes of training on 2 cores; run it at the top of the repository.
set -euo pipefail
[ -f data/espeak/corpus.json ] || tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
python -m recipes.train_vocoder experiment=vocoder/espeak_small "$@"
