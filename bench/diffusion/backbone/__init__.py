"""Stable Diffusion 1.x/2.x: loading, settings, handles, attention and latents."""
