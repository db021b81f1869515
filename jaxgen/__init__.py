"""jaxgen: a laboratory of generative models for handwritten digits, in JAX and Flax."""

__version__ = "0.1.0"
