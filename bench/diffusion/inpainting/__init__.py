"""Code of `methods/realfill_clic.py` alone: an inpainting UNet, its training, and the filling of a region."""
