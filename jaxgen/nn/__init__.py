"""Networks, as Flax modules that know no family: convolutions, residual and attention blocks, the
U-Net."""
