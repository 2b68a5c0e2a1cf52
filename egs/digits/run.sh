#!/usr/bin/env bash
# Every experiment on scikit-learn's digits, each within 3 minutes on 2 cores; run it at the top of
# the repository. Arguments are overrides of every run; a finished run is only measured again.
set -euo pipefail
for name in ae vae_bernoulli vae_gaussian vae_cholesky vae_2d beta capacity cvae vade iwae_5 iwae_50 \
  iwae_2layer hierarchy vqvae vqvae_ema vqvae2 dvae dalle pixelcnn; do
  python -m recipes.train "experiment=digits/$name" resume=true "$@"
done
for model in gaussian gmm ppca; do
  python -m recipes.fit_classical "model=$model"
done
