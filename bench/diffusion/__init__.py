"""The diffusion engine: backbones, handles, losses, recipes, training and sampling."""
