"""Tasks: what ran, how far it is, and start one now. (webadmin/tasks.py has the tasks themselves.)"""
