"""Cards: what each latent dimension and component of a voice changes in its speech."""
