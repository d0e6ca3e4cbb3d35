"""One Django app, one room (folder) per group of screens: urls, views, forms, acts. mirror/ is its only bridge to the files."""
