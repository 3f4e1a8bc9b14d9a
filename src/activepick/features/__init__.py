"""Features of micrographs from Topaz's pretrained networks, and the score maps made from them."""

from activepick.threads import wait_without_spinning

wait_without_spinning()  # before PyTorch is imported
