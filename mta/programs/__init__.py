"""One room per program; '-' in a program's name becomes '_'. Wings are named after the package a program comes from.

A program never imports a program: they meet through files, descriptors, arguments and exit codes.
"""
