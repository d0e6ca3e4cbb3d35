"""Where would mail for an address go, and why?"""
