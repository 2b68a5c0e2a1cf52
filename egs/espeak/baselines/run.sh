#!/usr/bin/env bash
# Six latents on one footing, about seven minutes of training each on 2 cores, and their table; run
# it at the top of the repository. Arguments are overrides of every training.
set -euo pipefail
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
voices=()
for name in ${BASELINES:-ae gst vae vae_capacity gmvae vq}; do
  out=runs/baselines/$name
  opening=()
  case $name in vae | gmvae) opening=(objective.beta.prosody.end_step=350) ;; esac
  tts-vae train "experiment=espeak/parallel_$name" steps=600 mixture_start.step=150 "output=$out" \
    resume=true "${opening[@]}" "$@"
  tts-vae evaluate --voice "$out/voice" --out "$out/evaluation"
  voices+=("$out/evaluation")
done
tts-vae evaluate --compare "${voices[@]}" --out runs/baselines
