"""Speech networks: text encoder, reference encoders, aligners, decoders."""
