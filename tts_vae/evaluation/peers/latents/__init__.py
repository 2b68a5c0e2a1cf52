"""The latent core beside other libraries: the same networks, start, data and optimiser in each."""
