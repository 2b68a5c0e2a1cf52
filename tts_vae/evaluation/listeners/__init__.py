"""Who listens: the phone judge that ships, and recognisers that others trained."""
