"""What models learn from: the cartoon world, data sets, tar files, videos; and what is drawn from them."""
