"""The work of the commands, one file each; none imports torch before it has to draw or decode."""
