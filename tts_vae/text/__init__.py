"""Text to tokens: espeak-ng phones or graphemes, sentences, symbol tables (rank 0)."""
