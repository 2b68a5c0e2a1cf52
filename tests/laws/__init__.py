"""One table of latents and the laws that every row must pass."""
