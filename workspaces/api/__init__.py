"""The admin API's common ground (CONTRACT section 7): who calls, may they, one transaction, pages and replays."""
