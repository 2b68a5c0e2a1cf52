"""Programs that join configuration to the library; they hold no maths."""
