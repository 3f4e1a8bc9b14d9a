"""Features of micrographs from Topaz's pretrained networks, and the score maps made from them."""
