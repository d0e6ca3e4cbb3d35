"""Tasks: when they run, how far one is, what came of it, and start one now. (The tasks themselves stand in webadmin/tasks.)"""
