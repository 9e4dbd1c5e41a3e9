"""Folders of films become data sets on disk, and data sets become tar files."""
