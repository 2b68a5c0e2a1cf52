"""One process of a distributed run: trains a quantiser on its own data and prints its state.

Run by test_codebook.py as ``python quantizer_process.py RANK PROCESSES FILE``.
"""

import hashlib
import sys

import torch
from torch import distributed

from tts_vae.latents import ResidualQuantizerLatent, VectorQuantizerLatent

rank, processes, meeting = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=processes)
torch.set_num_threads(1)
for build in (
    lambda: VectorQuantizerLatent(3, 3, 8, "ema", decay=0.5, revival_patience=3),
    lambda: VectorQuantizerLatent(3, 3, 8, revival_patience=3),
    lambda: ResidualQuantizerLatent(3, 3, 2, 8, revival_patience=3, level_dropout=0.5),
):
    torch.manual_seed(0)
    latent = build()
    torch.manual_seed(rank)  # as in training: every process draws its own numbers
    own = torch.Generator().manual_seed(100 + rank)
    for step in range(10):
        scale = 1.0 if step < 4 else 0.1  # codes die, and revive
        output = latent(scale * torch.randn(5 + rank, 3, generator=own) + rank)
    state = b"".join(tensor.numpy().tobytes() for tensor in latent.state_dict().values())
    perplexity = output.statistics["perplexity"].flatten().tolist()
    print(hashlib.sha256(state).hexdigest(), *(f"{value:.6f}" for value in perplexity))
distributed.destroy_process_group()
