"""Networks, as Flax modules that know no family.

conv         convolutions with fast gradients
blocks       residual and attention blocks, a digit's vector, changes of size
coders       encoders to vectors and decoders from them
grids        the same to and from grids of vectors
quantisers   vectors to codes and back
transformer  a prior of grids of codes
critics      a generator of images and its critic
unet         the U-Net of diffusion
"""
