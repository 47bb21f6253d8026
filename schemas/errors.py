"""One drawn tree of the errors a person may meet, each saying what, where and how to mend."""


class RatherError(Exception):
    """Anything rather stops for on purpose; its text is shown without a traceback."""

    exit_code = 1


class UserError(RatherError):
    """A mistake in a file, column, option or parameter that its author can mend."""

    exit_code = 2


class QualityError(RatherError):
    """The data is readable but below the quality its owner declared."""


class BalanceError(RatherError):
    """Rows in do not equal rows kept plus rows dropped: a defect of rather, never of the data."""
