"""Commands of ./manage.py: thin shells over the acts, with vpopmail's names, arguments, exit codes and words where it has them."""
