#!/usr/bin/env bash
# The same budget at two capacities; run it at the top of the repository.
set -euo pipefail
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
for nats in 10 30; do
  tts-vae train experiment=espeak/parallel_gmvae_capacity objective.capacity_nats.prosody=$nats \
    output=runs/espeak_capacity_$nats "$@"
  tts-vae evaluate --voice runs/espeak_capacity_$nats/voice --out runs/espeak_capacity_$nats/evaluation
done
