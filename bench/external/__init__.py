"""Methods that are other programs, in their own environments: JSON in, pictures out.

The other side is a driver: a Python file that the environment's own interpreter runs as

    INTERPRETER DRIVER request.json

in a new folder, to which all paths in the request are relative. It does not need this package. The request
(protocol 1):

    protocol  1
    verb      "fit" or "generate"
    home      absolute path of the folder with the program's code and checkpoints
    settings  the method's fields
    seed      of whatever is random in a fit, 0 .. 2**32 - 1
    side      height and width of the pictures to draw, in pixels
    scene     name; pictures: PNG files; concepts: label, object, handle, mask (PNG, 255 inside), and picture: the
              number of the picture that shows it
    learned   folder of safetensors files: `fit` writes them (names ending in .safetensors, no sub-folders),
              `generate` finds them there again
    pictures  for `generate`, in order: file to write, text (with class words), text_with_handles,
              text_of_background (without the concepts), template, subset (numbers of concepts), sample, seed

`generate` writes each `file` as a PNG of side x side pixels, whole (under another name first, then renamed), and no
others. Exit code 0 is success. If it fails, its standard error is reported; the last line should give the reason.
"""
