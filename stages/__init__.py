"""The verbs of rather: one file per stage, pure functions of frames."""
