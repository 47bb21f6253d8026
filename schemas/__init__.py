"""The nouns of rather: what each table holds, its columns, units and rules."""
