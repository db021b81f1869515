"""The one exception that a user may cause."""


class UserError(Exception):
    """A mistake or a mishap that the user can mend, as one sentence with the value and the way out.

    The commands print it on standard error and exit with status 2, without a traceback.
    """


LOST = 3  # exit status of one of several processes whose others are gone
