"""What is measured and drawn of a trained image model."""
