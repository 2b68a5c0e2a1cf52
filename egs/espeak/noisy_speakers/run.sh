#!/usr/bin/env bash
# Speakers recorded only in noise, spoken clean; some twenty minutes on 2 cores. Run it at the top of
# the repository; arguments are overrides of the training.
set -euo pipefail
tts-vae prepare espeak --out data/espeak_noisy --utterances 3000 --seed 0 --noise-share 0.5 \
  --always-noisy f2,m2
tts-vae train experiment=espeak/parallel_gmvae_noisy resume=true "$@"
tts-vae train experiment=espeak/parallel_gmvae_noisy steps=1200 resume=true "$@"
voice=runs/espeak_parallel_gmvae_noisy/voice
[ -d "$voice/vocoder" ] || cp -r tts_vae/voices/vocoder "$voice/vocoder" # through the one that ships
tts-vae evaluate --voice "$voice" --only noise,intelligibility,clusters \
  --out runs/espeak_parallel_gmvae_noisy/evaluation
