"""From a prepared corpus on disk to padded batches of tensors."""
