"""The mathematics of diffusion, without networks: schedules, the forward process, samplers."""
