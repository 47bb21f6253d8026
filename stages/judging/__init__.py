"""What a judge is asked, what that costs at the most, and what its answers say."""
