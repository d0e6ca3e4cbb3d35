"""The logs of the services: taken into rows every minute, searched and explained in the browser.

analyse    new lines of every service/*/log/main -> rows        retention  old rows go, old hours become days
queries    what the pages ask                                   trace      everything known of one message
"""
