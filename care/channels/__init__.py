"""The doors to customers: text message, WhatsApp, e-mail, WeCom. `contract` says what each can do.

A channel is one file. `registry` opens those that have settings; the others don't exist. Voice has
its name in the database's checks and no file yet.
"""
