#!/usr/bin/env bash
# Six latents on one footing, nine minutes of CPU each, and their table; run
# it at the top of the repository. Arguments are overrides of every training.
set -euo pipefail
tts-vae prepare espeak --out data/espeak --utterances 3000 --seed 0
voices=()
for name in ${BASELINES:-ae gst vae vae_capacity gmvae vq}; do
  out=runs/baselines/$name
  opening=()
  case $name in vae | gmvae) opening=(objective.beta.prosody.end_step=300) ;; esac
  tts-vae train "experiment=espeak/parallel_$name" steps=400 mixture_start.step=130 "output=$out" \
    resume=true "${opening[@]}" "$@"
  # all through the vocoder that ships
  [ -d "$out/voice/vocoder" ] || cp -r tts_vae/voices/vocoder "$out/voice/vocoder"
  tts-vae evaluate --voice "$out/voice" --out "$out/evaluation" --limit 60 \
    --only intelligibility,pitch,choices,clusters,capacity,disentanglement,diversity,transfer,speakers
  voices+=("$out/evaluation")
done
tts-vae evaluate --compare "${voices[@]}" --out runs/baselines
