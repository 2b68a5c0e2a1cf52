#!/usr/bin/env bash
# The vocoder that ships, in four stages: some twenty minutes of training on 2 cores; run it at the top
# of the repository. Arguments are overrides of every stage.
set -euo pipefail
[ -f data/espeak/corpus.json ] || tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
stage() { # number, then overrides
  python -m recipes.train_vocoder experiment=vocoder/espeak_small resume=true \
    "output=runs/vocoder_espeak/$1" "${@:2}"
}
gently=(optimizer.warmup_steps=100)
stage 1 steps=4000 vocoder.refinements=5 "$@"
stage 2 init_from=runs/vocoder_espeak/1/vocoder steps=3000 optimizer.learning_rate=1.5e-3 "${gently[@]}" "$@"
# the error of the mels counts more in the end
gently+=(optimizer.learning_rate=1e-3 losses.mel_weight=30)
stage 3 init_from=runs/vocoder_espeak/2/vocoder steps=2400 "${gently[@]}" "$@"
stage 4 init_from=runs/vocoder_espeak/3/vocoder steps=2400 seed=1 "${gently[@]}" "$@"
