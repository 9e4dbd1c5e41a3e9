"""How far films are from their references: by Frechet and kernel distances of what networks see in them."""
