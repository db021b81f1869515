"""The mathematics of diffusion, which knows no network: schedules, the forward process, samplers."""
