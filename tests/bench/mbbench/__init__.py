"""What a send costs: mailbearer beside msmtp, curl and a bare yardstick."""
